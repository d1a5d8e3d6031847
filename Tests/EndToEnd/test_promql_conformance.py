"""The conformance scripts of PromQL, where they lie beside the repository.

They are run twice: by `tsdbctl test promql`, in its own process, and by their own
runner, which asks a server over HTTP. Both must find the same.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from product import BINARY, ROOT, tsdbctl

SCRIPTS = pathlib.Path(
    os.environ.get("TSDB_CONFORMANCE") or ROOT.parent / "shared" / "conformance") / "promql"
SERVER = (
    f"{BINARY} serve --storage.tsdb.path={{dir}} --web.listen-address=127.0.0.1:{{port}} "
    "--storage.tsdb.retention.time=100y")


@unittest.skipUnless(SCRIPTS.is_dir(), f"there are no scripts in {SCRIPTS}")
class ConformanceTest(unittest.TestCase):
    def test_in_process(self):
        result = tsdbctl("test", "promql", str(SCRIPTS), timeout=300)
        self.assertEqual((result.status, result.errors), (0, ""), result.output[-5000:])
        self.assertEqual(result.output, f"{self.count_evals()} passed, 0 failed\n")

    def test_over_http(self):
        with tempfile.TemporaryDirectory() as directory:
            report = pathlib.Path(directory) / "report.json"
            process = self.run_tests(
                "--server-cmd", SERVER, "--report", str(report), "--workdir", directory)
            self.assertEqual(process.returncode, 0, process.stdout[-5000:] + process.stderr)
            self.assertIn(f"\n{self.count_evals()} passed, 0 failed\n", "\n" + process.stdout)
            self.assertTrue(json.loads(report.read_text()))

    def run_tests(self, *arguments):
        return subprocess.run(
            [sys.executable, str(SCRIPTS / "run_tests.py"), *arguments],
            capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)

    def count_evals(self):
        """How many there are, by the scripts' own count."""
        lines = self.run_tests("--list").stdout.splitlines()
        self.assertTrue(lines, "nothing is listed")
        return int(lines[-1].removeprefix("total: ").split()[0])
