"""The HTTP API, as the clients of Prometheus use it."""

import gzip
import json
import time
import unittest
import urllib.parse

import remote_write
from peers import promtool
from product import Server


class APITest(unittest.TestCase):
    """One server with a known hour of samples."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        # Whole seconds, so that a time is written the same everywhere.
        cls.end = int(time.time()) - 10
        cls.start = cls.end - 600
        moments = range(cls.start * 1000, cls.end * 1000 + 1, 10_000)
        answer = remote_write.send(cls.server, *[
            ({"__name__": "requests_total", "job": job, "path": path},
             [(moment, (moment - cls.start * 1000) / 1000 * rate) for moment in moments])
            for job, path, rate in (("a", "/", 1), ("a", "/x", 2), ("b", "/", 4))
        ])
        assert answer.status == 204, answer.text
        answer = remote_write.send(cls.server, *[
            ({"__name__": "many", "n": str(number)}, [(cls.end * 1000, number)])
            for number in range(50)
        ])
        assert answer.status == 204, answer.text

    def assert_error(self, answer, status, kind, text=None):
        self.assertEqual(answer.status, status, answer.text)
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        envelope = answer.json()
        self.assertEqual(set(envelope), {"status", "errorType", "error"})
        self.assertEqual((envelope["status"], envelope["errorType"]), ("error", kind))
        if text is not None:
            self.assertEqual(envelope["error"], text)
        return envelope["error"]


class PromtoolTest(APITest):
    """Debian's promtool asks its questions unchanged."""

    def promtool(self, kind, *arguments, flags=()):
        result = promtool("query", kind, *flags, self.server.url, *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_instant(self):
        output = self.promtool(
            "instant", "sum by (job) (rate(requests_total[1m]))", flags=[f"--time={self.end}"])
        self.assertEqual(
            output.splitlines(),
            [f'{{job="a"}} => 3 @[{self.end}]', f'{{job="b"}} => 4 @[{self.end}]'])

    def test_instant_up(self):
        self.assertEqual(self.promtool("instant", "up offset 1h").strip(), "")
        self.assertEqual(self.promtool("instant", "vector(1)").split(" @")[0], "{} => 1")

    def test_instant_in_json(self):
        output = self.promtool(
            "instant", "requests_total{job='b'}", flags=["-o", "json", f"--time={self.end}"])
        (element,) = json.loads(output)
        self.assertEqual(element["metric"]["path"], "/")
        self.assertEqual(element["value"], [self.end, "2400"])

    def test_range(self):
        output = self.promtool(
            "range", "requests_total{path='/x'}",
            flags=[f"--start={self.start}", f"--end={self.start + 20}", "--step=10s"])
        self.assertEqual(
            output.splitlines(),
            ['requests_total{job="a", path="/x"} =>',
             f"0 @[{self.start}]", f"20 @[{self.start + 10}]", f"40 @[{self.start + 20}]"])

    def test_series(self):
        output = promtool(
            "query", "series", "--match=requests_total{job='a'}", "--match=many{n='7'}",
            self.server.url)
        self.assertEqual(output.returncode, 0, output.stderr)
        lines = output.stdout.splitlines()
        self.assertEqual(len(lines), 3)
        self.assertTrue(any("path:/x" in line or 'path="/x"' in line for line in lines), lines)

    def test_labels(self):
        output = self.promtool("labels", "job")
        self.assertTrue({"a", "b", "tsdb"} >= set(output.split()) >= {"a", "b"}, output)

    def test_error_of_a_bad_query(self):
        result = promtool("query", "instant", self.server.url, "sum(")
        self.assertEqual(result.returncode, 1)
        self.assertIn("parse error", result.stderr)

    def test_own_metrics_pass_its_check(self):
        result = promtool("check", "metrics", standard_input=self.server.get("/metrics").text)
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)


