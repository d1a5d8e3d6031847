"""Runs the program under test: its server, and its commands."""

import collections
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("TSDBCTL") or str(ROOT / ".build/debug/tsdbctl")

# Every wait ends as soon as what it waits for is there; this bounds the failure.
PATIENCE_SECONDS = 30


def wait_until(condition, what, timeout=PATIENCE_SECONDS):
    """Calls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain until {what}")
        time.sleep(0.02)


CommandResult = collections.namedtuple("CommandResult", "status output errors")


def tsdbctl(*arguments, timeout=60):
    """Runs one command to its end."""
    process = subprocess.run(
        [BINARY, *arguments], capture_output=True, text=True, timeout=timeout,
        stdin=subprocess.DEVNULL)
    return CommandResult(process.returncode, process.stdout, process.stderr)


def server_command(data_directory, *arguments):
    """The command line of a server on a free loopback port."""
    return [
        BINARY, "serve", "--web.listen-address=127.0.0.1:0",
        f"--storage.tsdb.path={data_directory}", *map(str, arguments)]


class Answer:
    """An HTTP answer."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def text(self):
        return self.body.decode("utf-8")

    def json(self):
        return json.loads(self.body)


class Client:
    """Asks a server of the Prometheus API at `address`, a `host:port`."""

    def __init__(self, address):
        self.address = address

    def request(self, method, target, body=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            try:
                connection.request(method, target, body=body, headers=headers or {})
            except (BrokenPipeError, ConnectionResetError):
                if connection.sock is None:
                    raise
                # A refusal may come before all of a large body is sent.
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, headers=None, **parameters):
        target = path
        if parameters:
            target += "?" + urllib.parse.urlencode(parameters, doseq=True)
        return self.request("GET", target, headers=headers)

    def post_form(self, path, headers=None, **parameters):
        body = urllib.parse.urlencode(parameters, doseq=True).encode()
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.request("POST", path, body=body, headers=form)

    def data(self, path, **parameters):
        """The `data` of a successful answer."""
        answer = self.post_form(path, **parameters)
        if answer.status != 200:
            raise AssertionError(f"{path} {parameters}: status {answer.status}: {answer.text}")
        return answer.json()["data"]

    def vector(self, expression, time=None):
        """An instant query's values by label set, a frozenset of pairs."""
        parameters = {"query": expression}
        if time is not None:
            parameters["time"] = f"{time:.3f}"
        data = self.data("/api/v1/query", **parameters)
        assert data["resultType"] == "vector", data
        return {
            frozenset(element["metric"].items()): float(element["value"][1])
            for element in data["result"]
        }

    def value(self, expression, time=None):
        """The only value of an instant query, or None when there is none."""
        values = list(self.vector(expression, time).values())
        assert len(values) <= 1, f"{expression} has {len(values)} results"
        return values[0] if values else None

    def matrix(self, expression, time=None):
        """A range selector's samples by label set, as pairs of milliseconds and value."""
        parameters = {"query": expression}
        if time is not None:
            parameters["time"] = f"{time:.3f}"
        data = self.data("/api/v1/query", **parameters)
        assert data["resultType"] == "matrix", data
        return {
            frozenset(series["metric"].items()): [
                (round(moment * 1000), float(value)) for moment, value in series["values"]
            ]
            for series in data["result"]
        }


class Server(Client):
    """A running `tsdbctl serve` on a free loopback port.

    The data directory is a temporary one of its own unless given.
    """

    def __init__(self, *arguments, data=None, ready_timeout=PATIENCE_SECONDS):
        self.workspace = pathlib.Path(tempfile.mkdtemp(prefix="tsdb-end-to-end-"))
        self.data_directory = pathlib.Path(data) if data else self.workspace / "data"
        self.log_path = self.workspace / "log"
        self.arguments = arguments
        self.process = None
        self.was_killed = False
        self.ready_seconds = None
        super().__init__(None)
        self._start(ready_timeout)

    def _start(self, ready_timeout):
        begin = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                server_command(self.data_directory, *self.arguments),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.workspace)
        try:
            self.address = wait_until(self._announced_address, "the server is ready", ready_timeout)
            assert self.get("/-/ready").status == 200
        except BaseException:
            self.kill()
            raise
        self.ready_seconds = time.monotonic() - begin

    def _announced_address(self):
        if self.process.poll() is not None:
            raise AssertionError(
                f"the server ended with status {self.process.returncode}:\n{self.log}")
        for line in reversed(self.log_lines):
            if line.startswith("{"):
                fields = json.loads(line)
            else:
                fields = dict(word.split("=", 1) for word in line.split() if "=" in word)
            if fields.get("msg") == "ready":
                return fields["url"].removeprefix("http://")
        return None

    @property
    def url(self):
        return f"http://{self.address}"

    @property
    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    @property
    def log_lines(self):
        return self.log.splitlines()

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """Ends the server as an operator would, and demands that it ends well.

        Does nothing after `kill`.
        """
        if self.was_killed:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop:\n{self.log}") from None
        if status != 0:
            raise AssertionError(f"the server ended with status {status}:\n{self.log}")

    def kill(self):
        """Ends the server as a crash would."""
        self.was_killed = True
        self.process.kill()
        self.process.wait()

    def remove(self):
        """Removes what the server has left, the data too if they are its own."""
        shutil.rmtree(self.workspace, ignore_errors=True)

    def close(self):
        """Stops the server and removes what it has left."""
        try:
            self.stop()
        finally:
            self.remove()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None:
            self.close()
            return
        # The test has failed already: its own error is the one to see.
        error.add_note(f"log of the server:\n{self.log[-4000:]}")
        self.kill()
        self.remove()
