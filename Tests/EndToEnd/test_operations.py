"""What an operator does: snapshots, compaction, limits on space, durability."""

import os
import pathlib
import subprocess
import tempfile
import time
import unittest

import remote_write
import small_disk
from product import BINARY, CommandResult, Server, tsdbctl, wait_until


def write(server, name, value=1, milliseconds=None):
    moment = round(time.time() * 1000) if milliseconds is None else milliseconds
    return remote_write.send(server, ({"__name__": name}, [(moment, value)]))


def names_in(path):
    """The metric names in a data directory."""
    result = tsdbctl("query", "labels", "__name__", f"--path={path}", "--output=csv")
    assert (result.status, result.errors) == (0, ""), result
    return result.output.split()[1:]


class SnapshotCommandTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)

    def test_beside_a_live_server(self):
        copy = self.directory / "deep" / "copy"
        with Server() as server:
            self.assertEqual(write(server, "before").status, 204)
            result = tsdbctl("snapshot", str(server.data_directory), str(copy))
            self.assertEqual(result, (0, f"{copy}\n", ""))
            self.assertEqual(write(server, "after").status, 204)
            self.assertIn("before", names_in(copy))
            self.assertNotIn("after", names_in(copy))
            again = tsdbctl("snapshot", str(server.data_directory), str(copy))
            self.assertEqual(again.status, 1)
            self.assertIn("exists already", again.errors)
            self.assertIn("hint: ", again.errors)
        # It is a data directory that a server can go on with.
        with Server(data=copy) as server:
            self.assertEqual(server.value("count_over_time(before[1h])"), 1)
            self.assertEqual(write(server, "later").status, 204)

    def test_of_a_stopped_server(self):
        with Server() as server:
            self.assertEqual(write(server, "kept").status, 204)
            server.stop()
            result = tsdbctl(
                "snapshot", f"{server.data_directory}/", f"{self.directory / 'copy'}/")
            self.assertEqual((result.status, result.errors), (0, ""))
            self.assertIn("kept", names_in(self.directory / "copy"))

    def test_what_is_no_data_directory(self):
        result = tsdbctl("snapshot", str(self.directory), str(self.directory / "copy"))
        self.assertEqual((result.status, result.output), (1, ""))
        self.assertIn("no database", result.errors)
        self.assertEqual(os.listdir(self.directory), [])

    def test_asked_of_a_server(self):
        with Server("--web.enable-admin-api") as server:
            self.assertEqual(write(server, "before").status, 204)
            result = tsdbctl("snapshot", f"--url={server.url}")
            self.assertEqual((result.status, result.errors), (0, ""))
            copy = server.data_directory / "snapshots" / result.output.strip()
            self.assertIn("before", names_in(copy))
            headless = tsdbctl("snapshot", f"--url={server.url}", "--skip-head")
            self.assertEqual(headless.status, 0, headless.errors)
            self.assertNotEqual(headless.output, result.output)

    def test_server_without_the_admin_api(self):
        with Server() as server:
            result = tsdbctl("snapshot", f"--url={server.url}")
            self.assertEqual((result.status, result.output), (1, ""))
            self.assertIn("admin APIs disabled", result.errors)
            self.assertIn("--web.enable-admin-api", result.errors)


class SnapshotEndpointTest(unittest.TestCase):
    PATH = "/api/v1/admin/tsdb/snapshot"

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--web.enable-admin-api")
        cls.addClassCleanup(cls.server.close)

    def snapshots(self):
        path = self.server.data_directory / "snapshots"
        return set(os.listdir(path)) if path.exists() else set()

    def test_post_and_put(self):
        for method in ("POST", "PUT"):
            known = self.snapshots()
            answer = self.server.request(method, self.PATH)
            self.assertEqual(answer.status, 200, answer.text)
            name = answer.json()["data"]["name"]
            self.assertRegex(name, r"^\d{8}T\d{6}Z-[0-9a-f]+$")
            self.assertEqual(self.snapshots() - known, {name})
        self.assertEqual(self.server.get(self.PATH).status, 405)

    def test_other_origins_are_refused(self):
        known = self.snapshots()
        answer = self.server.request("POST", self.PATH, headers={"Origin": "http://evil.example"})
        self.assertEqual(answer.status, 403)
        self.assertEqual(self.snapshots(), known)

    def test_malformed_parameter(self):
        answer = self.server.post_form(self.PATH, skip_head="perhaps")
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json()["errorType"], "bad_data")


