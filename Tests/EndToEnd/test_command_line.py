"""The command line: help, mistakes, and queries on a directory."""

import http.client
import os
import pathlib
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import remote_write
from product import BINARY, Server, tsdbctl, wait_until

COMMANDS = [
    "serve", "query", "query instant", "query range", "query series", "query labels",
    "delete", "verify", "info", "snapshot", "compact", "check config",
    "test promql", "promql format", "version",
]


class HelpTest(unittest.TestCase):
    def test_every_command_explains_itself(self):
        overview = tsdbctl("--help")
        self.assertEqual((overview.status, overview.errors), (0, ""))
        for command in COMMANDS:
            with self.subTest(command):
                self.assertIn(f"  {command} ", overview.output)
                result = tsdbctl(*command.split(), "--help")
                self.assertEqual((result.status, result.errors), (0, ""))
                self.assertIn(f"usage: tsdbctl {command}", result.output)
                self.assertEqual(tsdbctl("help", *command.split()), result)

    def test_help_names_defaults(self):
        text = tsdbctl("serve", "--help").output
        for default in ("127.0.0.1:9090", "data/", "15d", "5m", "2m", "50000000", "20"):
            self.assertIn(f"Default: {default}.", text)

    def test_help_is_narrow_enough_for_a_terminal(self):
        for command in COMMANDS:
            for line in tsdbctl(*command.split(), "--help").output.splitlines():
                self.assertLessEqual(len(line), 100, line)

    def test_version(self):
        for arguments in (["version"], ["--version"]):
            result = tsdbctl(*arguments)
            self.assertEqual(result.status, 0)
            self.assertRegex(result.output, r"\d+\.\d+")

    def test_nothing_at_all_is_a_usage_error(self):
        result = tsdbctl()
        self.assertEqual(result.status, 2)
        self.assertIn("usage: tsdbctl", result.output + result.errors)


class PromQLFormatTest(unittest.TestCase):
    def format(self, *arguments, text=""):
        return subprocess.run(
            [BINARY, "promql", "format", *arguments], input=text, capture_output=True, text=True,
            timeout=60)

    def test_operand_and_standard_input(self):
        for result in [self.format("sum(up)by(job)"), self.format(text="sum(up)\nby(job)\n"),
                       self.format("-", text="sum(up)by(job)")]:
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertEqual(result.stdout, "sum by (job) (up)\n")

    def test_mistakes_are_pointed_at(self):
        result = self.format(text="sum(up\n")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertIn("1:7: parse error: unclosed left parenthesis", result.stderr)
        self.assertIn("  sum(up\n        ^", result.stderr)

    def test_long_expressions_are_shown_around_the_place(self):
        result = self.format("up+" * 60 + "x y" + "+up" * 60)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        line, caret = result.stderr.rstrip("\n").split("\n")[-2:]
        self.assertRegex(line, r"^  \.\.\..*\+x y\+.*\.\.\.$")
        self.assertLessEqual(len(line), 88)
        self.assertEqual(line[caret.index("^")], "y")


class ScriptTest(unittest.TestCase):
    def run_script(self, text, *arguments):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "a.test"
            path.write_text(text)
            (pathlib.Path(directory) / "other.txt").write_text("no script")
            return path, tsdbctl("test", "promql", *arguments, str(path)), tsdbctl(
                "test", "promql", *arguments, directory)

    SCRIPT = "load 1m\n  up 1 0\n\neval instant at 1m up\n  up 1\n\neval instant at 0 up\n  up 1\n"

    def test_differences(self):
        path, *results = self.run_script(self.SCRIPT)
        for result in results:
            self.assertEqual((result.status, result.errors), (1, ""))
            self.assertEqual(
                result.output.splitlines(),
                [f"FAIL  {path}:4 instant at 1m: up", "      up at 1m: expected 1, found 0",
                 "      - up 1", "      + up 0", "1 passed, 1 failed"])

    def test_selection(self):
        path, result, _ = self.run_script(self.SCRIPT, "--line=7", "-v")
        self.assertEqual(result.status, 0)
        self.assertEqual(
            result.output, f"ok    {path}:7 instant at 0: up\n1 passed, 0 failed\n")
        _, result, _ = self.run_script(self.SCRIPT, "--run", "nothing")
        self.assertEqual(result.status, 2)
        _, result, _ = self.run_script(self.SCRIPT, "--run", "(")
        self.assertEqual(result.status, 2)
        self.assertIn("--run", result.errors)

    def test_faults_in_scripts_have_a_line(self):
        path, result, _ = self.run_script("load 1m\n  up 1z\n")
        self.assertEqual(result.status, 1)
        self.assertIn(f'FAIL  {path}:2: "1z" is no value', result.output)

    def test_nothing_to_run(self):
        self.assertEqual(tsdbctl("test", "promql").status, 2)
        self.assertEqual(tsdbctl("test", "promql", "/none.test").status, 2)


