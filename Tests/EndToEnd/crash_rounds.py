"""Kills the server while samples come in, and checks after each restart that
everything acknowledged is there and that no batch is there in part.

As a program, `Tools/crash-test`, it does this for long.
"""

import argparse
import contextlib
import itertools
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

import remote_write
from product import Server, server_command, tsdbctl

# Batches of samples: each is one request, and one moment of each of its series.


class SyntheticSource:
    """A fleet that grows: counters and gauges every 15 s, and new series now and then.

    Every batch gives the same number to the series of `batch_number`, so that
    a part of a batch gives itself away.
    """

    MEMBERS = 5

    def __init__(self, name, start, seed):
        self.name = name
        self.start = start
        self.random = random.Random(f"{seed}/{name}")
        self.counters = []

    def __iter__(self):
        for number in itertools.count(1):
            if number % 10 == 1:
                self.counters += [self.random.uniform(0, 1000) for _ in range(20)]
            moment = self.start + number * 15_000
            batch = [
                ({"__name__": "batch_number", "source": self.name, "member": str(member)},
                 moment, float(number))
                for member in range(self.MEMBERS)
            ]
            for index in range(len(self.counters)):
                self.counters[index] += self.random.randrange(100)
                batch.append((
                    {"__name__": "work_total", "source": self.name, "worker": str(index)},
                    moment, self.counters[index]))
            batch.append((
                {"__name__": "work_level", "source": self.name}, moment, self.random.gauss(50, 10)))
            yield batch


