"""A `prometheus.yml` does what it says, and is read again on request."""

import pathlib
import signal
import tempfile
import time
import unittest

from peers import STOCK_CONFIGURATION
from product import Server, tsdbctl, wait_until
from targets import ScriptedTarget

CONFIGURATION = """
global:
  scrape_interval: 300ms
  scrape_timeout: 300ms
  external_labels: {{monitor: test}}
scrape_configs:
  - job_name: clash
    static_configs:
      - targets: ["{clash}"]
        labels: {{zone: here}}
  - job_name: honor
    honor_labels: true
    static_configs:
      - targets: ["{clash}"]
        labels: {{zone: here}}
  - job_name: params
    metrics_path: /probe
    params:
      module: [http_2xx, "a b"]
    static_configs:
      - targets: ["{params}"]
        labels: {{__param_module: dns, __param_target: "x&y"}}
  - job_name: path
    static_configs:
      - targets: ["{path}"]
        labels: {{__metrics_path__: /other}}
  - job_name: timestamps
    static_configs:
      - targets: ["{timestamps}"]
  - job_name: own_time
    honor_timestamps: false
    static_configs:
      - targets: ["{timestamps}"]
  - job_name: sample_limit
    sample_limit: 2
    static_configs:
      - targets: ["{three}"]
  - job_name: body_size_limit
    body_size_limit: 1KB
    static_configs:
      - targets: ["{long}"]
  - job_name: enough
    sample_limit: 3
    body_size_limit: 10KB
    static_configs:
      - targets: ["{three}"]
"""