class UsageErrorTest(unittest.TestCase):
    def assert_usage_error(self, arguments, *words):
        result = tsdbctl(*arguments)
        self.assertEqual((result.status, result.output), (2, ""), result)
        self.assertTrue(result.errors.startswith("tsdbctl: "), result.errors)
        for word in words:
            self.assertIn(word, result.errors)

    def test_mistakes_are_named_with_a_way_out(self):
        rows = [
            (["serv"], "unknown command", "did you mean `tsdbctl serve`?"),
            (["qury", "up"], "did you mean `tsdbctl query`?"),
            (["query rage", "up"], "unknown command"),
            (["check"], "check config"),
            (["serve", "--storage.tsdb.pth=x"], "--storage.tsdb.pth", "--storage.tsdb.path"),
            (["serve", "--web.listen-adress", "x"], "did you mean --web.listen-address?"),
            (["serve", "-p", "80"], "-p"),
            (["serve", "--storage.tsdb.path"], "needs a value"),
            (["serve", "--web.enable-lifecycle=5"], "web.enable-lifecycle"),
            (["serve", "--log.level=loud"], "debug, info, warn or error"),
            (["serve", "--storage.tsdb.retention.time=ever"], "duration"),
            (["serve", "--scrape.timestamp-tolerance=soon"], "scrape.timestamp-tolerance", "30s"),
            (["serve", "--scrape.adjust-timestamps=maybe"], "scrape.adjust-timestamps"),
            (["serve", "--storage.tsdb.retention.size=10"], "10GiB"),
            (["serve", "--storage.tsdb.retention=5d"], "mean --storage.tsdb.retention.time?"),
            (["serve", "--storage.min-free-space=much"], "--storage.min-free-space=much", "size"),
            (["serve", "--storage.durability=always"], "sync, interval=<duration> or os"),
            (["serve", "--storage.durability=interval"], "interval=100ms"),
            (["serve", "--storage.durability=interval=0s"], "positive duration"),
            (["snapshot", "data"], "name the data directory and the one to make"),
            (["snapshot", "data", ""], "name the data directory and the one to make"),
            (["snapshot", "data", "copy", "--skip-head"], "--skip-head without --url"),
            (["snapshot", "data", "copy", "--url=x"], "--url together with a directory"),
            (["compact", "data"], "tsdbctl compact data copy-of-data"),
            (["serve", "--storage.on-duplicate=drop"], "reject, keep or replace"),
            (["serve", "--query.max-samples=0"], "query.max-samples"),
            (["serve", "--query.max-concurrency=1000000000000"], "1000"),
            (["serve", "--storage.tsdb.path="], "needs a value"),
            (["query", "up", "--query.lookback-delta=0"], "query.lookback-delta"),
            (["serve", "--web.listen-address=nowhere"], "nowhere", "port"),
            (["serve", "--config.file=a.yml", "localhost:80"], "--config.file"),
            (["serve", "--config.file=a.yml", "--config.file=b.yml"], "twice"),
            (["query"], "expression is missing"),
            (["query", "up", "down"], "quote"),
            (["query", "up", "--time=yesterday"], "--time=yesterday", "RFC 3339"),
            (["query", "range", "up", "--step=0"], "--step=0"),
            (["query", "range", "up", "--start=5", "--end=4"], "--start is after --end"),
            (["query", "up", "--url=ftp://x"], "http"),
            (["query", "up", "--url=http://x", "--path=y"], "exclude each other"),
            (["query", "series"], "selector"),
            (["query", "labels", "a", "b"], "one label name"),
            (["check", "config"], "name the file"),
        ]
        for arguments, *words in rows:
            with self.subTest(arguments):
                self.assert_usage_error(arguments, *words)

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            result = subprocess.run(
                [BINARY, "version"], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"can't write to standard output: No space left", result.stderr)

    def test_bad_targets(self):
        for target in ("localhost", "a=localhost", "=localhost:80", "localhost:99999",
                       "http://localhost:80"):
            with self.subTest(target):
                self.assert_usage_error(
                    ["serve", target, "--web.listen-address=127.0.0.1:0"],
                    target.removeprefix("a="))

    def test_output_format_is_checked_before_asking(self):
        result = tsdbctl("query", "up", "--output=xml", "--url=http://127.0.0.1:1")
        self.assertEqual(result.status, 2)
        self.assertIn("table, json, csv or promql", result.errors)


