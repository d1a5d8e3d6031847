"""Deleting series, and the commands that look at a whole data directory."""

import csv
import io
import json
import pathlib
import shutil
import tempfile
import time
import unittest

import remote_write
from product import Server, tsdbctl

DELETE = "/api/v1/admin/tsdb/delete_series"
CLEAN = "/api/v1/admin/tsdb/clean_tombstones"


def fill(server, end):
    """Ten minutes of two series, a sample every ten seconds."""
    answer = remote_write.send(server, *[
        ({"__name__": "m", "job": job},
         [(moment * 1000, number) for number, moment in enumerate(range(end - 600, end, 10))])
        for job in ("a", "b")
    ])
    assert answer.status == 204, answer.text


class AdminTest(unittest.TestCase):
    def test_the_routes_are_closed_by_default(self):
        with Server() as server:
            for path in (DELETE + "?match[]=m", CLEAN):
                answer = server.post_form(path)
                self.assertEqual(answer.status, 500)
                self.assertEqual(
                    answer.json(),
                    {"status": "error", "errorType": "unavailable",
                     "error": "admin APIs disabled"})
            self.assertEqual(server.get(CLEAN).status, 405)

    def test_deleted_series_are_gone_at_once_and_after_a_crash(self):
        end = int(time.time())
        with Server("--web.enable-admin-api") as server:
            fill(server, end)
            answer = server.post_form(DELETE, **{"match[]": 'm{job="a"}'})
            self.assertEqual((answer.status, answer.body), (204, b""))
            labels = [{"__name__": "m", "job": "b"}]
            self.assertEqual(
                server.data("/api/v1/series", **{"match[]": '{__name__="m"}'}), labels)
            self.assertEqual(len(server.vector("m", time=end)), 1)
            self.assertEqual(server.request("PUT", CLEAN).status, 204)
            server.kill()
            with Server("--web.enable-admin-api", data=server.data_directory) as again:
                self.assertEqual(
                    again.data("/api/v1/series", **{"match[]": '{__name__="m"}'}), labels)
                fill(again, end)
                counts = again.vector("count_over_time(m[20m])", time=end)
                self.assertEqual(sorted(counts.values()), [60, 60])


