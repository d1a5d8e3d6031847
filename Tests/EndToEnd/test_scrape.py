"""Scraping: what real clients serve is stored, queried and explained."""

import csv
import io
import json
import math
import time
import unittest

from product import Server, tsdbctl, wait_until
from reference import histogram_quantile, increase_and_rate
from targets import InstrumentedProcess, ScriptedTarget


def labelled(vector, name):
    """The values of a vector by one label."""
    return {dict(labels)[name]: value for labels, value in vector.items()}


class InstrumentedProcessTest(unittest.TestCase):
    """A process with `prometheus_client`, scraped every second."""

    # Seconds; there are samples in all of it.
    WINDOW = 4

    @classmethod
    def setUpClass(cls):
        cls.program = InstrumentedProcess()
        cls.addClassCleanup(cls.program.close)
        cls.server = Server(f"work={cls.program.address}", "--scrape.interval", "1s")
        cls.addClassCleanup(cls.server.close)
        wait_until(
            lambda: (cls.server.value("count_over_time(up{job='work'}[1m])") or 0) > cls.WINDOW + 1,
            "enough scrapes are stored")
        cls.time = time.time()

    def raw(self, selector):
        """The samples in the window before the moment of the test, by label set."""
        return self.server.matrix(f"{selector}[{self.WINDOW}s]", self.time)

    def assert_close(self, actual, expected):
        self.assertTrue(
            math.isclose(actual, expected, rel_tol=1e-9), f"{actual!r} is not {expected!r}")

    def rates(self, selector):
        """The rates by label set without name, by the reference."""
        end = round(self.time * 1000)
        return {
            labels - {("__name__", dict(labels)["__name__"])}: increase_and_rate(
                samples, end - self.WINDOW * 1000, end)[1]
            for labels, samples in self.raw(selector).items()
        }

    def test_targets_are_up(self):
        up = labelled(self.server.vector("up"), "job")
        self.assertEqual(up, {"work": 1, "tsdb": 1})

    def test_rate_follows_from_the_samples(self):
        expected = self.rates("work_requests_total")
        actual = self.server.vector(f"rate(work_requests_total[{self.WINDOW}s])", self.time)
        self.assertEqual(len(actual), 2)
        self.assertEqual(actual.keys(), expected.keys())
        for labels, value in actual.items():
            self.assert_close(value, expected[labels])
        # The program's own pace, as far as a busy machine lets it be seen.
        self.assertAlmostEqual(labelled(actual, "method")["get"], 40, delta=8)

    def test_sum_by_adds_the_rates(self):
        rates = self.rates("work_requests_total")
        total = self.server.value(
            f"sum by (job) (rate(work_requests_total[{self.WINDOW}s]))", self.time)
        self.assert_close(total, sum(rates.values()))
        by_method = self.server.vector(
            f"sum by (method) (rate(work_requests_total[{self.WINDOW}s]))", self.time)
        self.assertEqual(set(labelled(by_method, "method")), {"get", "put"})

    def test_histogram_quantile_interpolates_the_buckets(self):
        buckets = {}
        for labels, rate in self.rates("work_latency_seconds_bucket").items():
            labels = dict(labels)
            buckets.setdefault(labels["method"], []).append((float(labels["le"]), rate))
        self.assertEqual(len(buckets["get"]), 7)
        for quantile in (0.5, 0.9):
            actual = labelled(
                self.server.vector(
                    f"histogram_quantile({quantile}, "
                    f"sum by (le, method) (rate(work_latency_seconds_bucket[{self.WINDOW}s])))",
                    self.time),
                "method")
            for method in ("get", "put"):
                self.assert_close(actual[method], histogram_quantile(quantile, buckets[method]))

    def test_gauge_and_summary_are_there(self):
        self.assertEqual(
            self.server.value("work_temperature_celsius{room='cellar'}", self.time), 12)
        mean = self.server.value(
            f"rate(work_size_bytes_sum[{self.WINDOW}s]) "
            f"/ rate(work_size_bytes_count[{self.WINDOW}s])",
            self.time)
        self.assertTrue(0 < mean < 1000, mean)

    def test_bucket_bounds_are_normalised(self):
        answer = self.server.get(
            "/api/v1/label/le/values", **{"match[]": "work_latency_seconds_bucket"})
        self.assertEqual(
            answer.json()["data"], ["+Inf", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5"])

    def test_metadata_is_kept(self):
        metadata = self.server.get("/api/v1/metadata").json()["data"]
        self.assertEqual(
            metadata["work_latency_seconds"],
            [{"type": "histogram", "help": "How long requests take.", "unit": ""}])
        self.assertEqual(metadata["work_requests_total"][0]["type"], "counter")
        one = self.server.get("/api/v1/metadata", metric="work_size_bytes").json()["data"]
        self.assertEqual(list(one), ["work_size_bytes"])

    def test_targets_endpoint_describes_them(self):
        data = self.server.get("/api/v1/targets").json()["data"]
        targets = {target["scrapePool"]: target for target in data["activeTargets"]}
        work = targets["work"]
        self.assertEqual(work["health"], "up")
        self.assertEqual(work["lastError"], "")
        self.assertEqual(work["scrapeUrl"], f"http://{self.program.address}/metrics")
        self.assertEqual(work["labels"], {"instance": self.program.address, "job": "work"})
        self.assertEqual(work["scrapeInterval"], "1s")
        self.assertEqual(data["droppedTargets"], [])

    def test_command_prints_an_aligned_table(self):
        result = tsdbctl("query", "--url", self.server.url, "work_temperature_celsius")
        self.assertEqual(result.status, 0, result.errors)
        lines = result.output.splitlines()
        self.assertEqual(lines[0].split(), ["metric", "instance", "job", "room", "value"])
        self.assertEqual(len(lines), 3)
        self.assertEqual(len({len(line) for line in lines}), 1, "the last column ends alike")
        self.assertRegex(
            result.output, r"work_temperature_celsius +127.0.0.1:\d+ +work +cellar +12\n")

    def test_command_prints_json_and_csv(self):
        expression = f"rate(work_requests_total[{self.WINDOW}s])"
        moment = f"--time={self.time:.3f}"
        as_json = tsdbctl(
            "query", "--output=json", f"--url={self.server.url}", moment, expression)
        from_json = {
            element["metric"]["method"]: element["value"][1]
            for element in json.loads(as_json.output)["data"]["result"]
        }
        as_csv = tsdbctl(
            "query", "--output", "csv", f"--url={self.server.url}", moment, expression)
        rows = list(csv.DictReader(io.StringIO(as_csv.output)))
        self.assertEqual({row["method"]: row["value"] for row in rows}, from_json)
        self.assertEqual(set(from_json), {"get", "put"})

    def test_command_ranges_over_time(self):
        result = tsdbctl(
            "query", "range", f"--url={self.server.url}", "--output=csv", "--step=1s",
            f"--start={self.time - 3:.3f}", f"--end={self.time:.3f}", "up{job='work'}")
        self.assertEqual(result.status, 0, result.errors)
        rows = list(csv.DictReader(io.StringIO(result.output)))
        self.assertEqual([row["value"] for row in rows], ["1"] * 4)


class TargetHealthTest(unittest.TestCase):
    """A target that goes down and comes back."""

    def test_series_end_at_once_and_the_reason_is_logged_once(self):
        target = ScriptedTarget("a 1\nb 2\n")
        with Server(f"app={target.address}", "--scrape.interval=200ms") as server:
            wait_until(lambda: server.value("a{job='app'}") == 1, "the target is scraped")
            target.go_down()
            wait_until(lambda: server.value("up{job='app'}") == 0, "the target is down")
            self.assertEqual(server.vector("{__name__=~'[ab]'}"), {}, "series end at once")
            before = server.value("count_over_time(up{job='app'}[1m])")
            wait_until(
                lambda: server.value("count_over_time(up{job='app'}[1m])") >= before + 3,
                "more scrapes fail")
            complaints = [line for line in server.log_lines if f"127.0.0.1:{target.port}" in line]
            complaints = [line for line in complaints if "msg=ready" not in line]
            self.assertEqual(len(complaints), 1, complaints)
            self.assertIn("level=WARN", complaints[0])
            self.assertRegex(complaints[0].lower(), "connect|refused")
            status = server.get("/api/v1/targets").json()["data"]["activeTargets"]
            down = next(one for one in status if one["scrapePool"] == "app")
            self.assertEqual(down["health"], "down")
            self.assertNotEqual(down["lastError"], "")

            target.come_back()
            wait_until(lambda: server.value("up{job='app'}") == 1, "the target is up again")
            self.assertEqual(server.value("b"), 2)
            self.assertIn("target is up again", server.log)
        target.close()

    def test_vanished_series_end_at_the_next_scrape(self):
        target = ScriptedTarget('jobs{queue="a"} 1\njobs{queue="b"} 2\n')
        with Server(f"app={target.address}", "--scrape.interval=200ms") as server:
            wait_until(lambda: len(server.vector("jobs")) == 2, "both series are there")
            target.body = 'jobs{queue="b"} 3\n'
            wait_until(lambda: server.value("jobs{queue='b'}") == 3, "the new text is scraped")
            self.assertEqual(len(server.vector("jobs")), 1)
            self.assertEqual(len(server.matrix("jobs[1m]")), 2, "the past stays")
        target.close()

    def test_request_is_one_a_client_expects(self):
        target = ScriptedTarget("a 1\n")
        with Server(target.address, "--scrape.interval=200ms") as server:
            wait_until(lambda: len(server.vector("up")) == 2, "both targets are scraped")
            path, headers = target.requests[0]
            self.assertEqual(path, "/metrics")
            self.assertIn("text/plain;version=0.0.4", headers["Accept"].replace(" ", ""))
            self.assertIn("gzip", headers["Accept-Encoding"])
            self.assertEqual(float(headers["X-Prometheus-Scrape-Timeout-Seconds"]), 0.2)
            self.assertEqual(headers["Host"], target.address)
            self.assertEqual(
                labelled(server.vector("up"), "job"), {"scrape": 1, "tsdb": 1},
                "a target without a name belongs to the job `scrape`")
            ready = next(line for line in server.log_lines if "msg=ready" in line)
            self.assertIn(f"http://{target.address}/metrics", ready)
            self.assertIn(f"http://{server.address}/metrics", ready)
        target.close()


if __name__ == "__main__":
    unittest.main()