class ConfigurationFileTest(unittest.TestCase):
    """A test case with a directory for configuration files."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = pathlib.Path(directory.name) / "prometheus.yml"


class ScrapeConfigurationTest(unittest.TestCase):
    """One server with a job for each setting."""

    @classmethod
    def setUpClass(cls):
        cls.written_time = round(time.time() * 1000) - 60_000
        bodies = {
            "clash": 'm{job="own",instance="mine",zone="there",exported_job="first"} 1\n',
            "params": "probed 1\n",
            "path": "pathed 1\n",
            "timestamps": f"stamped 5 {cls.written_time}\n",
            "three": "x 1\ny 2\nz 3\n",
            "long": "# " + "long " * 1000 + "\nlong 1\n",
        }
        cls.targets = {name: ScriptedTarget(body) for name, body in bodies.items()}
        for target in cls.targets.values():
            cls.addClassCleanup(target.close)
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        file = pathlib.Path(directory.name) / "prometheus.yml"
        file.write_text(
            CONFIGURATION.format(
                **{name: target.address for name, target in cls.targets.items()}))
        cls.server = Server(f"--config.file={file}")
        cls.addClassCleanup(cls.server.close)
        wait_until(
            lambda: len(cls.server.vector("count_over_time(up[1m]) >= 2")) == 9,
            "all jobs are scraped twice")

    def labels_of(self, selector):
        """The label sets, without the name, that a selector finds."""
        return [
            {name: value for name, value in labels if name != "__name__"}
            for labels in self.server.vector(selector)
        ]

    def last_error(self, job):
        targets = self.server.get("/api/v1/targets").json()["data"]["activeTargets"]
        return next(one["lastError"] for one in targets if one["scrapePool"] == job)

    def test_clashing_labels_are_renamed(self):
        self.assertEqual(
            self.labels_of("m{job='clash'}"),
            [{
                "job": "clash", "instance": self.targets["clash"].address, "zone": "here",
                "exported_job": "first", "exported_exported_job": "own",
                "exported_instance": "mine", "exported_zone": "there",
            }])

    def test_honored_labels_stay(self):
        self.assertEqual(
            self.labels_of("m{job='own'}"),
            [{"job": "own", "instance": "mine", "zone": "there", "exported_job": "first"}])
        self.assertEqual(self.server.value("up{job='honor'}"), 1)

    def test_parameters_are_sent_and_labels_override_the_first(self):
        path, _ = self.targets["params"].requests[0]
        self.assertEqual(path.split("?")[0], "/probe")
        self.assertEqual(
            sorted(path.split("?")[1].split("&")), ["module=a%20b", "module=dns", "target=x%26y"])
        self.assertEqual(
            self.labels_of("probed"),
            [{"job": "params", "instance": self.targets["params"].address}])

    def test_path_label_is_used(self):
        self.assertEqual(self.targets["path"].requests[0][0], "/other")

    def test_explicit_timestamps_are_honored_unless_told_otherwise(self):
        honored = self.server.matrix("stamped{job='timestamps'}[10m]")
        self.assertEqual(list(honored.values()), [[(self.written_time, 5)]])
        (own,) = self.server.matrix("stamped{job='own_time'}[10m]").values()
        self.assertGreater(own[0][0], self.written_time + 30_000)

    def test_limits_fail_the_scrape_whole(self):
        for job in ("sample_limit", "body_size_limit"):
            with self.subTest(job):
                self.assertEqual(self.server.value(f"up{{job='{job}'}}"), 0)
                self.assertEqual(self.labels_of(f"{{__name__=~'x|y|z|long',job='{job}'}}"), [])
                self.assertIn("limit exceeded", self.last_error(job))
        self.assertEqual(self.server.value("up{job='enough'}"), 1)
        self.assertEqual(self.server.value("z{job='enough'}"), 3)
        self.assertEqual(self.server.value("scrape_samples_scraped{job='sample_limit'}"), 3)

    def test_external_labels_are_not_stored(self):
        self.assertEqual(self.server.vector("{monitor!=''}"), {})

    def test_status_shows_the_configuration(self):
        yaml = self.server.get("/api/v1/status/config").json()["data"]["yaml"]
        self.assertIn("job_name: honor", yaml)


class ReloadTest(ConfigurationFileTest):
    """The configuration is read again, and a bad one changes nothing."""

    def setUp(self):
        super().setUp()
        self.first = ScriptedTarget("a 1\n")
        self.second = ScriptedTarget("b 1\n")
        self.addCleanup(self.first.close)
        self.addCleanup(self.second.close)

    def write(self, *targets):
        jobs = "".join(
            f"  - job_name: job{index}\n    static_configs: [{{targets: ['{target.address}']}}]\n"
            for index, target in enumerate(targets))
        self.file.write_text(f"global: {{scrape_interval: 200ms}}\nscrape_configs:\n{jobs}")

    def assert_config_state(self, server, succeeded):
        info = server.get("/api/v1/status/runtimeinfo").json()["data"]
        self.assertIs(info["reloadConfigSuccess"], succeeded)

    def test_hangup_reads_the_file_again(self):
        self.write(self.first)
        with Server(f"--config.file={self.file}") as server:
            wait_until(lambda: server.value("a") == 1, "the first target is scraped")
            self.write(self.first, self.second)
            server.send_signal(signal.SIGHUP)
            wait_until(lambda: server.value("b") == 1, "the second target is scraped")

            self.file.write_text("scrape_configs: 5\n")
            server.send_signal(signal.SIGHUP)
            wait_until(lambda: "the old one stays in force" in server.log, "the log says so")
            self.assertIn("prometheus.yml:1:", server.log)
            self.assert_config_state(server, False)
            count = server.value("count_over_time(b[1m])")
            wait_until(
                lambda: server.value("count_over_time(b[1m])") > count, "scraping goes on")

            self.write(self.first)
            server.send_signal(signal.SIGHUP)
            wait_until(lambda: server.value("b") is None, "the series of a removed target end")
            self.assertEqual(server.value("a"), 1)
            self.assert_config_state(server, True)

    def test_lifecycle_endpoints_are_closed_unless_opened(self):
        with Server() as server:
            for path in ("/-/reload", "/-/quit"):
                answer = server.request("POST", path)
                self.assertEqual((answer.status, answer.text.strip()),
                                 (403, "Lifecycle API is not enabled."))
                self.assertEqual(server.request("GET", path).status, 405)

    def test_reload_over_http(self):
        self.write(self.first)
        with Server(f"--config.file={self.file}", "--web.enable-lifecycle") as server:
            self.write(self.second)
            self.assertEqual(server.request("POST", "/-/reload").status, 200)
            wait_until(lambda: server.value("b") == 1, "the second target is scraped")
            self.file.write_text("global: {scrape_intervall: 1s}\n")
            answer = server.request("POST", "/-/reload")
            self.assertEqual(answer.status, 500)
            self.assertIn("failed to reload config", answer.text)
            self.assertIn("scrape_interval", answer.text, "the nearest name is suggested")
            count = server.value("count_over_time(b[1m])")
            wait_until(
                lambda: server.value("count_over_time(b[1m])") > count, "scraping goes on")
            self.assertEqual(server.request("POST", "/-/quit").status, 200)
            server.process.wait(10)


class CheckTest(ConfigurationFileTest):
    """Mistakes are named with their place and a way out."""

    def check(self, text):
        self.file.write_text(text)
        return tsdbctl("check", "config", self.file)

    def assert_problem(self, text, place, *words):
        result = self.check(text)
        self.assertEqual(result.status, 1, result)
        problem = next(
            (line for line in result.errors.splitlines() if f"{self.file}:{place}: " in line), None)
        self.assertIsNotNone(problem, result.errors)
        for word in words:
            self.assertIn(word, problem)

    def test_debian_stock_file_has_warnings_only(self):
        result = tsdbctl("check", "config", str(STOCK_CONFIGURATION))
        self.assertEqual(result.status, 0, result.errors)
        self.assertIn(f"{STOCK_CONFIGURATION}: valid, 2 scrape configurations", result.output)
        self.assertRegex(result.errors, r'prometheus\.yml:14:1: field "alerting"')

    def test_server_starts_with_the_debian_stock_file(self):
        with Server(f"--config.file={STOCK_CONFIGURATION}") as server:
            pools = server.get("/api/v1/scrape_pools").json()["data"]["scrapePools"]
            self.assertEqual(pools, ["node", "prometheus"])
            self.assertIn("level=WARN", server.log)
            self.assertIn("alerting", server.log)
            self.assertNotIn("level=ERROR", server.log)

    def test_valid_file_is_counted(self):
        result = self.check("scrape_configs:\n- job_name: a\n- job_name: b\n")
        self.assertEqual((result.status, result.errors), (0, ""))
        self.assertIn("2 scrape configurations", result.output)

    def test_unindented_fields_are_explained(self):
        self.assert_problem(
            "scrape_configs:\n- job_name: a\nscrape_interval: 5s\n"
            "static_configs:\n- targets: ['localhost:1']\n",
            "3:1", "scrape_interval", "indent")

    def test_mistakes_have_a_place(self):
        rows = [
            ("global:\n  scrape_intervall: 5s\n", "2:3", "scrape_interval"),
            ("global:\n  scrape_interval: fast\n", "2:20", "fast"),
            ("global: [\n", "2:1", ""),
            ("scrape_configs:\n- job_name: a\n- job_name: a\n", "3:13", "a"),
            ("scrape_configs:\n- static_configs: []\n", "2:3", "job_name"),
            ("global: {}\nglobal: {}\n", "2:1", "global"),
            ("scrape_configs:\n- job_name: a\n  file_sd_configs: [{files: [a.json]}]\n", "3:3",
             "file_sd_configs"),
            ("scrape_configs:\n- job_name: a\n  metric_relabel_configs: [{action: drop}]\n", "3:3",
             "metric_relabel_configs"),
            ("scrape_configs:\n- job_name: a\n  basic_auth: {username: a}\n", "3:3", "basic_auth"),
        ]
        for text, place, word in rows:
            with self.subTest(text):
                self.assert_problem(text, place, word)

    def test_server_refuses_a_bad_file_at_the_start(self):
        self.file.write_text("globl: {}\n")
        result = tsdbctl(
            "serve", f"--config.file={self.file}", "--web.listen-address=127.0.0.1:0",
            f"--storage.tsdb.path={self.file.parent / 'data'}")
        self.assertEqual(result.status, 1)
        self.assertIn(f"{self.file}:1:1: ", result.errors)
        self.assertIn("global", result.errors)
        self.assertFalse((self.file.parent / "data").exists(), "nothing is left behind")


if __name__ == "__main__":
    unittest.main()