class CompactCommandTest(unittest.TestCase):
    def test_stopped_directory_is_written_anew(self):
        with tempfile.TemporaryDirectory() as directory:
            data, small = f"{directory}/data", f"{directory}/small"
            with Server(data=data) as server:
                self.assertEqual(write(server, "kept").status, 204)
                refused = tsdbctl("compact", data, small)
                self.assertEqual((refused.status, refused.output), (1, ""))
                self.assertIn(str(server.process.pid), refused.errors)
            result = tsdbctl("compact", data, small)
            self.assertEqual((result.status, result.errors), (0, ""))
            before, after = [
                int(line.split()[-2]) for line in result.output.splitlines()]
            self.assertLessEqual(after, before)
            self.assertEqual(names_in(small), names_in(data))
            again = tsdbctl("compact", data, small)
            self.assertEqual(again.status, 1)
            self.assertIn("exists already", again.errors)


    def test_destination_inside_the_directory(self):
        with tempfile.TemporaryDirectory() as directory:
            data = f"{directory}/data"
            with Server(data=data) as server:
                self.assertEqual(write(server, "kept").status, 204)
            for command in ("compact", "snapshot"):
                for destination in (data, f"{data}/copy"):
                    with self.subTest(f"{command} {destination}"):
                        result = tsdbctl(command, data, destination)
                        self.assertEqual((result.status, result.output), (1, ""))
                        self.assertIn("is in the data directory", result.errors)
                        self.assertIn("hint: choose a directory outside", result.errors)
                        self.assertFalse(os.path.exists(f"{data}/copy"))

    def test_deleted_samples_are_not_in_the_new_directory(self):
        with tempfile.TemporaryDirectory() as directory:
            data, small = f"{directory}/data", f"{directory}/small"
            with Server(data=data) as server:
                for name in ("kept", "deleted"):
                    self.assertEqual(write(server, name).status, 204)
            self.assertEqual(tsdbctl("delete", f"--path={data}", "--match=deleted").status, 0)
            self.assertEqual(tsdbctl("compact", data, small).status, 0)
            totals = tsdbctl("info", small, "--output=csv").output
            self.assertIn("total,deletions,number,0\n", totals)
            self.assertIn("metric,kept,series,1\n", totals)
            self.assertNotIn("deleted,", totals)


