"""Pushes of `prometheus_client`, kept as a Pushgateway keeps them."""

import gzip
import tempfile
import time
import unittest

import prometheus_client

from product import Server, wait_until

RESTAMP = "--push.restamp-interval=300ms"


def registry(value=1.0, **more):
    """A registry with a gauge, a labelled counter and a histogram."""
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.Gauge("batch_value", "The result.", registry=registry).set(value)
    counter = prometheus_client.Counter(
        "batch_items", "What was done.", ["kind"], registry=registry)
    counter.labels("good").inc(3)
    histogram = prometheus_client.Histogram(
        "batch_seconds", "How long.", buckets=[1, 5], registry=registry)
    histogram.observe(2)
    for name, number in more.items():
        prometheus_client.Gauge(name, "More.", registry=registry).set(number)
    return registry


class ClientPushTest(unittest.TestCase):
    """One server, and groups of different jobs."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server(RESTAMP)
        cls.addClassCleanup(cls.server.close)

    def value(self, name, job, **labels):
        conditions = "".join(f",{label}={value!r}" for label, value in labels.items())
        return self.server.value(f"{name}{{job='{job}'{conditions}}}")

    def test_pushed_families_are_queried_at_once(self):
        before = time.time()
        prometheus_client.push_to_gateway(self.server.address, "once", registry(2.5))
        self.assertEqual(self.value("batch_value", "once"), 2.5)
        self.assertEqual(self.value("batch_items_total", "once", kind="good"), 3)
        self.assertEqual(self.value("batch_seconds_bucket", "once", le="5.0"), 1)
        pushed = self.value("push_time_seconds", "once")
        self.assertTrue(before - 1 <= pushed <= time.time() + 1, pushed)
        self.assertEqual(self.value("push_failure_time_seconds", "once"), 0)

    def test_put_replaces_the_group_and_post_adds_to_it(self):
        address = self.server.address
        prometheus_client.push_to_gateway(address, "puts", registry(1, batch_extra=5))
        prometheus_client.push_to_gateway(address, "puts", registry(2))
        self.assertEqual(self.value("batch_value", "puts"), 2)
        self.assertIsNone(self.value("batch_extra", "puts"), "PUT replaces all")
        only = prometheus_client.CollectorRegistry()
        prometheus_client.Gauge("batch_value", "The result.", registry=only).set(3)
        prometheus_client.pushadd_to_gateway(address, "puts", only)
        self.assertEqual(self.value("batch_value", "puts"), 3)
        self.assertEqual(self.value("batch_items_total", "puts"), 3, "POST keeps the others")

    def test_grouping_keys_are_labels_whatever_their_value(self):
        for key in (
            {"instance": "host:80"}, {"path": "/var/tmp"}, {"empty": ""}, {"text": "a b+c%"},
            {"umlaut": "größe"}, {"b": "2", "a": "1"},
        ):
            with self.subTest(key):
                prometheus_client.push_to_gateway(
                    self.server.address, "keys", registry(7), grouping_key=key)
                expected = {name: value for name, value in key.items() if value}
                found = [
                    dict(labels)
                    for labels in self.server.vector("batch_value{job='keys'}")
                    if {name: value for name, value in dict(labels).items()
                        if name not in ("__name__", "job")} == expected
                ]
                self.assertEqual(len(found), 1)
                prometheus_client.delete_from_gateway(self.server.address, "keys", key)

    def test_job_with_a_slash(self):
        prometheus_client.push_to_gateway(self.server.address, "nightly/backup", registry(4))
        self.assertEqual(self.value("batch_value", "nightly/backup"), 4)

    def test_grouping_labels_override_those_of_the_body(self):
        text = 'labelled{job="own",instance="own"} 1\n'
        answer = self.server.request("PUT", "/metrics/job/override/instance/group", text)
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(self.value("labelled", "override", instance="group"), 1)
        self.assertIsNone(self.value("labelled", "own"))

    def test_groups_are_separate(self):
        address = self.server.address
        prometheus_client.push_to_gateway(address, "apart", registry(1))
        prometheus_client.push_to_gateway(
            address, "apart", registry(2), grouping_key={"instance": "i"})
        prometheus_client.delete_from_gateway(address, "apart")
        self.assertEqual(self.value("batch_value", "apart"), 2)

    def test_values_hold_and_end_with_the_group(self):
        prometheus_client.push_to_gateway(self.server.address, "held", registry(1))
        wait_until(
            lambda: self.server.value("count_over_time(batch_value{job='held'}[1m])") >= 4,
            "the group is stored anew")
        prometheus_client.delete_from_gateway(self.server.address, "held")
        self.assertEqual(self.server.vector("{job='held'}"), {}, "stale at once")
        count = self.server.value("count_over_time(batch_value{job='held'}[1m])")
        time.sleep(0.7)  # Longer than the interval at which groups are stored anew.
        self.assertEqual(
            self.server.value("count_over_time(batch_value{job='held'}[1m])"), count)
        self.assertEqual(
            self.server.request("DELETE", "/metrics/job/held").status, 202,
            "deleting again is no error")

    def test_gzip_body(self):
        body = gzip.compress(b"# TYPE zipped gauge\nzipped 9\n")
        answer = self.server.request(
            "PUT", "/metrics/job/zip", body, {"Content-Encoding": "gzip"})
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(self.value("zipped", "zip"), 9)
        prometheus_client.push_to_gateway(
            self.server.address, "zip", registry(8), compression="gzip")
        self.assertEqual(self.value("batch_value", "zip"), 8)

    def test_refusals_name_the_reason_and_change_nothing(self):
        self.server.request("PUT", "/metrics/job/refused", "kept 1\n")
        rows = [
            ("/metrics/job/refused", "kept one\n", 400, "line 1"),
            ("/metrics/job/refused", "kept 2\nkept 3\n", 400, "same labels"),
            ("/metrics/job/refused", "kept 2 1000\n", 400, "timestamps"),
            ("/metrics/job/refused", "kept 2", 400, "line feed"),
            ("/metrics/job/refused/a", "kept 2\n", 400, "odd number of components"),
            ("/metrics/job@base64/=", "kept 2\n", 400, "job name is required"),
            ("/metrics/job/refused/__x/1", "kept 2\n", 400, "improper label name"),
            ("/metrics/job/refused/a@base64/!!!", "kept 2\n", 400, "invalid base64"),
            ("/metrics/jobs/refused", "kept 2\n", 404, ""),
        ]
        for path, body, status, words in rows:
            with self.subTest(path=path, body=body):
                answer = self.server.request("PUT", path, body)
                self.assertEqual(answer.status, status, answer.text)
                self.assertIn(words, answer.text)
        answer = self.server.request(
            "PUT", "/metrics/job/refused", b"plain", {"Content-Encoding": "gzip"})
        self.assertEqual(answer.status, 400)
        self.assertEqual(self.value("kept", "refused"), 1)
        self.assertGreater(self.value("push_failure_time_seconds", "refused"), 0)

    def test_other_methods_are_refused(self):
        answer = self.server.request("PUT", "/metrics", "a 1\n")
        self.assertEqual(answer.status, 405)
        self.assertEqual(self.server.request("GET", "/metrics/job/x").status, 405)

    def test_metadata_of_pushes_is_kept(self):
        prometheus_client.push_to_gateway(self.server.address, "described", registry())
        metadata = self.server.get("/api/v1/metadata", metric="batch_seconds").json()["data"]
        self.assertEqual(
            metadata["batch_seconds"], [{"type": "histogram", "help": "How long.", "unit": ""}])


class RestartTest(unittest.TestCase):
    """Groups outlive the server."""

    def test_groups_go_on_after_a_stop_and_after_a_crash(self):
        with tempfile.TemporaryDirectory() as data:
            for end in (Server.close, Server.kill):
                first = Server(RESTAMP, data=data)
                prometheus_client.push_to_gateway(
                    first.address, "lasting", registry(6), grouping_key={"path": "/a/b"})
                pushed = first.value("push_time_seconds{job='lasting'}")
                end(first)
                first.remove()
                with Server(RESTAMP, data=data) as second:
                    restarted = time.time()
                    wait_until(
                        lambda: second.value(
                            "timestamp(batch_value{job='lasting'})") > restarted,
                        "the group is stored anew")
                    self.assertEqual(second.value("batch_value{path='/a/b'}"), 6)
                    self.assertEqual(second.value("push_time_seconds{job='lasting'}"), pushed)
                    prometheus_client.delete_from_gateway(
                        second.address, "lasting", {"path": "/a/b"})
                    self.assertEqual(second.vector("batch_value"), {})


if __name__ == "__main__":
    unittest.main()
