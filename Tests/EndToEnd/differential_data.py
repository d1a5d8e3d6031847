"""The data of the differential test: some 130 series over three hours.

A sample every 15 s, at a fraction of a second. The values are multiples of 1/4
below 2^20, so that sums of them are exact however they are reckoned.
"""

import math
import random
import struct

START = 1_699_999_200
SECONDS = 3 * 3600
INTERVAL = 15
COUNTERS = ("requests_total", "work_total", "latency_bucket", "latency_count")
NAMES = (
    "level", "level", "heat", "heat", "requests_total", "work_total", "odd", "build_info",
    "latency_bucket", "latency_count", "latency_sum", "missing")
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0_0000_0000_0002))[0]
BOUNDS = ("0.1", "0.5", "1", "2.5", "10", "+Inf")


def instances():
    """Job, instance and zone; some have no zone."""
    for job, count in (("api", 3), ("db", 2), ("cache", 2)):
        for instance in range(count):
            labels = {"job": job, "instance": str(instance)}
            if (instance + len(job)) % 3:
                labels["zone"] = "ab"[instance % 2]
            yield labels


def all_series(seed):
    """Every series, as a pair of labels and samples (milliseconds and value)."""
    generator = random.Random(f"data/{seed}")
    found = []

    def add(name, labels, values, gaps=True):
        moments = [
            (START + index * INTERVAL) * 1000 + 7300 + generator.randrange(100)
            for index in range(SECONDS // INTERVAL)]
        samples = list(zip(moments, values))
        found.append(({"__name__": name, **labels},
                      with_gaps(samples, generator) if gaps else samples))

    count = SECONDS // INTERVAL
    for labels in instances():
        add("level", labels, [generator.randrange(-8, 9) for _ in range(count)])
        add("heat", labels, walk(generator, count))
        add("odd", labels, [odd(generator) for _ in range(count)])
        add("work_total", labels, counter(generator, count))
        for code in ("200", "500"):
            add("requests_total", {**labels, "code": code}, counter(generator, count))
        add_information(found, labels, generator)
        if labels["job"] != "cache":
            add_histogram(found, labels, generator)
    return found


def with_gaps(samples, generator):
    """The samples without some, and with stale markers in front of some gaps."""
    kept = []
    index = 0
    while index < len(samples):
        kept.append(samples[index])
        index += 1
        if generator.random() < 0.01:
            if generator.random() < 0.5 and index < len(samples):
                kept.append((samples[index][0], STALE))
            index += generator.choice((1, 2, 5, 30, 80))
    return kept


def walk(generator, count):
    value = generator.randrange(0, 400)
    for _ in range(count):
        value += generator.randrange(-20, 21)
        yield value / 4


def odd(generator):
    if generator.random() < 0.3:
        return generator.choice((math.nan, math.inf, -math.inf, -0.0, 0.0))
    return generator.randrange(-40, 41) / 4


def counter(generator, count):
    value = generator.randrange(0, 100_000)
    for _ in range(count):
        value = generator.randrange(0, 30) if generator.random() < 0.01 \
            else value + generator.choice((0, 1, 7, generator.randrange(60)))
        yield float(value)


def add_information(found, labels, generator):
    """A version that another takes over from, the first going stale."""
    turn = generator.randrange(100, SECONDS // INTERVAL - 100)
    moments = [
        (START + index * INTERVAL) * 1000 + 7411 for index in range(SECONDS // INTERVAL)]
    name = {"__name__": "build_info", **labels}
    found.append((
        {**name, "version": "1"},
        [(moment, 1.0) for moment in moments[:turn]] + [(moments[turn], STALE)]))
    found.append(({**name, "version": "2"}, [(moment, 1.0) for moment in moments[turn:]]))


def add_histogram(found, labels, generator):
    """A classic histogram; one of them lacks the bucket that holds everything."""
    counts = [0] * len(BOUNDS)
    total = 0.0
    buckets = [[] for _ in BOUNDS]
    sums = []
    for index in range(SECONDS // INTERVAL):
        moment = (START + index * INTERVAL) * 1000 + 7350
        if generator.random() < 0.01:
            counts = [0] * len(BOUNDS)
            total = 0.0
        for _ in range(generator.randrange(8)):
            first = generator.randrange(len(BOUNDS))
            total += generator.randrange(40) / 4
            for bucket in range(first, len(BOUNDS)):
                counts[bucket] += 1
        for bucket, number in enumerate(counts):
            buckets[bucket].append((moment, float(number)))
        sums.append((moment, total))
    for bound, samples in zip(BOUNDS, buckets):
        if bound != "+Inf" or labels != {"job": "db", "instance": "1"}:
            found.append(({"__name__": "latency_bucket", **labels, "le": bound}, samples))
    found.append(({"__name__": "latency_count", **labels}, buckets[-1]))
    found.append(({"__name__": "latency_sum", **labels}, sums))
