"""A program that measures itself with `prometheus_client` and is scraped.

Its work is a function of the time that has passed, brought up to date at each
scrape: however busy the machine is, a scrape sees the value of its moment.
Prints its port and runs until its standard input ends.
"""

import random
import sys
import time

import prometheus_client

REQUESTS_PER_SECOND = {"get": 40, "put": 15}
LATENCIES_PER_SECOND = 60


class Work:
    """Registered first, so that it is asked before the metrics are read."""

    def __init__(self, registry):
        self.start = time.monotonic()
        self.random = random.Random(7)
        registry.register(self)
        self.requests = prometheus_client.Counter(
            "work_requests", "Requests done.", ["method"], registry=registry)
        self.temperature = prometheus_client.Gauge(
            "work_temperature_celsius", "Goes up and down.", ["room"], registry=registry)
        self.sizes = prometheus_client.Summary(
            "work_size_bytes", "Sizes of requests.", registry=registry)
        self.latency = prometheus_client.Histogram(
            "work_latency_seconds", "How long requests take.", ["method"],
            buckets=[0.05, 0.1, 0.25, 0.5, 1, 2.5], registry=registry)
        self.requests_done = dict.fromkeys(REQUESTS_PER_SECOND, 0)
        self.latencies_done = 0

    def collect(self):
        elapsed = time.monotonic() - self.start
        for method, rate in REQUESTS_PER_SECOND.items():
            due = elapsed * rate
            self.requests.labels(method).inc(due - self.requests_done[method])
            self.requests_done[method] = due
        while self.latencies_done < int(elapsed * LATENCIES_PER_SECOND):
            self.latencies_done += 1
            method = "get" if self.latencies_done % 3 else "put"
            self.latency.labels(method).observe(self.random.expovariate(3))
            self.sizes.observe(self.latencies_done % 1000)
        self.temperature.labels("attic").set(20 + elapsed % 5)
        self.temperature.labels("cellar").set(12)
        return []

    def describe(self):
        return []


def main():
    registry = prometheus_client.CollectorRegistry()
    Work(registry)
    server, _ = prometheus_client.start_http_server(0, addr="127.0.0.1", registry=registry)
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