class FlagNotationTest(unittest.TestCase):
    def test_both_notations_and_defaults(self):
        with Server(
                "--query.lookback-delta", "7m", "--query.timeout=30s", "--no-web.enable-lifecycle",
                "--web.enable-remote-write-receiver", "--log.format=json",
                "--no-scrape.adjust-timestamps", "--scrape.timestamp-tolerance=0") as server:
            self.assertTrue(all(line.startswith("{") for line in server.log_lines), server.log)
            flags = server.get("/api/v1/status/flags").json()["data"]
            self.assertEqual(flags["query.lookback-delta"], "7m")
            self.assertEqual(flags["query.timeout"], "30s")
            self.assertEqual(flags["web.enable-lifecycle"], "false")
            self.assertEqual(flags["web.enable-remote-write-receiver"], "true")
            self.assertEqual(flags["scrape.adjust-timestamps"], "false")
            self.assertEqual(flags["scrape.timestamp-tolerance"], "0")


class ServerQueryTest(unittest.TestCase):
    """`query` against a server."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.now = int(time.time())
        remote_write.send(
            cls.server, ({"__name__": "a", "l": 'x,"y"'}, [(cls.now * 1000, 1.5)]),
            ({"__name__": "b"}, [(cls.now * 1000, 2)]))

    def query(self, *arguments):
        return tsdbctl("query", *arguments, f"--url={self.server.url}")

    def test_words_for_the_instant_query(self):
        plain = self.query("a", f"--time={self.now}")
        self.assertEqual(plain.status, 0, plain.errors)
        self.assertEqual(self.query("instant", "a", "--time", str(self.now)), plain)
        self.assertEqual(self.query("b", "--output=csv").output, "metric,value\nb,2\n")

    def test_csv_is_quoted(self):
        self.assertEqual(
            self.query("a", "--output=csv").output, 'metric,l,value\na,"x,""y""",1.5\n')

    def test_series_and_labels(self):
        series = self.query("series", "{__name__=~'a|b'}", "--output=csv")
        self.assertEqual(series.output, 'metric,l\na,"x,""y"""\nb,\n')
        self.assertEqual(self.query("series", "--match=a", "--match", "b", "--output=csv"), series)
        labels = self.query("labels", "--match=a", "--output=csv")
        self.assertEqual(labels.output.split(), ["label", "__name__", "l"])
        values = self.query("labels", "__name__", "--match={l!=''}", "--output=csv")
        self.assertEqual(values.output.split(), ["__name__", "a"])

    def test_nothing_found_is_no_failure(self):
        result = self.query("nosuch")
        self.assertEqual((result.status, result.output), (0, ""))
        self.assertIn("no result", result.errors)

    def test_errors_point_at_the_place(self):
        result = self.query("sum(a")
        self.assertEqual((result.status, result.output), (1, ""))
        self.assertIn("unclosed left parenthesis", result.errors)
        self.assertIn("\n  sum(a\n", result.errors)
        self.assertRegex(result.errors, r"\n +\^\n")

    def test_no_server_there(self):
        result = tsdbctl("query", "up", "--url=http://127.0.0.1:1")
        self.assertEqual(result.status, 1)
        self.assertIn("127.0.0.1:1", result.errors)
        self.assertIn("hint: ", result.errors)

    def test_closed_pipe_ends_quietly(self):
        process = subprocess.run(
            f"{shlex.quote(BINARY)} query range --step=1s --url={self.server.url} "
            f"--start={self.now - 10000} --end={self.now} 'vector(time())' | head -1",
            shell=True, capture_output=True, text=True, timeout=60)
        self.assertEqual(process.stderr, "")
        self.assertEqual(len(process.stdout.splitlines()), 1)