class CaptureSource:
    """Recorded scrapes of a real exporter, at their own times, every 15th of them."""

    LINE = re.compile(rb"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
    LABEL = re.compile(rb'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
    ESCAPE = re.compile(r"\\(.)")

    def __init__(self, file, every):
        self.name = file.name.split(".")[0]
        self.file = file
        self.every = every
        self.labels = {}

    def __iter__(self):
        unpacking = subprocess.Popen(
            ["zstd", "-dc", "--long=27", str(self.file)], stdout=subprocess.PIPE)
        try:
            for index in itertools.count():
                header = unpacking.stdout.readline().split()
                if not header:
                    return
                body = unpacking.stdout.read(int(header[2]))
                if index % self.every == 0:
                    yield self._batch(body, int(header[1]))
        finally:
            unpacking.kill()
            unpacking.wait()

    def _batch(self, body, moment):
        batch = []
        for line in body.splitlines():
            match = self.LINE.match(line)
            if match:
                series = line[:match.start(3) - 1]
                if series not in self.labels:
                    self.labels[series] = self._labels(match)
                batch.append((self.labels[series], moment, float(match.group(3))))
        return batch

    def _labels(self, match):
        labels = {"__name__": match.group(1).decode(), "source": self.name}
        for name, value in self.LABEL.findall(match.group(2) or b""):
            if value == b"":
                continue  # The same as no label.
            labels[name.decode()] = self.ESCAPE.sub(
                lambda escape: "\n" if escape.group(1) == "n" else escape.group(1),
                value.decode())
        return labels


class Sender:
    """Sends the batches of one source, one request after the other."""

    def __init__(self, source):
        self.source = source
        self.batches = iter(source)
        self.acknowledged = {}
        self.acknowledged_count = 0
        self.in_flight = None
        self.is_finished = False
        self.failure = None

    def run(self, server, stop):
        """Sends until told to stop, or until the server is gone."""
        try:
            while not stop.is_set():
                if self.in_flight is None:
                    self.in_flight = next(self.batches, None)
                    if self.in_flight is None:
                        self.is_finished = True
                        return
                answer = remote_write.send(
                    server,
                    *[(labels, [(moment, value)]) for labels, moment, value in self.in_flight])
                if answer.status != 204:
                    self.failure = f"status {answer.status}: {answer.text}"
                    return
                self._acknowledge()
        except OSError:
            pass  # The server was killed: what is in flight may be there, or not.
        except Exception as error:
            # Whatever is wrong with an answer of a server that dies: no answer.
            if type(error).__module__ != "http.client":
                self.failure = repr(error)

    def _acknowledge(self):
        for labels, moment, value in self.in_flight:
            key = frozenset(labels.items())
            self.acknowledged.setdefault(key, {})[moment] = value
        self.acknowledged_count += len(self.in_flight)
        self.in_flight = None


class DirectoryReader:
    """Another process that reads the directory, again and again, whatever happens to the server.

    What it counts never falls, and no read fails.
    """

    EXPRESSION = 'sum(count_over_time(batch_number{member="0"}[30d]))'

    def __init__(self, data_directory):
        self.data_directory = data_directory
        self.read_count = 0
        self.problems = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self):
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()

    def _run(self):
        before = 0
        while not self._stop.wait(0.2):
            result = tsdbctl(
                "query", "--path", self.data_directory, "--output=csv", self.EXPRESSION)
            if result.status != 0:
                self.problems.append(f"a reader failed: {result.errors.strip()}")
                continue
            lines = result.output.split()
            count = float(lines[-1].split(",")[-1]) if len(lines) > 1 else 0
            if count < before:
                self.problems.append(f"a reader found {count} batches after {before}")
            before = count
            self.read_count += 1


def same(left, right):
    return left == right or (left != left and right != right)


class CrashTest:
    """Rounds of sending, killing, starting again and checking."""

    ARGUMENTS = [
        "--storage.tsdb.retention.time=100y", "--scrape.interval=1h", "--query.timeout=10m"]

    def __init__(self, sources, data_directory, seed, output=None):
        self.senders = [Sender(source) for source in sources]
        self.data_directory = data_directory
        self.random = random.Random(seed)
        self.output = output
        self.server = None
        self.kill_count = 0
        self.worst_ready_seconds = 0.0
        self.lost_count = 0
        self.problems = []
        self.reader = None

    @property
    def read_count(self):
        return self.reader.read_count if self.reader else 0

    @property
    def acknowledged_count(self):
        return sum(sender.acknowledged_count for sender in self.senders)

    @property
    def is_finished(self):
        return all(sender.is_finished for sender in self.senders)

    def close(self):
        """Ends the reader, and the server, if it runs; the data directory stays."""
        if self.reader is not None:
            self.reader.stop()
            self.problems += self.reader.problems
            self.reader = None
        self._kill()

    def _kill(self):
        if self.server is not None:
            self.server.kill()
            self.server.remove()
            self.server = None

    def _start(self):
        self.server = Server(*self.ARGUMENTS, data=self.data_directory)
        self.worst_ready_seconds = max(self.worst_ready_seconds, self.server.ready_seconds)

    def _kill_while_starting(self):
        process = subprocess.Popen(
            server_command(self.data_directory, *self.ARGUMENTS),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0, 0.1))
        process.kill()
        process.wait()

    def run_round(self, seconds):
        """Sends for about `seconds`, kills, starts again and checks.

        The server that was checked takes the samples of the next round: a crash
        may follow a crash, without a clean stop between them.
        """
        if self.server is None:
            self._start()
        if self.reader is None:
            self.reader = DirectoryReader(self.data_directory)
            self.reader.start()
        stop = threading.Event()
        threads = [
            threading.Thread(target=sender.run, args=(self.server, stop))
            for sender in self.senders]
        before = self.acknowledged_count
        for thread in threads:
            thread.start()
        time.sleep(seconds * self.random.uniform(0.2, 1.8))
        while self.acknowledged_count == before and any(one.is_alive() for one in threads):
            time.sleep(0.005)
        self._kill()
        self.kill_count += 1
        stop.set()
        for thread in threads:
            thread.join()
        for sender in self.senders:
            if sender.failure:
                raise AssertionError(sender.failure)
        if self.random.random() < 0.3:
            self._kill_while_starting()
        self._start()
        self.check()

    def stop_and_check(self):
        """Stops the server cleanly, starts it once more and checks; then verifies the data."""
        self.server.close()
        self._start()
        self.check()
        self.server.stop()
        verified = tsdbctl("verify", self.data_directory)
        if verified.status != 0:
            self.problems.append(f"verify: {verified.output}{verified.errors}")

    def check(self):
        """Compares everything acknowledged with what the server holds."""
        lost = 0
        for sender in self.senders:
            stored = self._stored(sender)
            for key, samples in sender.acknowledged.items():
                have = stored.get(key, {})
                lost += sum(
                    moment not in have or not same(have[moment], value)
                    for moment, value in samples.items())
            self._check_in_flight(sender, stored)
        self.lost_count += lost
        if lost:
            self.problems.append(f"{lost} acknowledged samples are gone")
        if self.output:
            print(
                f"kill {self.kill_count}: {self.acknowledged_count} samples acknowledged, "
                f"{lost} lost, ready in {self.server.ready_seconds:.3f} s",
                file=self.output, flush=True)

    def _check_in_flight(self, sender, stored):
        """What was sent without an answer is there whole or not at all, and nothing else."""
        in_flight = {
            (frozenset(labels.items()), moment): value
            for labels, moment, value in sender.in_flight or []
        }
        present = 0
        for key, samples in stored.items():
            known = sender.acknowledged.get(key, {})
            for moment, value in samples.items():
                if moment in known:
                    continue
                if (key, moment) in in_flight and same(in_flight[key, moment], value):
                    present += 1
                else:
                    self.problems.append(f"a sample that nobody sent: {dict(key)}")
        if present not in (0, len(in_flight)):
            self.problems.append(f"{present} of {len(in_flight)} samples of a batch are there")

    def _stored(self, sender):
        """All samples of a sender's series, by label set and time."""
        moments = [
            moment for samples in sender.acknowledged.values() for moment in samples
        ] + [moment for _, moment, _ in sender.in_flight or []]
        if not moments:
            return {}
        first, last = min(moments), max(moments)
        seconds = (last - first) // 1000 + 60
        matrix = self.server.matrix(
            f"{{source='{sender.source.name}'}}[{seconds}s]", last / 1000 + 1)
        return {key: dict(samples) for key, samples in matrix.items()}