class DamagedJournalTest(unittest.TestCase):
    """Every command that opens a directory says what its journal has lost."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.data = pathlib.Path(directory.name) / "data"
        with Server(data=self.data) as server:
            for number in range(40):
                self.assertEqual(write(server, f"metric_{number}").status, 204)
            server.kill()
        segment = self.data / "journal" / "0000000001"
        content = bytearray(segment.read_bytes())
        self.assertTrue(any(content[2000:]), "there are records behind the damage")
        content[1000:1004] = b"\xff\xff\xff\xff"
        segment.write_bytes(content)

    def test_compact(self):
        small = f"{self.data}-small"
        result = tsdbctl("compact", str(self.data), small)
        self.assertEqual(result.status, 0, result)
        self.assertIn("note: ", result.errors)
        self.assertIn("0000000001", result.errors)
        self.assertIn(f"note: {small} is incomplete", result.errors)
        self.check_segment_set_aside()
        self.assertEqual(tsdbctl("verify", small).status, 0)

    def test_delete(self):
        for flags in (["--dry-run"], []):
            result = tsdbctl("delete", f"--path={self.data}", "--match=metric_39", *flags)
            self.assertEqual(result.status, 0, result)
            self.assertIn("0000000001", result.errors)
        self.check_segment_set_aside()

    def check_segment_set_aside(self):
        result = tsdbctl("verify", str(self.data))
        self.assertEqual(result.status, 1, result)
        self.assertIn("0000000001.damaged: a segment of the journal", result.output)
        totals = tsdbctl("info", str(self.data), "--output=csv").output
        self.assertIn("total,damaged segments,number,1\n", totals)
        (self.data / "journal" / "0000000001.damaged").unlink()
        self.assertEqual(tsdbctl("verify", str(self.data)).status, 0)


class DamagedGroupTest(unittest.TestCase):
    def test_pushed_groups_are_verified(self):
        with tempfile.TemporaryDirectory() as directory:
            data = pathlib.Path(directory) / "data"
            with Server(data=data) as server:
                server.request("PUT", "/metrics/job/backup", body=b"size 1\n")
            self.assertEqual(tsdbctl("verify", str(data)).status, 0)
            group = data / "pushgateway" / "1.group"
            group.write_bytes(group.read_bytes()[:-3])
            result = tsdbctl("verify", str(data))
            self.assertEqual(result.status, 1, result)
            self.assertIn("pushgateway/1.group: its checksum is wrong", result.output)
            self.assertIn(": 1 damage; checked", result.output)
            group.rename(f"{group}.unreadable")
            self.assertIn("1.group.unreadable: ", tsdbctl("verify", str(data)).output)


class QueryLimitTest(unittest.TestCase):
    def test_the_limit_is_named(self):
        with Server("--query.max-samples=1") as server:
            for name in ("a", "b"):
                self.assertEqual(write(server, name).status, 204)
            result = tsdbctl("query", f"--url={server.url}", '{__name__=~"a|b"}')
            self.assertEqual((result.status, result.output), (1, ""))
            self.assertIn("too many samples into memory in query execution\n", result.errors)
            self.assertIn("--query.max-samples", result.errors)


@unittest.skipUnless(os.getuid() == 0, "needs another user")
class PermissionTest(unittest.TestCase):
    """What a user is told who may not do what is needed."""

    NOBODY = 65534

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        os.chmod(directory.name, 0o755)
        self.data = pathlib.Path(directory.name) / "data"
        with Server(data=self.data) as server:
            self.assertEqual(write(server, "kept").status, 204)

    def run_as_nobody(self, *arguments):
        process = subprocess.run(
            [BINARY, *arguments], capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL, user=self.NOBODY, group=self.NOBODY, extra_groups=[],
            cwd="/")
        return CommandResult(process.returncode, process.stdout, process.stderr)

    def permit(self, directory, file):
        for path, directories, files in os.walk(self.data):
            os.chmod(path, directory)
            for name in files:
                os.chmod(os.path.join(path, name), file)

    def test_readers_need_the_lock_file(self):
        self.permit(0o755, 0o644)
        for command in (["verify", self.data], ["info", self.data],
                        ["query", "labels", f"--path={self.data}"]):
            with self.subTest(command[0]):
                result = self.run_as_nobody(*map(str, command))
                self.assertEqual(result.status, 1, result)
                self.assertIn(f"{self.data}/lock.mdb: Permission denied", result.errors)
                self.assertIn("look at a copy of the directory", result.errors)

    def test_writers_are_told_which_file(self):
        self.permit(0o755, 0o644)
        for command in (["delete", f"--path={self.data}", "--match=kept"],
                        ["compact", self.data, "/tmp/never-made"],
                        ["serve", f"--storage.tsdb.path={self.data}",
                         "--web.listen-address=127.0.0.1:0"]):
            with self.subTest(command[0]):
                result = self.run_as_nobody(*map(str, command))
                self.assertEqual(result.status, 1, result)
                self.assertIn(f"can't open for writing {self.data}/lock: ", result.errors)
                self.assertIn(
                    f"give this user read and write access to {self.data}/lock", result.errors)

    def test_directory_that_may_not_be_read(self):
        self.permit(0o700, 0o600)
        result = self.run_as_nobody("verify", str(self.data))
        self.assertEqual(result.status, 1, result)
        self.assertIn("data.mdb: Permission denied", result.errors)
        self.assertIn("hint: give this user read access to ", result.errors)


class LogTest(unittest.TestCase):
    def test_what_an_operator_did_is_in_the_log(self):
        with Server("--web.enable-admin-api") as server:
            self.assertEqual(write(server, "gone").status, 204)
            self.assertEqual(tsdbctl("snapshot", f"--url={server.url}").status, 0)
            self.assertEqual(
                tsdbctl("delete", f"--url={server.url}", "--match=gone").status, 0)
            self.assertEqual(
                server.request("POST", "/api/v1/admin/tsdb/clean_tombstones").status, 204)
            for words in ('level=INFO msg="snapshot made" path=',
                          'level=INFO msg="samples deleted" series=1 samples_at_most=1',
                          'level=INFO msg="deleted samples removed from the tables"'):
                wait_until(lambda: words in server.log, words)

    def test_a_size_that_keeps_nothing(self):
        with Server("--storage.tsdb.retention.size=1B") as server:
            self.assertIn("the least that makes sense is 64MiB", server.log)
        with Server("--storage.tsdb.retention.size=1GiB") as server:
            self.assertNotIn("makes sense", server.log)


class RetentionTextTest(unittest.TestCase):
    def test_both_limits_are_told_as_prometheus_tells_them(self):
        rows = [
            ([], "15d"),
            (["--storage.tsdb.retention.size=10GB"], "10GiB"),
            (["--storage.tsdb.retention.time=30d", "--storage.tsdb.retention.size=1.5GiB"],
             "30d or 1GiB512MiB"),
        ]
        for arguments, text in rows:
            with self.subTest(text), Server(*arguments) as server:
                data = server.get("/api/v1/status/runtimeinfo").json()["data"]
                self.assertEqual(data["storageRetention"], text)


class DurabilityTest(unittest.TestCase):
    def test_killed_server_loses_nothing_in_any_mode(self):
        for mode in ("sync", "interval=1h", "os"):
            with self.subTest(mode), tempfile.TemporaryDirectory() as data:
                moment = round(time.time() * 1000)
                server = Server(f"--storage.durability={mode}", data=data)
                try:
                    for number in range(20):
                        answer = write(server, "kept", number, moment + number)
                        self.assertEqual(answer.status, 204)
                finally:
                    server.kill()
                    server.remove()
                with Server(data=data) as server:
                    self.assertEqual(server.value("count_over_time(kept[1h])"), 20)

    def test_help_says_what_can_be_lost(self):
        text = tsdbctl("serve", "--help").output
        for words in ("A killed process loses nothing", "a power cut loses nothing",
                      "a power cut loses what came since"):
            self.assertIn(words, text)


class FullDiskTest(unittest.TestCase):
    def assert_read_only(self, server):
        answer = write(server, "refused")
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer.headers["Retry-After"], "30")
        self.assertIn("--storage.min-free-space", answer.text)
        push = server.request("POST", "/metrics/job/j", body=b"pushed 1\n")
        self.assertEqual(push.status, 503)
        self.assertIn("Retry-After", push.headers)
        for path in ("/-/healthy", "/-/ready"):
            answer = server.get(path)
            self.assertEqual(answer.status, 200)
            self.assertIn("takes no samples at the moment", answer.text)
        metrics = server.get("/metrics").text
        self.assertIn("\ntsdb_store_read_only 1\n", metrics)
        self.assertIn("\ntsdb_store_failed 0\n", metrics)

    def test_below_the_minimum_the_server_only_answers(self):
        with Server("--storage.min-free-space=1EiB") as server:
            self.assert_read_only(server)
            self.assertEqual(server.value("vector(1)"), 1)
            wait_until(lambda: "the disk is full" in server.log, "the log tells of it")

    @unittest.skipUnless(small_disk.is_available(), "needs mount namespaces")
    def test_it_goes_on_by_itself_when_there_is_space(self):
        disk = small_disk.SmallDisk(96)
        self.addCleanup(disk.close)
        arguments = ["--storage.min-free-space=32MiB"]
        with Server(*arguments, data=f"{disk.path}/data") as server:
            moment = round(time.time() * 1000)
            self.assertEqual(write(server, "kept", 1, moment).status, 204)
            disk.leave(20)
            wait_until(lambda: write(server, "probe").status == 503, "samples are refused")
            self.assert_read_only(server)
            self.assertEqual(server.value("kept", moment / 1000), 1)
            disk.release()
            wait_until(lambda: write(server, "probe").status == 204, "samples are taken again")
            wait_until(
                lambda: "the store takes samples again" in server.log, "the log tells of it")
            self.assertEqual(server.log.count("the disk is full"), 1)
            self.assertEqual(server.get("/-/ready").text, "Prometheus Server is Ready.\n")
            self.assertEqual(write(server, "later", 2, moment).status, 204)
            server.kill()
        with Server(*arguments, data=f"{disk.path}/data") as server:
            self.assertEqual(server.value("kept", moment / 1000), 1)
            self.assertEqual(server.value("later", moment / 1000), 2)


if __name__ == "__main__":
    unittest.main()