class CommandTest(unittest.TestCase):
    def directory(self):
        """A directory that a server has left."""
        workspace = pathlib.Path(tempfile.mkdtemp(prefix="tsdb-end-to-end-"))
        self.addCleanup(shutil.rmtree, workspace)
        with Server(data=workspace / "data") as server:
            fill(server, int(time.time()))
        return workspace / "data"

    def test_deleting_at_a_server(self):
        end = int(time.time())
        with Server("--web.enable-admin-api") as server:
            fill(server, end)
            arguments = ["delete", f"--url={server.url}", '--match=m{job="a"}']
            result = tsdbctl(*arguments, "--dry-run")
            self.assertEqual((result.status, result.errors), (0, ""))
            self.assertEqual(result.output, "would delete 1 series, at most 60 samples\n")
            self.assertEqual(len(server.vector("m", time=end)), 2)
            result = tsdbctl(*arguments, f"--end={end - 300}")
            self.assertEqual(result.status, 0, result.errors)
            self.assertRegex(result.output, r"^deleted 1 series, at most \d+ samples\n$")
            counts = server.vector("count_over_time(m[20m])", time=end)
            self.assertEqual(sorted(counts.values()), [29, 60])
            # Another process, which reads beside the server, sees the same.
            result = tsdbctl(
                "query", f"--path={server.data_directory}", f"--time={end}", "--output=csv",
                "sum(count_over_time(m[20m]))")
            self.assertEqual(result.output, "value\n89\n")
            result = tsdbctl("verify", str(server.data_directory))
            self.assertEqual(result.status, 0, result.output)

    def test_a_server_that_does_not_allow_it(self):
        with Server() as server:
            result = tsdbctl("delete", f"--url={server.url}", "--match=m")
            self.assertEqual((result.status, result.output), (1, ""))
            self.assertIn("admin APIs disabled", result.errors)
            self.assertIn("--web.enable-admin-api", result.errors)

    def test_deleting_in_a_directory(self):
        data = self.directory()
        arguments = ["delete", f"--path={data}", '--match=m{job="a"}', "--match=none"]
        for flags, words in ((["--dry-run"], "would delete 1"), ([], "deleted 1"),
                             ([], "deleted 0")):
            result = tsdbctl(*arguments, *flags)
            self.assertEqual((result.status, result.errors), (0, ""))
            self.assertTrue(result.output.startswith(words), result.output)
        series = tsdbctl("query", "series", "m", f"--path={data}", "--output=csv")
        self.assertEqual(series.output, "metric,job\nm,b\n")

    def test_a_directory_in_use_or_without_a_database(self):
        with Server() as server:
            result = tsdbctl("delete", f"--path={server.data_directory}", "--match=m")
            self.assertEqual((result.status, result.output), (1, ""))
            self.assertIn("hint: ", result.errors)
            # To count, no lock is needed.
            fill(server, int(time.time()))
            result = tsdbctl(
                "delete", f"--path={server.data_directory}", "--match=m", "--dry-run")
            self.assertEqual(
                result, (0, "would delete 2 series, at most 120 samples\n", ""))
            missing = server.workspace / "nothing"
            for command in (["delete", f"--path={missing}", "--match=m"],
                            ["verify", str(missing)], ["info", str(missing)]):
                result = tsdbctl(*command)
                self.assertEqual(result.status, 1)
                self.assertIn("there is no database", result.errors)
            self.assertFalse(missing.exists())

    def test_mistakes(self):
        for arguments, words in (
                (["delete"], "name the series"),
                (["delete", "m"], "--match=m"),
                (["delete", "--match=m", "--start=5", "--end=4"], "--start is after --end"),
                (["delete", "--match=m", "--url=http://x", "--path=y"], "exclude each other"),
                (["verify"], "name one directory"),
                (["info", "a", "b"], "name one directory"),
                (["info", "a", "--output=xml"], "table, json or csv"),
                (["info", "a", "--limit=-1"], "--limit=-1")):
            with self.subTest(arguments):
                result = tsdbctl(*arguments)
                self.assertEqual((result.status, result.output), (2, ""))
                self.assertIn(words, result.errors)
        result = tsdbctl("delete", f"--path={self.directory()}", "--match={job=~'.*'}")
        self.assertEqual(result.status, 1)
        self.assertIn("at least one non-empty matcher", result.errors)

    def test_verify_beside_a_server_and_on_damage(self):
        with Server() as server:
            fill(server, int(time.time()))
            result = tsdbctl("verify", str(server.data_directory))
            self.assertEqual((result.status, result.errors), (0, ""))
            self.assertIn(": sound; checked ", result.output)
        data = self.directory()
        result = tsdbctl("verify", str(data))
        self.assertIn(" samples, ", result.output)
        self.assertEqual(result.status, 0, result.output)
        # The labels of a series stand in the file as they are.
        file = data / "data.mdb"
        content = file.read_bytes()
        file.write_bytes(content.replace(b"job\x01a", b"job\x01c"))
        self.assertNotEqual(file.read_bytes(), content)
        result = tsdbctl("verify", str(data))
        self.assertEqual(result.status, 1, result.output)
        self.assertRegex(result.output, r"(?m)^series: at key [0-9a-f]+: the checksum")
        self.assertRegex(result.output, r": \d+ damages?; checked ")

    def test_one_of_a_thing_is_told_as_one(self):
        with Server("--web.enable-admin-api") as server:
            remote_write.send(server, ({"__name__": "one"}, [(int(time.time()) * 1000, 1)]))
            result = tsdbctl("delete", f"--url={server.url}", "--match=one")
            self.assertEqual(result, (0, "deleted 1 series, at most 1 sample\n", ""))

    def test_missing_journal_is_damage(self):
        data = self.directory()
        shutil.rmtree(data / "journal")
        result = tsdbctl("verify", str(data))
        self.assertEqual(result.status, 1)
        self.assertIn(f"{data}/journal: the directory is missing", result.output)

    def test_info_in_all_forms(self):
        data = self.directory()
        tsdbctl("delete", f"--path={data}", '--match=m{job="a"}')
        result = tsdbctl("info", str(data))
        self.assertEqual((result.status, result.errors), (0, ""))
        for words in ("bytes a sample", "free bytes", "chunk class",
                      "fingerprints", "label name"):
            self.assertIn(words, result.output)
        information = json.loads(tsdbctl("info", str(data), "--output=json").output)
        self.assertEqual(information["series"], 2)
        self.assertEqual(information["samples"], 120)
        self.assertEqual(information["deletions"], 1)
        self.assertEqual(sum(window["samples"] for window in information["windows"]), 120)
        self.assertEqual(information["valuesOfLabelNames"][0], {"name": "job", "count": 2})
        self.assertEqual(information["seriesOfMetrics"], [{"name": "m", "count": 2}])
        rows = list(csv.DictReader(
            io.StringIO(tsdbctl("info", str(data), "--output=csv").output)))
        self.assertIn(
            {"section": "total", "name": "samples", "measure": "number", "value": "120"}, rows)
        self.assertIn(
            {"section": "metric", "name": "m", "measure": "series", "value": "2"}, rows)
        tables = {table["name"]: table for table in information["tables"]}
        self.assertGreater(tables["chunks"]["bytes"], 0)
        self.assertEqual(
            len(json.loads(
                tsdbctl("info", str(data), "--output=json", "--limit=1").output
            )["seriesOfLabels"]), 1)


if __name__ == "__main__":
    unittest.main()