def main():
    parser = argparse.ArgumentParser(
        prog="Tools/crash-test",
        description="Kills the server while it takes samples, and checks that nothing "
        "acknowledged is lost.")
    parser.add_argument(
        "rounds", nargs="?", type=int, default=20, help="how often to kill it; default: 20")
    parser.add_argument(
        "--captures", type=pathlib.Path, metavar="DIR",
        help="replay the recorded scrapes DIR/*.raw.zst at their own times, instead of "
        "made-up samples")
    parser.add_argument(
        "--samples", type=int, default=1_000_000,
        help="how many samples to send in all; default: 1000000")
    parser.add_argument(
        "--keep", type=pathlib.Path, metavar="DIR",
        help="leave the data in this directory, which must not exist")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    if arguments.captures:
        sources = [
            CaptureSource(file, every=2) for file in sorted(arguments.captures.glob("*.raw.zst"))]
    else:
        start = (int(time.time()) - 10 * 86_400) * 1000
        sources = [SyntheticSource(f"s{number}", start, arguments.seed) for number in range(3)]
    begin = time.monotonic()
    with (
        contextlib.nullcontext(arguments.keep) if arguments.keep
        else tempfile.TemporaryDirectory(prefix="tsdb-crash-") as directory,
        contextlib.closing(
            CrashTest(sources, f"{directory}/data", arguments.seed, sys.stdout)) as test,
    ):
        seconds = 2.0
        while test.kill_count < arguments.rounds or (
                test.acknowledged_count < arguments.samples and not test.is_finished):
            before = test.acknowledged_count
            test.run_round(seconds)
            # So that the samples last for all the rounds, and no longer.
            rest = max(arguments.rounds - test.kill_count, 1)
            wanted = (arguments.samples - test.acknowledged_count) / rest
            sent = max(test.acknowledged_count - before, 1)
            seconds = min(max(seconds * wanted / sent, 0.2), 20)
        test.stop_and_check()
    print(
        f"{test.kill_count} kills, {test.acknowledged_count} samples acknowledged, "
        f"{test.lost_count} lost, {len(test.problems)} problems, "
        f"worst time until ready {test.worst_ready_seconds:.3f} s, "
        f"{time.monotonic() - begin:.0f} s in all")
    for problem in test.problems[:20]:
        print(f"problem: {problem}")
    return 1 if test.problems else 0


if __name__ == "__main__":
    sys.exit(main())