class DirectoryQueryTest(unittest.TestCase):
    """`query --path`: a data directory, with and without a live server."""

    def test_beside_a_live_server_counts_never_fall(self):
        with Server() as server:
            now = round(time.time() * 1000) - 60_000
            stop = threading.Event()
            acknowledged = [0]
            failures = []

            def write():
                while not stop.is_set():
                    number = acknowledged[0]
                    answer = remote_write.send(server, *[
                        ({"__name__": "growing", "n": str(member)}, [(now + number, number)])
                        for member in range(5)])
                    if answer.status != 204:
                        failures.append(answer.text)
                    acknowledged[0] += 1

            writer = threading.Thread(target=write)
            writer.start()
            try:
                wait_until(lambda: acknowledged[0] > 0, "a batch is acknowledged")
                seen = 0
                for _ in range(15):
                    known = acknowledged[0]
                    result = tsdbctl(
                        "query", f"--path={server.data_directory}", "--output=csv",
                        f"--time={now / 1000 + 60:.3f}", "count_over_time(growing[2m])")
                    self.assertEqual(result.status, 0, result.errors)
                    self.assertEqual(result.errors, "")
                    counts = [int(line.split(",")[-1]) for line in result.output.splitlines()[1:]]
                    self.assertEqual(len(counts), 5)
                    self.assertEqual(len(set(counts)), 1, "batches are seen whole")
                    self.assertGreaterEqual(counts[0], known, "acknowledged samples are there")
                    self.assertGreaterEqual(counts[0], seen)
                    seen = counts[0]
            finally:
                stop.set()
                writer.join()
            self.assertEqual(failures, [])

    def test_all_kinds_of_questions_answer_alike(self):
        with tempfile.TemporaryDirectory() as data:
            moment = round(time.time())
            questions = [
                ["a", f"--time={moment}"],
                ["range", "sum(a)", f"--start={moment - 20}", f"--end={moment}", "--step=5s"],
                ["series", "a"],
                ["labels"],
                ["labels", "n", "--match=a"],
            ]
            with Server(data=data) as server:
                remote_write.send(server, *[
                    ({"__name__": "a", "n": str(member)},
                     [((moment - 10) * 1000, member), (moment * 1000, member + 0.5)])
                    for member in range(3)])
                # One scrape of itself may come between two questions: ask both at once.
                for question in questions:
                    if question == ["labels"]:
                        continue
                    with self.subTest(question):
                        asked = tsdbctl("query", *question, f"--url={server.url}")
                        read = tsdbctl("query", *question, f"--path={data}")
                        self.assertEqual(asked.status, 0)
                        self.assertEqual(read, asked)
            for question in questions:
                with self.subTest(question, server="stopped"):
                    result = tsdbctl("query", *question, f"--path={data}")
                    self.assertEqual((result.status, result.errors), (0, ""))
                    self.assertNotEqual(result.output, "")

    def test_forms_of_output(self):
        with tempfile.TemporaryDirectory() as data:
            with Server("--storage.tsdb.retention.time=100y", data=data) as server:
                remote_write.send(server, ({"__name__": "a", "n": "1"}, [
                    (step * 10_000, float(step)) for step in range(9) if step != 4]))
            window = ["--start=0", "--end=80", "--step=10s", "--query.lookback-delta=10s"]

            def lines(*arguments):
                result = tsdbctl("query", *arguments, f"--path={data}")
                self.assertEqual((result.status, result.errors), (0, ""))
                return result.output.splitlines()

            with self.subTest("promql"):
                self.assertEqual(
                    lines("a", "--time=10.5", "--output=promql"), ['a{n="1"} => 1 @[10.5]'])
                self.assertEqual(
                    lines("range", "a", "--output=promql", "--start=0", "--end=10", "--step=10s"),
                    ['a{n="1"} =>', "0 @[0]", "1 @[10]"])
                self.assertEqual(lines("1", "--time=1", "--output=promql"), ["scalar: 1 @[1]"])
                self.assertEqual(
                    lines("series", "a", "--output=promql"), ['{__name__="a", n="1"}'])
                self.assertEqual(
                    lines("labels", "n", "--match=a", "--output=promql"), ["1"])
            with self.subTest("sparklines"):
                self.assertEqual(
                    lines("range", "a", "--sparklines", *window),
                    ["metric  n  course     lowest  highest  last",
                     "a       1  ▁▂▃▄ ▅▆▇█       0        8     8"])
                self.assertEqual(len(lines("range", "a", *window)), 9, "no terminal, no line")
            with self.subTest("explain"):
                header, *rows = lines("range", "sum by (n) (delta(a[20s])) * 2", "--explain", *window)
                self.assertEqual(header.split(), ["operator", "series", "values", "time"])
                cells = [row.rsplit(None, 4)[:-2] for row in rows]
                self.assertEqual(cells, [
                    ["each * scalar", "1", "6"],
                    ["  sum by (n)", "1", "6"],
                    ["    delta", "1", "6"],
                    ["      windows of 20s of a from 1970-01-01T00:00:00Z through "
                     "1970-01-01T00:01:20Z step 10s", "1", "8"]])

    def test_old_directory_hints_at_its_newest_sample(self):
        with tempfile.TemporaryDirectory() as directory:
            # A configuration without targets: not even the server itself is scraped.
            configuration = pathlib.Path(directory) / "prometheus.yml"
            configuration.write_text("scrape_configs: []\n")
            data = f"{directory}/data"
            with Server(
                    f"--config.file={configuration}", "--storage.tsdb.retention.time=100y",
                    data=data) as server:
                remote_write.send(server, ({"__name__": "old"}, [(1_600_000_000_000, 3)]))
            result = tsdbctl("query", f"--path={data}", "old")
            self.assertEqual((result.status, result.output), (0, ""))
            self.assertIn("2020-09-13T12:26:40Z", result.errors)
            self.assertIn("--time", result.errors)
            result = tsdbctl("query", f"--path={data}", "old", "--time=2020-09-13T12:26:40Z")
            self.assertRegex(result.output, r"old +3\n")

    def test_what_is_no_data_directory(self):
        with tempfile.TemporaryDirectory() as directory:
            for path in (directory, f"{directory}/nosuch", __file__):
                with self.subTest(path):
                    result = tsdbctl("query", f"--path={path}", "up")
                    self.assertEqual((result.status, result.output), (1, ""))
                    self.assertIn(path, result.errors)
                    self.assertIn("hint: ", result.errors)
            self.assertEqual(os.listdir(directory), [], "reading leaves nothing behind")


