"""Queries as a server's operator sees them: listed, cancelled, logged, bounded."""

import json
import signal
import socket
import time
import unittest
import urllib.parse

import remote_write
from product import Server, tsdbctl, wait_until

# Slow enough to be caught at work, quick enough to end by itself if it is not.
SLOW = "quantile_over_time(0.5, slow[1h])"
SERIES_COUNT = 400


def series():
    """Many series with a sample every ten seconds over two hours."""
    times = range(0, 7_200_000, 10_000)
    return [
        ({"__name__": "slow", "n": str(number)}, [(time, float(time)) for time in times])
        for number in range(SERIES_COUNT)]


class QueryTest(unittest.TestCase):
    def setUp(self):
        self.server = Server("--storage.tsdb.retention.time=100y", *self.arguments())
        self.addCleanup(self.server.close)

    def arguments(self):
        return []

    def slow_target(self):
        return "/api/v1/query_range?" + urllib.parse.urlencode(
            {"query": SLOW, "start": 0, "end": 7200, "step": 1})

    def running(self):
        return self.server.get("/api/v1/status/active_queries").json()["data"]

    def load(self):
        answer = remote_write.send(self.server, *series())
        self.assertEqual(answer.status // 100, 2, answer.text)

    def start_slow(self):
        """Begins the slow query on a connection of its own, and returns that."""
        host, port = self.server.address.rsplit(":", 1)
        connection = socket.create_connection((host, int(port)), timeout=60)
        self.addCleanup(connection.close)
        request = f"GET {self.slow_target()} HTTP/1.1\r\nHost: {self.server.address}\r\n\r\n"
        connection.sendall(request.encode())
        return connection


class CancellationTest(QueryTest):
    def arguments(self):
        return ["--web.enable-admin-api"]

    def setUp(self):
        super().setUp()
        self.load()

    def test_running_queries_are_listed(self):
        self.assertEqual(self.running(), [])
        self.start_slow()
        query, = wait_until(self.running, "the query runs")
        self.assertEqual((query["query"], query["step"]), (SLOW, 1))
        self.assertEqual(query["end"], "1970-01-01T02:00:00Z")
        wait_until(
            lambda: any(query["samples"] > 720 for query in self.running()),
            "it has read some series")

    def test_cancelled_query_tells_its_client(self):
        connection = self.start_slow()
        query, = wait_until(self.running, "the query runs")
        path = f"/api/v1/status/active_queries/{query['id']}"
        self.assertEqual(self.server.request("DELETE", path).status, 204)
        answer = connection.recv(65536).decode()
        self.assertIn('"errorType":"canceled"', answer)
        self.assertEqual(self.running(), [])
        self.assertEqual(self.server.request("DELETE", path).status, 404)

    def test_client_that_goes_away_cancels_its_query(self):
        connection = self.start_slow()
        wait_until(self.running, "the query runs")
        connection.close()
        # By itself it would take much longer.
        wait_until(lambda: self.running() == [], "the query has ended", timeout=5)


class ConcurrencyTest(QueryTest):
    def arguments(self):
        return ["--query.max-concurrency=1", "--web.enable-admin-api"]

    def test_more_queries_than_may_run_wait(self):
        self.load()
        self.start_slow()
        first, = wait_until(self.running, "the first query runs")
        waiting = self.start_slow()
        wait_until(
            lambda: "tsdb_http_queued_requests 1" in self.server.get("/metrics").text,
            "the second query waits")
        self.assertEqual([query["id"] for query in self.running()], [first["id"]])
        self.server.request("DELETE", f"/api/v1/status/active_queries/{first['id']}")
        second, = wait_until(
            lambda: [query for query in self.running() if query["id"] != first["id"]],
            "the second query runs")
        self.server.request("DELETE", f"/api/v1/status/active_queries/{second['id']}")
        self.assertIn("canceled", waiting.recv(65536).decode())

    def test_a_stop_ends_queries_and_answers_them(self):
        self.load()
        running = self.start_slow()
        wait_until(self.running, "the first query runs")
        waiting = self.start_slow()
        wait_until(
            lambda: "tsdb_http_queued_requests 1" in self.server.get("/metrics").text,
            "the second query waits")
        self.server.send_signal(signal.SIGTERM)
        for connection in (running, waiting):
            self.assertRegex(connection.recv(65536).decode(), "^HTTP/1.1 (200|503) ")
        self.assertEqual(self.server.process.wait(20), 0, self.server.log)

    def test_statistics_tell_how_long_a_query_waited(self):
        self.load()
        self.start_slow()
        first, = wait_until(self.running, "the slow query runs")
        host, port = self.server.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=60) as waiting:
            request = f"GET /api/v1/query?query=1&stats=1 HTTP/1.1\r\nHost: {host}\r\n\r\n"
            waiting.sendall(request.encode())
            begin = time.monotonic()
            wait_until(
                lambda: "tsdb_http_queued_requests 1" in self.server.get("/metrics").text,
                "the second query waits")
            time_seen = time.monotonic() - begin
            self.server.request("DELETE", f"/api/v1/status/active_queries/{first['id']}")
            answer = waiting.recv(65536).decode()
        timings = json.loads(answer.split("\r\n\r\n", 1)[1])["data"]["stats"]["timings"]
        # The moment of its arrival is not known to a hair.
        self.assertGreater(timings["execQueueTime"], 0)
        self.assertLess(timings["execQueueTime"], time_seen + 10)
        self.assertGreaterEqual(
            timings["execTotalTime"], timings["execQueueTime"] + timings["evalTotalTime"] - 1e-9)


