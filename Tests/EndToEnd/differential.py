"""Asks our server and a real Prometheus the same random queries, of the same data.

As a program, `Tools/differential`. The peer is Debian's Prometheus 2.42, and what is
to be matched is Prometheus 3.14. The grammar avoids most of what differs between the
two; the rest is in `differential_rules`, and anything else is a difference that has
to be explained.
"""

import argparse
import collections
import contextlib
import dataclasses
import http.client
import json
import pathlib
import random
import sys
import tempfile
import time
import urllib.parse

import differential_data
import remote_write
from differential_queries import RANGE, Grammar, Query
from differential_results import Result, same_result, same_value
from differential_rules import RULES
from peers import Prometheus
from product import Server

class Connection:
    """A connection that is kept open, over which one query at a time is asked."""

    PATIENCE_SECONDS = 60

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address, timeout=self.PATIENCE_SECONDS)

    def ask(self, query):
        parameters = {"query": str(query.tree)}
        if query.is_range:
            parameters |= {"start": query.start, "end": query.end, "step": query.step}
        else:
            parameters["time"] = query.start
        self.connection.request(
            "POST", "/api/v1/query_range" if query.is_range else "/api/v1/query",
            urllib.parse.urlencode(parameters),
            {"Content-Type": "application/x-www-form-urlencoded"})

    def result(self):
        return Result.of_answer(json.loads(self.connection.getresponse().read()))

    def close(self):
        self.connection.close()


class Pair:
    """Our server and the peer, both holding the same samples."""

    def __init__(self, seed):
        self.stack = contextlib.ExitStack()
        with self.stack:
            workspace = self.stack.enter_context(tempfile.TemporaryDirectory())
            configuration = pathlib.Path(workspace) / "prometheus.yml"
            configuration.write_text("global: {evaluation_interval: 1m}\n")
            self.server = Server(f"--config.file={configuration}", "--query.compat=3.14")
            self.stack.callback(self.server.close)
            self.peer = Prometheus(
                configuration.read_text(), "--web.enable-remote-write-receiver")
            self.stack.callback(self.peer.close)
            self._fill(differential_data.all_series(seed))
            self.ours = Connection(self.server.address)
            self.stack.callback(self.ours.close)
            self.theirs = Connection(self.peer.address)
            self.stack.callback(self.theirs.close)
            self.stack = self.stack.pop_all()

    def _fill(self, all_series):
        """Writes in the order of time: half an hour a request, the most a head takes."""
        start = differential_data.START * 1000
        part = 1_800_000
        for begin in range(start, start + differential_data.SECONDS * 1000, part):
            request = b"".join(
                remote_write.series(
                    labels,
                    [pair for pair in samples if begin <= pair[0] < begin + part])
                for labels, samples in all_series)
            for client in (self.server, self.peer):
                answer = remote_write.post(client, request)
                assert answer.status == 204, f"{client.address}: {answer.status} {answer.text}"

    def results(self, query):
        """Our result and the peer's."""
        self.ours.ask(query)
        self.theirs.ask(query)
        return self.ours.result(), self.theirs.result()

    def differs(self, query):
        return not same_result(query, *self.results(query))

    def close(self):
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def shrunk(pair, query, patience=300):
    """The smallest query found that still goes wrong.

    `patience` bounds how many queries are asked for it.
    """
    if query.is_range:
        for moment in query.times:
            alone = Query(query.tree, moment)
            if pair.differs(alone):
                query = alone
                break
    progress = True
    while progress:
        progress = False
        for candidate in inside_subqueries(query):
            if pair.differs(candidate):
                return shrunk(pair, candidate, patience)
        for tree in query.tree.smaller():
            if patience <= 0:
                return query
            patience -= 1
            candidate = dataclasses.replace(query, tree=tree)
            if pair.differs(candidate):
                query = candidate
                progress = True
                break
    return query


def inside_subqueries(query):
    """What the subqueries of a query evaluate, at each of their steps, as long as the
    longest window has samples."""
    for node in query.with_fixed_times().tree.nodes():
        if node.type == RANGE and node.operands:
            start = differential_data.START
            yield Query(node.operands[0], start, start + differential_data.SECONDS + 3600, 10)


class Comparison:
    """Compares, and keeps count."""

    # So many differences of one run are shrunk and shown; a fault shows in many.
    SHOWN = 20

    def __init__(self, pair, seed):
        self.pair = pair
        self.grammar = Grammar(random.Random(f"queries/{seed}"))
        self.count = 0
        self.equal = 0
        self.errors = 0
        self.empty = 0
        self.allowed = collections.Counter()
        self.examples = {}
        self.unexplained = []

    def run(self, count, output=None):
        for number in range(count):
            if output and number and number % 1000 == 0:
                print(f"{number} queries, {len(self.unexplained)} unexplained", file=output,
                      flush=True)
            self.compare(self.grammar.query())
            if len(self.unexplained) >= self.SHOWN:
                break

    def compare(self, query):
        self.count += 1
        ours, theirs = self.pair.results(query)
        if same_result(query, ours, theirs):
            self.equal += 1
            self.errors += ours.is_error
            self.empty += not ours.is_error and not ours.values
            return
        small = shrunk(self.pair, query)
        for rule in RULES:
            if rule.explains(self.pair, small):
                self.allowed[rule] += 1
                self.examples.setdefault(rule, small)
                return
        self.unexplained.append((query, small))

    def report(self, output):
        print(
            f"{self.count} queries, {self.equal} equal ({self.errors} refused by both, "
            f"{self.empty} without a result), {self.allowed.total()} allowed, "
            f"{len(self.unexplained)} unexplained", file=output)
        for rule, count in self.allowed.most_common():
            print(f"allowed {count}: {rule.reason}\n  such as {self.examples[rule]}", file=output)
        for query, small in self.unexplained:
            print(f"unexplained: {small}", file=output)
            ours, theirs = self.pair.results(small)
            print(f"  ours:  {described(ours, theirs)}", file=output)
            print(f"  peer:  {described(theirs, ours)}", file=output)
            if small != query:
                print(f"  found as {query}", file=output)


def described(result, other):
    """What a result has that the other has not, in a line."""
    if result.is_error:
        return f"{result.type}: {result.message}"
    parts = []
    for labels in result.labels or result.values:
        samples = result.values[labels]
        others = other.values.get(labels, {})
        different = [
            f"{value!r} at {moment / 1000:.3f}" for moment, value in samples.items()
            if moment not in others or not same_value(value, others[moment])]
        if different or labels not in other.values:
            text = ", ".join(f'{name}="{value}"' for name, value in sorted(labels))
            parts.append(f"{{{text}}} {', '.join(different[:3])}")
    return f"{result.type} of {len(result.values)}: " + "; ".join(parts[:3])


def main():
    parser = argparse.ArgumentParser(
        prog="Tools/differential",
        description="Asks our server and Prometheus random queries, and compares the results.")
    parser.add_argument(
        "count", nargs="?", type=int, default=10_000, help="how many; default: 10000")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    begin = time.monotonic()
    with Pair(arguments.seed) as pair:
        comparison = Comparison(pair, arguments.seed)
        comparison.run(arguments.count, sys.stdout)
        comparison.report(sys.stdout)
    print(f"{time.monotonic() - begin:.0f} s in all")
    return 1 if comparison.unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