class StartFailureTest(unittest.TestCase):
    """What keeps a server from starting is said in one sentence, with a remedy."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def start(self, *arguments):
        result = tsdbctl("serve", "--web.listen-address=127.0.0.1:0", *arguments)
        self.assertEqual(result.status, 1, result)
        message = next(
            line for line in result.errors.splitlines() if line.startswith("tsdbctl: "))
        return message, result.errors

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            result = tsdbctl(
                "serve", f"--web.listen-address={address}",
                f"--storage.tsdb.path={self.directory / 'data'}")
            self.assertEqual(result.status, 1)
            self.assertIn(address, result.errors)
            self.assertIn("in use", result.errors)
            self.assertIn("hint: ", result.errors)
            self.assertFalse((self.directory / "data").exists(), "nothing is left behind")

    def test_directory_in_use(self):
        with Server() as server:
            remote_write.send(server, ({"__name__": "kept"}, [(round(time.time() * 1000), 1)]))
            message, _ = self.start(f"--storage.tsdb.path={server.data_directory}")
            self.assertIn(str(server.process.pid), message)
            self.assertIn(str(server.data_directory), message)
            self.assertEqual(server.value("kept"), 1, "the first server goes on")

    def test_path_below_a_file(self):
        file = self.directory / "file"
        file.write_text("")
        message, _ = self.start(f"--storage.tsdb.path={file / 'data'}")
        self.assertIn(str(file / "data"), message)
        message, _ = self.start(f"--storage.tsdb.path={file}")
        self.assertIn(str(file), message)

    @unittest.skipIf(os.geteuid() == 0, "root may write anywhere")
    def test_unwritable_directory(self):
        locked = self.directory / "locked"
        locked.mkdir(mode=0o500)
        message, _ = self.start(f"--storage.tsdb.path={locked / 'data'}")
        self.assertIn("ermission", message)

    def test_missing_configuration(self):
        message, output = self.start("--config.file=/nosuch/prometheus.yml")
        self.assertIn("/nosuch/prometheus.yml", message)
        self.assertIn("hint: ", output)

    def test_directory_without_its_journal(self):
        data = self.directory / "data"
        with Server(data=data) as server:
            remote_write.send(server, ({"__name__": "kept"}, [(round(time.time() * 1000), 1)]))
            server.stop()
        shutil.rmtree(data / "journal")
        message, output = self.start(f"--storage.tsdb.path={data}")
        self.assertIn("its journal is gone", message)
        self.assertIn(f'hint: restore "{data}/journal" or a snapshot', output)
        for command in (["query", f"--path={data}", "kept"], ["info", str(data)],
                        ["compact", str(data), f"{data}-copy"],
                        ["delete", f"--path={data}", "--match=kept"]):
            with self.subTest(command[0]):
                result = tsdbctl(*command)
                self.assertEqual((result.status, result.output), (1, ""))
                self.assertIn("its journal is gone", result.errors)
        (data / "journal").mkdir()
        with Server(data=data) as server:
            self.assertEqual(server.get("/-/ready").status, 200)

    def test_damaged_database_file(self):
        with Server(data=self.directory / "data") as server:
            server.stop()
        for file in (self.directory / "data").rglob("*.mdb"):
            if file.name != "lock.mdb":
                file.write_bytes(b"\xff" * 8192)
        message, output = self.start(f"--storage.tsdb.path={self.directory / 'data'}")
        self.assertIn(str(self.directory / "data"), message)
        self.assertIn("hint: ", output)

    def test_unreachable_target_does_not_keep_it_from_starting(self):
        with Server("127.0.0.1:1", "--scrape.interval=200ms") as server:
            wait_until(lambda: server.value("up{job='scrape'}") == 0, "the target is tried")


class StopTest(unittest.TestCase):
    def test_both_signals_end_well_and_fast(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = Server()
            begin = time.monotonic()
            server.send_signal(number)
            self.assertEqual(server.process.wait(20), 0, server.log)
            self.assertLess(time.monotonic() - begin, 5)
            self.assertIn("msg=stopped", server.log)
            server.remove()

    def test_idle_clients_do_not_hold_up_a_stop(self):
        server = Server()
        self.addCleanup(server.remove)
        host, port = server.address.split(":")
        unused = socket.create_connection((host, int(port)), timeout=20)
        self.addCleanup(unused.close)
        kept = http.client.HTTPConnection(server.address, timeout=20)
        self.addCleanup(kept.close)
        kept.request("GET", "/-/ready")
        kept.getresponse().read()
        begin = time.monotonic()
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(20), 0, server.log)
        self.assertLess(time.monotonic() - begin, 5)
        self.assertEqual(unused.recv(1), b"")
        self.assertEqual(kept.sock.recv(1), b"")

    def test_acknowledged_samples_are_there_after_a_stop(self):
        with tempfile.TemporaryDirectory() as data:
            moment = round(time.time() * 1000)
            with Server(data=data) as server:
                remote_write.send(server, ({"__name__": "lasting"}, [(moment, 42)]))
            with Server(data=data) as server:
                self.assertEqual(server.value("lasting", moment / 1000), 42)


if __name__ == "__main__":
    unittest.main()
