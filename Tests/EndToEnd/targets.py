"""What the server scrapes: a scripted target, and a real client program."""

import http.server
import pathlib
import subprocess
import sys
import threading

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"


class QuietServer(http.server.ThreadingHTTPServer):
    """Does not report clients that leave before the end of the answer."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class ScriptedTarget:
    """An HTTP server on a loopback port that answers as it is told.

    `body`, `status` and `headers` may be changed at any time. A `raw` answer is
    sent byte for byte, then the connection is closed.
    """

    def __init__(self, body="", content_type=TEXT_FORMAT, port=0):
        self.body = body
        self.status = 200
        self.headers = {} if content_type is None else {"Content-Type": content_type}
        self.raw = None
        self.requests = []
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                target._answer(self)

            def log_message(self, *arguments):
                pass

        self._handler = Handler
        self._server = None
        self._listen(port)

    def _listen(self, port):
        self._server = QuietServer(("127.0.0.1", port), self._handler)
        self.port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def _answer(self, handler):
        self.requests.append((handler.path, dict(handler.headers)))
        if self.raw is not None:
            handler.wfile.write(self.raw)
            handler.close_connection = True
            return
        body = self.body if isinstance(self.body, bytes) else self.body.encode("utf-8")
        handler.send_response(self.status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def go_down(self):
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()

    def come_back(self):
        """Opens the same port again."""
        self._listen(self.port)

    close = go_down


class InstrumentedProcess:
    """A process of its own that serves metrics with `prometheus_client`."""

    def __init__(self):
        program = pathlib.Path(__file__).with_name("instrumented_program.py")
        self.process = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.address = f"127.0.0.1:{int(self.process.stdout.readline())}"

    def close(self):
        # The program ends with its standard input.
        self.process.communicate(timeout=10)