class QueryTest(APITest):
    """`query` and `query_range`."""

    def test_parameters_in_the_url_of_a_post_without_body(self):
        """So `prometheus_api_client` posts: no body, no content type."""
        parameters = urllib.parse.urlencode(
            {"query": "requests_total{job='b'}", "time": self.end, "timeout": "5s"})
        for method in ("GET", "POST"):
            with self.subTest(method):
                answer = self.server.request(method, f"/api/v1/query?{parameters}")
                self.assertEqual(answer.status, 200, answer.text)
                self.assertEqual(
                    answer.json(),
                    {"status": "success", "data": {"resultType": "vector", "result": [{
                        "metric": {"__name__": "requests_total", "job": "b", "path": "/"},
                        "value": [self.end, "2400"]}]}})

    def test_form_goes_before_url(self):
        body = urllib.parse.urlencode({"query": "1"})
        answer = self.server.request(
            "POST", "/api/v1/query?query=2", body,
            {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
        self.assertEqual(answer.json()["data"]["result"][1], "1")

    def test_instant_query_of_a_range_is_a_matrix(self):
        data = self.server.data(
            "/api/v1/query", query="requests_total{job='b'}[20s]", time=self.end)
        self.assertEqual(data["resultType"], "matrix")
        self.assertEqual(
            data["result"][0]["values"], [[self.end - 10, "2360"], [self.end, "2400"]])

    def test_scalars_and_strings(self):
        self.assertEqual(
            self.server.data("/api/v1/query", query="1e21 / 1", time="1.5"),
            {"resultType": "scalar", "result": [1.5, "1e+21"]})
        self.assertEqual(
            self.server.data("/api/v1/query", query='"a\\nb"', time=2),
            {"resultType": "string", "result": [2, "a\nb"]})

    def test_values_are_written_in_shortest_form(self):
        rows = [
            ("3", "3"), ("0.1", "0.1"), ("1e20", "100000000000000000000"), ("1e21", "1e+21"),
            ("0.000001", "0.000001"), ("0.0000001", "1e-07"), ("Inf", "+Inf"), ("-Inf", "-Inf"),
            ("NaN", "NaN"), ("-0", "-0"), ("1/3", "0.3333333333333333"),
        ]
        for expression, text in rows:
            with self.subTest(expression):
                data = self.server.data("/api/v1/query", query=expression)
                self.assertEqual(data["result"][1], text)

    def test_times_in_both_notations(self):
        rfc3339 = time.strftime("%Y-%m-%dT%H:%M:%S.250Z", time.gmtime(self.end))
        for moment in (f"{self.end}.25", rfc3339, rfc3339.replace("Z", "+00:00")):
            data = self.server.data("/api/v1/query", query="time()", time=moment)
            self.assertEqual(data["result"], [self.end + 0.25, f"{self.end}.25"])

    def test_steps_in_both_notations(self):
        for step in ("60", "1m", "60.0", "0.5m"):
            answer = self.server.get(
                "/api/v1/query_range", query="sum(requests_total)", start=self.start,
                end=self.end, step=step)
            if step == "0.5m":
                self.assert_error(
                    answer, 400, "bad_data",
                    'invalid parameter "step": cannot parse "0.5m" to a valid duration')
            else:
                (series,) = answer.json()["data"]["result"]
                self.assertEqual(len(series["values"]), 11)
                self.assertEqual(series["metric"], {})

    def test_errors_of_instant_queries(self):
        rows = [
            ({"query": "up("},
             'invalid parameter "query": 1:4: parse error: unclosed left parenthesis'),
            ({"query": "sum(up) by"}, None),
            ({"query": ""},
             'invalid parameter "query": 1:1: parse error: no expression found in input'),
            ({}, 'invalid parameter "query": 1:1: parse error: no expression found in input'),
            ({"query": "up", "time": "noon"},
             'invalid parameter "time": cannot parse "noon" to a valid timestamp'),
            ({"query": "up", "timeout": "soon"},
             'invalid parameter "timeout": cannot parse "soon" to a valid duration'),
            ({"query": "up", "limit": "-1"},
             'invalid parameter "limit": limit must be non-negative'),
            ({"query": "up", "limit": "few"}, None),
            ({"query": "rate(up)"}, None),
            ({"query": 'up{job=~"("}'}, None),
        ]
        for parameters, text in rows:
            with self.subTest(parameters):
                error = self.assert_error(
                    self.server.get("/api/v1/query", **parameters), 400, "bad_data", text)
                self.assertIn("invalid parameter", error)

    def test_errors_of_range_queries(self):
        usual = {"query": "up", "start": self.start, "end": self.end, "step": 10}
        rows = [
            ({"start": ""}, 'invalid parameter "start": cannot parse "" to a valid timestamp'),
            ({"end": "x"}, 'invalid parameter "end": cannot parse "x" to a valid timestamp'),
            ({"step": ""}, 'invalid parameter "step": cannot parse "" to a valid duration'),
            *[({"step": step},
               'invalid parameter "step": zero or negative query resolution step widths '
               "are not accepted. Try a positive integer") for step in (0, -5)],
            ({"end": self.start - 1},
             'invalid parameter "end": end timestamp must not be before start time'),
            ({"end": self.start + 11_001, "step": 1},
             "exceeded maximum resolution of 11,000 points per timeseries. "
             "Try decreasing the query resolution (?step=XX)"),
            ({"query": "up[5m]"}, 'invalid parameter "query": invalid expression type '
             '"range vector" for range query, must be Scalar or instant Vector'),
        ]
        for changes, text in rows:
            with self.subTest(changes):
                self.assert_error(
                    self.server.get("/api/v1/query_range", **{**usual, **changes}), 400,
                    "bad_data", text)

    def test_eleven_thousand_points_are_allowed(self):
        answer = self.server.get(
            "/api/v1/query_range", query="vector(time())", start=self.start,
            end=self.start + 11_000, step=1)
        (series,) = answer.json()["data"]["result"]
        self.assertEqual(len(series["values"]), 11_001)
        self.assertEqual(series["values"][-1], [self.start + 11_000, str(self.start + 11_000)])

    def test_execution_errors(self):
        answer = self.server.get(
            "/api/v1/query", query="requests_total + on(job) requests_total", time=self.end)
        error = self.assert_error(answer, 422, "execution")
        self.assertIn("many-to-many matching not allowed", error)

    def test_annotations_have_a_position(self):
        remote_write.send(
            self.server,
            ({"__name__": "level"}, [(self.end * 1000 - 10_000, 1), (self.end * 1000, 2)]))
        envelope = self.server.get(
            "/api/v1/query", query="rate(level[5m])", time=self.end).json()
        self.assertEqual(envelope["status"], "success")
        self.assertEqual(len(envelope["infos"]), 1)
        self.assertIn("metric might not be a counter", envelope["infos"][0])
        self.assertIn("(1:6)", envelope["infos"][0])

    def test_limit_truncates_and_says_so(self):
        envelope = self.server.get("/api/v1/query", query="many", time=self.end, limit=5).json()
        self.assertEqual(len(envelope["data"]["result"]), 5)
        self.assertEqual(envelope["warnings"], ["results truncated due to limit"])
        for limit in (0, 50):
            envelope = self.server.get(
                "/api/v1/query", query="many", time=self.end, limit=limit).json()
            self.assertEqual(len(envelope["data"]["result"]), 50)
            self.assertNotIn("warnings", envelope)

    def test_lookback_can_be_given(self):
        expression, moment = "requests_total{job='b'}", self.end + 100
        self.assertEqual(len(self.server.vector(expression, moment)), 1)
        data = self.server.data("/api/v1/query", query=expression, time=moment, lookback_delta="1m")
        self.assertEqual(data["result"], [])

    def test_statistics_on_request(self):
        data = self.server.data(
            "/api/v1/query", query="requests_total", time=self.end, stats="true")
        self.assertEqual(data["stats"]["samples"]["totalQueryableSamples"], 3)
        self.assertIn("evalTotalTime", data["stats"]["timings"])

    def test_gzip_when_accepted(self):
        answer = self.server.get(
            "/api/v1/query", headers={"Accept-Encoding": "gzip"}, query="many", time=self.end)
        self.assertEqual(answer.headers["Content-Encoding"], "gzip")
        self.assertEqual(len(json.loads(gzip.decompress(answer.body))["data"]["result"]), 50)


class SeriesTest(APITest):
    """`series`, `labels` and `label/NAME/values`."""

    def test_series(self):
        data = self.server.data(
            "/api/v1/series", **{"match[]": ["requests_total{job='a'}", "many{n='1'}"]})
        self.assertEqual(
            data,
            [{"__name__": "many", "n": "1"},
             {"__name__": "requests_total", "job": "a", "path": "/"},
             {"__name__": "requests_total", "job": "a", "path": "/x"}])

    def test_series_without_selector(self):
        """`prometheus_api_client` asks so; Prometheus refuses it too."""
        answer = self.server.get("/api/v1/series", start=f"{self.start}.616463", end=self.end)
        self.assert_error(answer, 400, "bad_data", "no match[] parameter provided")

    def test_series_outside_the_time_range(self):
        data = self.server.data(
            "/api/v1/series",
            **{"match[]": "requests_total", "start": self.start - 7200, "end": self.start - 3600})
        self.assertEqual(data, [])

    def test_bad_selectors(self):
        for selector in ("", "{", "sum(up)", "{}", '{a=~".*"}'):
            with self.subTest(selector):
                answer = self.server.get("/api/v1/series", **{"match[]": selector})
                self.assertIn("match[]", self.assert_error(answer, 400, "bad_data"))

    def test_label_names_by_get_and_post(self):
        for method in ("GET", "POST"):
            answer = self.server.request(
                method, "/api/v1/labels?match[]=" + urllib.parse.quote("requests_total{job='a'}"))
            self.assertEqual(answer.json()["data"], ["__name__", "job", "path"])
        names = self.server.data("/api/v1/labels")
        self.assertEqual(names, sorted(names))
        self.assertTrue({"__name__", "job", "n", "path"} <= set(names))

    def test_label_values(self):
        answer = self.server.get("/api/v1/label/path/values")
        self.assertEqual(answer.json(), {"status": "success", "data": ["/", "/x"]})
        answer = self.server.get(
            "/api/v1/label/__name__/values", **{"match[]": "{job=~'a|b'}"})
        self.assertEqual(answer.json()["data"], ["requests_total"])
        self.assertEqual(self.server.get("/api/v1/label/nosuch/values").json()["data"], [])

    def test_limits(self):
        for path, total in (("series", 50), ("label/n/values", 50)):
            envelope = self.server.get(
                f"/api/v1/{path}", **{"match[]": "many", "limit": 7}).json()
            self.assertEqual(len(envelope["data"]), 7)
            self.assertEqual(envelope["warnings"], ["results truncated due to limit"])
            envelope = self.server.get(
                f"/api/v1/{path}", **{"match[]": "many", "limit": total}).json()
            self.assertEqual(len(envelope["data"]), total)
            self.assertNotIn("warnings", envelope)

    def test_names_outside_the_usual_characters(self):
        remote_write.send(
            self.server, ({"__name__": "dotted", "my.label": "v"}, [(self.end * 1000, 1)]))
        for name in ("my.label", "U__my_2e_label"):
            answer = self.server.get(f"/api/v1/label/{name}/values")
            self.assertEqual(answer.json()["data"], ["v"])


class StatusTest(APITest):
    """What a client learns about the server."""

    def test_start_page_serves_the_connection_check(self):
        answer = self.server.get("/")
        self.assertEqual(answer.status, 200)
        self.assertIn("/api/v1/query", answer.text)

    def test_health(self):
        for path in ("/-/healthy", "/-/ready"):
            for method in ("GET", "HEAD"):
                self.assertEqual(self.server.request(method, path).status, 200)
        self.assertEqual(self.server.get("/-/healthy").text, "Prometheus Server is Healthy.\n")
        self.assertEqual(self.server.get("/-/ready").text, "Prometheus Server is Ready.\n")

    def test_build_information_names_a_version_that_clients_know(self):
        data = self.server.get("/api/v1/status/buildinfo").json()["data"]
        self.assertRegex(data["version"], r"^3\.\d+\.\d+")
        for name in ("revision", "branch", "buildUser", "buildDate", "goVersion"):
            self.assertIn(name, data)

    def test_runtime_information(self):
        data = self.server.get("/api/v1/status/runtimeinfo").json()["data"]
        self.assertIs(data["reloadConfigSuccess"], True)
        self.assertEqual(data["storageRetention"], "15d")

    def test_flags(self):
        data = self.server.get("/api/v1/status/flags").json()["data"]
        self.assertEqual(data["storage.tsdb.path"], str(self.server.data_directory))
        self.assertEqual(data["query.lookback-delta"], "5m")
        self.assertEqual(data["web.enable-lifecycle"], "false")

    def test_own_metrics(self):
        text = self.server.get("/metrics").text
        for name in ("prometheus_http_requests_total", "process_resident_memory_bytes",
                     "prometheus_tsdb_head_series"):
            self.assertIn(f"# TYPE {name} ", text)

    def test_unknown_paths(self):
        for path in ("/nosuch", "/api/v1/nosuch", "/api/v1/query/", "/api/v2/query"):
            self.assertEqual(self.server.get(path).status, 404)
        self.assertEqual(self.server.request("DELETE", "/api/v1/query").status, 405)


if __name__ == "__main__":
    unittest.main()
