"""Remote write: of a real Prometheus, and of senders that go to the edges."""

import math
import struct
import threading
import time
import unittest

import remote_write
from peers import Prometheus
from product import Server, tsdbctl, wait_until
from targets import InstrumentedProcess

PEER_CONFIGURATION = """
global:
  scrape_interval: 1s
  external_labels: {{origin: peer}}
scrape_configs:
  - job_name: work
    static_configs: [{{targets: ["{target}"]}}]
remote_write:
  - url: http://{receiver}/api/v1/write
    queue_config: {{batch_send_deadline: 200ms, min_shards: 1, max_shards: 2}}
    metadata_config: {{send_interval: 1s}}
"""


class PeerTest(unittest.TestCase):
    """Prometheus scrapes a process and writes to us; we scrape it too."""

    WINDOW = 15

    @classmethod
    def setUpClass(cls):
        cls.program = InstrumentedProcess()
        cls.addClassCleanup(cls.program.close)
        cls.server = Server(f"own={cls.program.address}", "--scrape.interval=1s")
        cls.addClassCleanup(cls.server.close)
        cls.peer = Prometheus(
            PEER_CONFIGURATION.format(target=cls.program.address, receiver=cls.server.address))
        cls.addClassCleanup(cls.peer.close)
        needed = cls.WINDOW + 4
        for selector in ("up{origin='peer'}", "up{job='own'}"):
            wait_until(
                lambda: (cls.server.value(f"count_over_time({selector}[1m])") or 0) >= needed,
                f"there are {needed} samples of {selector}", timeout=60)
        samples = next(iter(cls.server.matrix("up{origin='peer'}[1m]").values()))
        # Prometheus 2 counts a sample on the left edge of a window, Prometheus
        # 3 does not: between two scrapes there is no such sample.
        last = samples[-1][0] / 1000
        cls.times = [last - 0.437, last - 1.263, last - 2.519]

    def theirs(self, expression, time):
        """The peer's answer, by labels as they are stored here."""
        return self.peer.vector(expression, time)

    def ours(self, expression, time):
        """Our answer, without the labels that the peer adds when it writes."""
        return {
            labels - {("origin", "peer")}: value
            for labels, value in self.server.vector(expression, time).items()
        }

    def assert_agree(self, template):
        """`template` has SELECTOR where `{...}` of the series is to come."""
        for moment in self.times:
            with self.subTest(template, time=moment):
                theirs = self.theirs(template.replace("SELECTOR", "{job='work'}"), moment)
                ours = self.ours(template.replace("SELECTOR", "{origin='peer'}"), moment)
                self.assertEqual(ours.keys(), theirs.keys())
                self.assertGreater(len(theirs), 0)
                for labels, value in theirs.items():
                    self.assertTrue(
                        math.isclose(ours[labels], value, rel_tol=1e-9),
                        f"{dict(labels)}: {ours[labels]!r} is not {value!r}")

    def test_raw_values_agree(self):
        self.assert_agree("work_requests_total SELECTOR")
        self.assert_agree("work_latency_seconds_count SELECTOR")

    def test_rate_agrees(self):
        self.assert_agree(f"rate(work_requests_total SELECTOR[{self.WINDOW}s])")
        self.assert_agree(f"increase(work_size_bytes_sum SELECTOR[{self.WINDOW}s])")
        self.assert_agree(f"irate(work_requests_total SELECTOR[{self.WINDOW}s])")

    def test_sum_by_agrees(self):
        self.assert_agree(f"sum by (job) (rate(work_requests_total SELECTOR[{self.WINDOW}s]))")
        self.assert_agree(
            f"sum by (method) (rate(work_latency_seconds_count SELECTOR[{self.WINDOW}s]))")

    def test_histogram_quantile_agrees(self):
        for quantile in (0.1, 0.5, 0.9, 0.99):
            self.assert_agree(
                f"histogram_quantile({quantile}, "
                f"sum by (le) (rate(work_latency_seconds_bucket SELECTOR[{self.WINDOW}s])))")
        self.assert_agree(
            "histogram_quantile(0.9, "
            f"rate(work_latency_seconds_bucket SELECTOR[{self.WINDOW}s]))")

    def test_own_scrapes_of_the_same_process_are_close(self):
        for template in (
            f"sum by (method) (rate(work_requests_total SELECTOR[{self.WINDOW}s]))",
            "histogram_quantile(0.9, "
            f"sum by (le) (rate(work_latency_seconds_bucket SELECTOR[{self.WINDOW}s])))",
        ):
            with self.subTest(template):
                moment = self.times[0]
                theirs = self.theirs(template.replace("SELECTOR", "{job='work'}"), moment)
                ours = self.ours(template.replace("SELECTOR", "{job='own'}"), moment)
                self.assertEqual(ours.keys(), theirs.keys())
                for labels, value in theirs.items():
                    self.assertTrue(
                        math.isclose(ours[labels], value, rel_tol=0.05),
                        f"{dict(labels)}: {ours[labels]!r} is not near {value!r}")

    def test_range_queries_agree(self):
        parameters = {
            "start": f"{self.times[2] - 3:.3f}", "end": f"{self.times[2]:.3f}", "step": "1",
        }
        expression = "sum by (method) (rate(work_requests_total{%s}[10s]))"
        theirs = self.peer.data(
            "/api/v1/query_range", query=expression % "job='work'", **parameters)
        ours = self.server.data(
            "/api/v1/query_range", query=expression % "origin='peer'", **parameters)
        self.assertEqual(len(ours["result"]), 2)
        for our_series, their_series in zip(ours["result"], theirs["result"], strict=True):
            self.assertEqual(our_series["metric"], their_series["metric"])
            for (our_time, our_value), (their_time, their_value) in zip(
                    our_series["values"], their_series["values"], strict=True):
                self.assertEqual(our_time, their_time)
                self.assertTrue(math.isclose(float(our_value), float(their_value), rel_tol=1e-9))

    def test_metadata_arrives(self):
        # Prometheus names families as OpenMetrics does, without `_total`.
        metadata = wait_until(
            lambda: self.server.get(
                "/api/v1/metadata", metric="work_requests").json()["data"],
            "Prometheus has sent its metadata")
        self.assertEqual(metadata["work_requests"][0]["type"], "counter")