class LogTest(QueryTest):
    def arguments(self):
        return ["--query.log-file=queries.log"]

    def queries(self, name):
        path = self.server.workspace / name
        return [json.loads(line)["params"]["query"] for line in path.read_text().splitlines()]

    def test_log_is_opened_anew_on_reload(self):
        self.server.data("/api/v1/query", query="1 + 1")
        self.assertEqual(self.queries("queries.log"), ["1 + 1"])
        (self.server.workspace / "queries.log").rename(self.server.workspace / "old.log")
        self.server.send_signal(signal.SIGHUP)
        wait_until(
            lambda: (self.server.workspace / "queries.log").exists(), "there is a new log")
        self.server.data("/api/v1/query_range", query="2", start=0, end=10, step=5)
        self.assertEqual(self.queries("queries.log"), ["2"])
        self.assertEqual(self.queries("old.log"), ["1 + 1"])
        self.assertIn("prometheus_engine_query_log_enabled 1", self.server.get("/metrics").text)


class ConfiguredLogTest(unittest.TestCase):
    def test_log_lies_beside_the_configuration(self):
        with Server() as first:
            directory = first.workspace
            (directory / "prometheus.yml").write_text("global:\n  query_log_file: q.log\n")
            with Server(f"--config.file={directory / 'prometheus.yml'}") as server:
                self.assertNotIn("no effect", server.log)
                server.data("/api/v1/query", query="3")
                self.assertIn('"query":"3"', (directory / "q.log").read_text())


class LengthTest(QueryTest):
    def arguments(self):
        return ["--query.max-length=20B"]

    def test_long_query_is_refused_with_a_remedy(self):
        answer = self.server.get("/api/v1/query", query="1 + 1 + 1 + 1 + 1 + 1")
        self.assertEqual(answer.status, 400)
        self.assertIn("21 bytes, and 20 are allowed", answer.json()["error"])
        self.assertIn("--query.max-length", answer.json()["error"])

    def test_limit_is_checked(self):
        for size in ("0", "2MiB", "x"):
            result = tsdbctl("serve", f"--query.max-length={size}")
            self.assertEqual(result.status, 2)
            self.assertIn("--query.max-length", result.errors)


class StatisticsTest(QueryTest):
    def test_cardinality(self):
        remote_write.send(self.server, ({"__name__": "a", "b": "c"}, [(1000, 1.0)]))
        data = self.server.get("/api/v1/status/tsdb", limit=10000).json()["data"]
        self.assertIn({"name": "a", "value": 1}, data["seriesCountByMetricName"])
        self.assertIn({"name": "b=c", "value": 1}, data["seriesCountByLabelValuePair"])
        self.assertEqual(data["headStats"]["minTime"], 1000)
