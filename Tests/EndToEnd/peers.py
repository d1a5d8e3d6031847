"""Real peers: Debian's Prometheus and its promtool."""

import pathlib
import shutil
import socket
import subprocess
import tempfile

from product import PATIENCE_SECONDS, ROOT, Client, wait_until

DIRECTORY = ROOT / ".build/peers"
PROMETHEUS = DIRECTORY / "usr/bin/prometheus"
PROMTOOL = DIRECTORY / "usr/bin/promtool"
STOCK_CONFIGURATION = DIRECTORY / "etc/prometheus/prometheus.yml"


def free_port():
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def promtool(*arguments, standard_input=""):
    return subprocess.run(
        [PROMTOOL, *arguments], input=standard_input, capture_output=True, text=True, timeout=60)


class Prometheus(Client):
    """A running Prometheus on a free loopback port, in a directory of its own."""

    def __init__(self, configuration, *arguments):
        self.workspace = pathlib.Path(tempfile.mkdtemp(prefix="tsdb-peer-"))
        (self.workspace / "prometheus.yml").write_text(configuration)
        super().__init__(f"127.0.0.1:{free_port()}")
        with open(self.workspace / "log", "wb") as log:
            self.process = subprocess.Popen(
                [
                    PROMETHEUS, f"--config.file={self.workspace / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self.workspace / 'data'}",
                    f"--web.listen-address={self.address}",
                    f"--web.console.templates={self.workspace}",
                    f"--web.console.libraries={self.workspace}", *arguments,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.workspace)
        try:
            wait_until(self._is_ready, "Prometheus is ready")
        except BaseException:
            self.close()
            raise

    def _is_ready(self):
        if self.process.poll() is not None:
            log = (self.workspace / "log").read_text()
            raise AssertionError(f"Prometheus ended:\n{log}")
        try:
            return self.get("/-/ready").status == 200
        except OSError:
            return False

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.workspace, ignore_errors=True)