class DuplicatePolicyTest(unittest.TestCase):
    """What `--storage.on-duplicate` says of a sample that differs from the stored one."""

    def check(self, policy, status, value, metric):
        server = Server(f"--storage.on-duplicate={policy}")
        self.addCleanup(server.close)
        now = round(time.time() * 1000)
        labels = {"__name__": "twice"}
        stored = [(now - 3000, 1), (now - 2000, 2), (now - 1000, 3)]
        self.assertEqual(remote_write.send(server, (labels, stored)).status, 204)
        answer = remote_write.send(server, (labels, [(now - 2000, 9), (now - 500, 4)]))
        self.assertEqual(answer.status, status)
        found = next(iter(server.matrix("twice[1m]", now / 1000).values()))
        self.assertEqual(
            found, [stored[0], (now - 2000, value), stored[2], (now - 500, 4)])
        self.assertIn(f"\n{metric} 1\n", server.get("/metrics").text)
        return answer.text, now

    def test_reject(self):
        text, now = self.check(
            "reject", 400, 2, "tsdb_samples_refused_duplicate_timestamp_total")
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((now - 2000) // 1000))
        for part in ("twice", moment, "another value", "--storage.on-duplicate"):
            self.assertIn(part, text)

    def test_keep(self):
        self.check("keep", 204, 2, "tsdb_duplicates_dropped_total")

    def test_replace(self):
        self.check("replace", 204, 9, "tsdb_samples_replaced_total")


class ReceiverTest(unittest.TestCase):
    """Requests of our own making, to one server."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.now = round(time.time() * 1000)

    def send(self, *entries):
        return remote_write.send(self.server, *entries)

    def stored(self, name):
        """All samples of the only series of a name within an hour before now."""
        series = list(self.server.matrix(f"{name}[1h]", self.now / 1000).values())
        self.assertLessEqual(len(series), 1)
        return series[0] if series else []

    def test_samples_are_there_when_the_answer_comes(self):
        for number in range(20):
            moment = self.now - 1000 + number
            answer = self.send(({"__name__": "prompt"}, [(moment, number)]))
            self.assertEqual((answer.status, answer.body), (204, b""))
            self.assertEqual(self.stored("prompt")[-1], (moment, number))

    def test_out_of_order_samples_are_sorted_in(self):
        moments = [self.now - 1000 * age for age in (10, 600, 50, 3000, 30, 20, 40)]
        for moment in moments:
            self.assertEqual(
                self.send(({"__name__": "late"}, [(moment, moment % 977)])).status, 204)
        self.assertEqual(
            self.stored("late"), [(moment, moment % 977) for moment in sorted(moments)])

    def test_repetition_is_accepted_and_contradiction_is_not(self):
        entry = ({"__name__": "twice"}, [(self.now - 2000, 1), (self.now - 1000, 2)])
        self.assertEqual(self.send(entry).status, 204)
        self.assertEqual(self.send(entry).status, 204)
        answer = self.send(({"__name__": "twice"}, [(self.now - 1000, 3)]))
        self.assertEqual(answer.status, 400)
        self.assertIn("twice", answer.text)
        self.assertIn("stored 0 samples, refused 1", answer.text)
        self.assertEqual(self.stored("twice"), [(self.now - 2000, 1), (self.now - 1000, 2)])

    def test_good_samples_of_a_partly_refused_request_are_stored(self):
        answer = self.send(
            ({"__name__": "good", "n": "1"}, [(self.now - 1000, 1)]),
            ({"__name__": "ahead"}, [(self.now - 1000, 1), (self.now + 3_600_000, 2)]),
            ({"nameless": "x"}, [(self.now - 1000, 1)]),
            ({"__name__": "good", "n": "2"}, [(self.now - 1000, 2)]))
        self.assertEqual(answer.status, 400)
        self.assertIn("stored 3 samples, refused 2", answer.text)
        self.assertIn("1 too-far-in-future", answer.text)
        self.assertIn("1 missing-metric-name", answer.text)
        self.assertEqual(len(self.server.vector("good", self.now / 1000)), 2)
        self.assertEqual(self.stored("ahead"), [(self.now - 1000, 1)])

    def test_a_few_minutes_ahead_are_accepted(self):
        self.assertEqual(
            self.send(({"__name__": "soon"}, [(self.now + 300_000, 1)])).status, 204)
        self.assertEqual(self.server.value("soon", self.now / 1000 + 300), 1)

    def test_samples_beyond_the_retention_are_refused(self):
        self.send(({"__name__": "fresh"}, [(self.now, 1)]))
        answer = self.send(({"__name__": "ancient"}, [(self.now - 40 * 86_400_000, 1)]))
        self.assertEqual(answer.status, 400)
        self.assertIn("retention", answer.text)

    def test_special_values_keep_their_bits(self):
        values = [math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 0.1]
        samples = [(self.now - 10_000 + index, value) for index, value in enumerate(values)]
        self.assertEqual(self.send(({"__name__": "special"}, samples)).status, 204)
        self.assertEqual(
            [struct.pack("<d", value) for _, value in self.stored("special")],
            [struct.pack("<d", value) for value in values])

    def test_stale_marker_ends_a_series(self):
        labels = {"__name__": "ending"}
        marker = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]
        self.send((labels, [(self.now - 2000, 1)]))
        self.assertEqual(self.server.value("ending", self.now / 1000), 1)
        # Python may not carry the marker's bits through arithmetic: encode them.
        self.assertEqual(struct.pack("<d", marker), bytes.fromhex("020000000000f07f"))
        self.send((labels, [(self.now - 1000, marker)]))
        self.assertIsNone(self.server.value("ending", self.now / 1000))
        self.assertEqual(self.stored("ending"), [(self.now - 2000, 1)])

    def test_histograms_are_stored_and_refused_one_by_one(self):
        times = [self.now - 3000, self.now - 2000, self.now - 1000]
        sound = [
            remote_write.histogram(time, 10.5, [1 + index, 2, 3])
            for index, time in enumerate(times)]
        answer = remote_write.post(
            self.server, remote_write.series({"__name__": "native"}, [], histograms=sound))
        self.assertEqual(answer.status, 204, answer.text)
        # Of the same series a number, and a histogram that counts less than it has.
        broken = remote_write.histogram(self.now + 1, 1, [1]).replace(b"\x08\x01", b"\x08\x02", 1)
        answer = remote_write.post(
            self.server, remote_write.series(
                {"__name__": "native"}, [(self.now, 1)], histograms=[broken]))
        self.assertEqual(answer.status, 400)
        self.assertIn("observation count should equal the number of observations", answer.text)
        self.assertIn("stored 1 sample, refused 1 (1 invalid-histogram)", answer.text)
        counted = self.server.value("count_over_time(native[10s])", self.now / 1000)
        self.assertEqual(counted, 4)

    def test_histograms_are_queried(self):
        buckets = [remote_write.histogram(self.now, 10.5, [1, 2, 3], first_index=1)]
        answer = remote_write.post(
            self.server, remote_write.series({"__name__": "queried"}, [], histograms=buckets))
        self.assertEqual(answer.status, 204, answer.text)
        median = self.server.value("histogram_quantile(0.5, queried)", self.now / 1000)
        self.assertAlmostEqual(median, 4)
        printed = tsdbctl(
            "query", "queried", f"--time={self.now / 1000}", f"--url={self.server.url}",
            "--output=csv")
        self.assertEqual(
            printed.output,
            'metric,value\nqueried,"{count:6, sum:10.5, (1,2]:1, (2,4]:2, (4,8]:3}"\n')
        printed = tsdbctl(
            "query", "range", "queried", f"--start={self.now / 1000}", f"--end={self.now / 1000}",
            f"--url={self.server.url}", "--output=csv")
        self.assertIn('"{count:6, sum:10.5, (1,2]:1, (2,4]:2, (4,8]:3}"', printed.output)

    def test_version_2_says_what_is_written(self):
        request = remote_write.Version2()
        request.add(
            {"__name__": "second_total", "zone": "ö"},
            [(self.now - 1000, 1, self.now - 5000), (self.now, 2, self.now - 5000)],
            exemplars=[({"trace_id": "abc"}, 1, self.now)])
        request.add(
            {"__name__": "second_native"},
            histograms=[remote_write.histogram(self.now, 3, [1, 1], start=self.now - 5000)])
        answer = request.post(self.server)
        self.assertEqual(answer.status, 204, answer.text)
        self.assertEqual(self.written(answer), ["2", "1", "1"])
        self.assertEqual(
            self.server.vector("second_total", self.now / 1000),
            {frozenset({("__name__", "second_total"), ("zone", "ö")}): 2})
        # Sent again, everything is there already.
        answer = request.post(self.server)
        self.assertEqual((answer.status, self.written(answer)), (204, ["2", "1", "1"]))
        request.add({"__name__": "second_total", "zone": "ö"}, [(self.now, 3, 0)])
        answer = request.post(self.server)
        self.assertEqual((answer.status, self.written(answer)), (400, ["2", "1", "1"]))
        self.assertIn("1 duplicate-timestamp", answer.text)

    def written(self, answer):
        return [
            answer.headers[f"X-Prometheus-Remote-Write-{kind}-Written"]
            for kind in ("Samples", "Histograms", "Exemplars")]

    def test_metadata_is_kept(self):
        remote_write.post(self.server, remote_write.metadata(1, "described_total", "Its help."))
        metadata = self.server.get("/api/v1/metadata", metric="described_total").json()["data"]
        self.assertEqual(
            metadata["described_total"], [{"type": "counter", "help": "Its help.", "unit": ""}])

    def test_unsorted_and_utf8_labels(self):
        labels = b"".join(
            remote_write.message(1, remote_write.message(1, name) + remote_write.message(2, value))
            for name, value in (("zone", "ö"), ("__name__", "my.metric")))
        entry = remote_write.message(
            1, labels + remote_write.message(2, remote_write.sample(self.now, 4)))
        self.assertEqual(remote_write.post(self.server, entry).status, 204)
        self.assertEqual(
            self.server.vector('{"my.metric", zone="ö"}', self.now / 1000),
            {frozenset({("__name__", "my.metric"), ("zone", "ö")}): 4})

    def test_garbage_is_refused_and_stores_nothing(self):
        good = remote_write.series({"__name__": "halfway"}, [(self.now, 1)])
        rows = {
            "no snappy": {"compressed": b"\xff" * 100},
            "plain text": {"compressed": b"hello"},
            "empty": {"compressed": b""},
            "truncated block": {"compressed": remote_write.compress(good)[:-3]},
            "truncated message": {"request": good + good[:-3]},
            "bad wire type": {"request": good + b"\x0f\x01"},
            "group that never ends": {"request": good + b"\x0b" * 1000},
            "length beyond the end": {"request": good + b"\x0a\xff\xff\xff\xff\x0f"},
        }
        for name, row in rows.items():
            with self.subTest(name):
                answer = remote_write.post(
                    self.server, row.get("request", b""), compressed=row.get("compressed"))
                self.assertEqual(answer.status, 400, answer.text)
                self.assertNotEqual(answer.text.strip(), "")
        self.assertEqual(self.stored("halfway"), [])

    def test_bombs_cost_nothing(self):
        # Declares four gigabytes, in a body of a few bytes.
        bomb = remote_write.varint((1 << 32) - 1) + b"\x00a"
        answer = remote_write.post(self.server, b"", compressed=bomb)
        self.assertIn(answer.status, (400, 413), answer.text)
        # Really expands to 100 MB.
        answer = remote_write.post(self.server, bytes(100 << 20))
        self.assertIn(answer.status, (400, 413), answer.text)
        # A body larger than what is taken.
        answer = remote_write.post(self.server, b"", compressed=b"a" * (33 << 20))
        self.assertEqual(answer.status, 413, answer.text)
        resident = self.server.value("max(process_resident_memory_bytes)")
        if resident is not None:
            self.assertLess(resident, 500 << 20)

    def test_other_content_types_and_versions_are_refused(self):
        entry = remote_write.series({"__name__": "typed"}, [(self.now, 1)])
        rows = [
            ({"Content-Type": "text/plain"}, 415),
            ({"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"}, 415),
            ({"Content-Encoding": "gzip"}, 415),
        ]
        for headers, status in rows:
            with self.subTest(headers):
                answer = remote_write.post(self.server, entry, headers=headers)
                self.assertEqual(answer.status, status, answer.text)
        self.assertEqual(self.stored("typed"), [])
        self.assertEqual(self.server.request("GET", "/api/v1/write").status, 405)

    def test_oversized_labels_refuse_their_series_alone(self):
        answer = self.send(
            ({"__name__": "huge", "text": "x" * (1 << 20)}, [(self.now, 1)]),
            ({"__name__": "many", **{f"l{index}": "v" for index in range(1000)}}, [(self.now, 1)]),
            ({"__name__": "usual"}, [(self.now, 1)]))
        self.assertEqual(answer.status, 400)
        self.assertIn("stored 1 sample, refused 2", answer.text)
        self.assertLess(len(answer.text), 4000, "the answer does not repeat the megabyte")
        self.assertEqual(self.stored("usual"), [(self.now, 1)])

    def test_batches_are_seen_whole(self):
        """Each batch gives all members one value: no query sees two of them."""
        stop = threading.Event()
        failures = []

        def write():
            number = 0
            while not stop.is_set():
                number += 1
                answer = self.send(*[
                    ({"__name__": "whole", "member": str(member)},
                     [(self.now - 60_000 + number, number)])
                    for member in range(30)])
                if answer.status != 204:
                    failures.append(answer.text)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            wait_until(
                lambda: self.server.value("count(whole)", self.now / 1000) == 30,
                "a batch is there")
            for _ in range(40):
                spread = self.server.value("max(whole) - min(whole)", self.now / 1000)
                self.assertEqual(spread, 0)
                across = self.server.value(
                    "whole{member='0'} - on() whole{member='29'}", self.now / 1000)
                self.assertEqual(across, 0, "several selectors of a query see one state")
                counts = self.server.vector("count_over_time(whole[1h])", self.now / 1000)
                self.assertEqual(len(set(counts.values())), 1)
        finally:
            stop.set()
            writer.join()
        self.assertEqual(failures, [])


if __name__ == "__main__":
    unittest.main()
