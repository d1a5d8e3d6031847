"""Bad input: a clear answer, bounded cost, and nothing lost that was stored."""

import concurrent.futures
import gzip
import http.client
import socket
import time
import unittest
import urllib.parse

import remote_write
from product import Server, tsdbctl, wait_until
from targets import ScriptedTarget


def answer_bytes(body, content_type="text/plain; version=0.0.4", length=None, extra=""):
    """An HTTP answer as bytes, with a length that may lie."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{extra}"
    head += f"Content-Length: {len(body) if length is None else length}\r\n\r\n"
    return head.encode() + body


class BadScrapeTest(unittest.TestCase):
    """Targets that misbehave, each for itself, beside one that does not."""

    @classmethod
    def setUpClass(cls):
        cls.targets = {
            "good": ScriptedTarget("good 1\n"),
            "garbage": ScriptedTarget(b"\x00\xff\xfe garbage \x80\n" * 100),
            "half_line": ScriptedTarget("fine 1\nbroken{a=\"\n"),
            "bad_value": ScriptedTarget("fine 1\nbroken one\n"),
            "html": ScriptedTarget("<html></html>", content_type="text/html"),
            "no_type": ScriptedTarget("fine 1\n", content_type=None),
            "openmetrics": ScriptedTarget(
                "fine 1\n# EOF\n", content_type="application/openmetrics-text; version=1.0.0"),
            "status_500": ScriptedTarget("fine 1\n"),
            "truncated": ScriptedTarget(),
            "closed": ScriptedTarget(),
            "no_http": ScriptedTarget(),
            "bad_gzip": ScriptedTarget(),
            "huge_body": ScriptedTarget(),
            "long_label": ScriptedTarget('fine{text="' + "x" * (1 << 20) + '"} 1\n'),
            "long_line": ScriptedTarget("# HELP fine " + "x" * (4 << 20) + "\nfine 1\n"),
            "redirect_loop": ScriptedTarget(),
        }
        target = cls.targets
        target["status_500"].status = 500
        target["truncated"].raw = answer_bytes(b"fine 1\nfine 2", length=5000)
        target["closed"].raw = b""
        target["no_http"].raw = b"SSH-2.0-OpenSSH_9.2\r\n"
        target["bad_gzip"].raw = answer_bytes(b"not gzip", extra="Content-Encoding: gzip\r\n")
        target["huge_body"].raw = answer_bytes(b"x", length=1 << 40)
        target["redirect_loop"].status = 302
        target["redirect_loop"].headers["Location"] = "/metrics"
        for one in target.values():
            cls.addClassCleanup(one.close)
        cls.server = Server(
            *[f"{name}={one.address}" for name, one in target.items()], "--scrape.interval=1s")
        cls.addClassCleanup(cls.server.close)
        wait_until(
            lambda: len(cls.server.vector("count_over_time(up[1m]) >= 2")) == len(target) + 1,
            "all targets are tried twice", timeout=60)

    def test_each_failure_is_its_own(self):
        up = {dict(labels)["job"]: value for labels, value in self.server.vector("up").items()}
        # A label of a megabyte is allowed unless the configuration limits it.
        fine = {"good", "tsdb", "long_label", "long_line"}
        for job in self.targets:
            with self.subTest(job):
                self.assertEqual(up[job], 1 if job in fine else 0)
        self.assertEqual(
            {dict(labels)["job"] for labels in self.server.vector("fine")},
            {"long_line", "long_label"})
        self.assertEqual(self.server.value("good"), 1)

    def test_each_failure_is_explained(self):
        words = {
            "garbage": "line 1", "half_line": "line 2", "bad_value": "line 2",
            "html": "text/html", "no_type": "Content-Type", "openmetrics": "openmetrics",
            "status_500": "500", "truncated": "", "closed": "", "no_http": "", "bad_gzip": "",
            "huge_body": "", "redirect_loop": "redirect",
        }
        status = self.server.get("/api/v1/targets").json()["data"]["activeTargets"]
        errors = {one["scrapePool"]: one["lastError"] for one in status}
        for job, word in words.items():
            with self.subTest(job):
                self.assertIn(word.lower(), errors[job].lower())
                self.assertNotEqual(errors[job], "")
                self.assertLess(len(errors[job]), 500, "an error does not repeat the body")

    def test_memory_stays_bounded(self):
        self.assertLess(self.server.value("process_resident_memory_bytes{job='tsdb'}"), 600 << 20)

    def test_log_stays_short(self):
        complaints = [line for line in self.server.log_lines if "level=WARN" in line]
        self.assertLessEqual(len(complaints), len(self.targets))
        for line in self.server.log_lines:
            self.assertLess(len(line), 3000)


class BombTest(unittest.TestCase):
    def test_scraped_bomb_is_given_up(self):
        target = ScriptedTarget()
        bomb = gzip.compress(b"#" * (1 << 30), 1)
        target.raw = answer_bytes(bomb, extra="Content-Encoding: gzip\r\n")
        with Server(f"bomb={target.address}", "--scrape.interval=5s") as server:
            wait_until(lambda: server.value("up{job='bomb'}") == 0, "the bomb is scraped")
            status = server.get("/api/v1/targets").json()["data"]["activeTargets"]
            error = next(one["lastError"] for one in status if one["scrapePool"] == "bomb")
            self.assertIn("body size limit exceeded", error)
            wait_until(lambda: server.value("up{job='tsdb'}") == 1, "it scrapes itself")
            self.assertLess(server.value("process_resident_memory_bytes"), 500 << 20)
        target.close()


class BadRequestTest(unittest.TestCase):
    """Requests that no client should send."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.now = round(time.time())
        remote_write.send(cls.server, *[
            ({"__name__": "text", "value": "a" * 50 + str(number)}, [(cls.now * 1000, number)])
            for number in range(200)
        ])

    def tearDown(self):
        # Whatever came in, the server answers, and what was stored is there.
        self.assertEqual(self.server.value("count(text)", self.now), 200)

    def within(self, seconds, *arguments, **parameters):
        begin = time.monotonic()
        answer = self.server.get(*arguments, **parameters)
        self.assertLess(time.monotonic() - begin, seconds)
        return answer

    def raw(self, data):
        """Sends bytes, and returns what comes back within half a second."""
        host, port = self.server.address.split(":")
        received = b""
        with socket.create_connection((host, int(port)), timeout=0.5) as connection:
            try:
                connection.sendall(data)
                while chunk := connection.recv(65536):
                    received += chunk
            except (TimeoutError, ConnectionError):
                pass  # The server waits for the rest, or has hung up.
        return received

    def test_deep_nesting_is_refused_quickly(self):
        for depth in (1000, 3000):
            for query in ("(" * depth + "1" + ")" * depth, "-" * depth + "1", "abs(" * depth):
                answer = self.server.post_form("/api/v1/query", query=query)
                self.assertEqual(answer.status, 400, answer.text[:300])
                self.assertIn("parse error", answer.json()["error"])
                self.assertLess(len(answer.text), 10_000)

    def test_huge_query_is_refused_quickly(self):
        for query in ("+".join(["1"] * 500_000), "x" * (1 << 20), "up" + " " * (8 << 20)):
            begin = time.monotonic()
            answer = self.server.post_form("/api/v1/query", query=query)
            self.assertLess(time.monotonic() - begin, 5)
            self.assertIn(answer.status, (200, 400, 413), answer.text[:300])
            self.assertLess(len(answer.text), 10_000, "an error does not repeat the query")

    def test_catastrophic_regexes_are_linear(self):
        for pattern in ("(a*)*b", "(a|aa)+$b", "(.*)(.*)(.*)(.*)(.*)[0-9]x", "(a?){50}a{50}b",
                        "(" * 900 + ")" * 900):
            with self.subTest(pattern[:20]):
                answer = self.within(
                    2, "/api/v1/query", query=f'text{{value=~"{pattern}"}}', time=self.now)
                self.assertEqual(answer.status, 200, answer.text)
                self.assertEqual(answer.json()["data"]["result"], [])
        answer = self.within(
            2, "/api/v1/query", time=self.now,
            query='label_replace(text, "x", "$1", "value", "((a|aa)*)*[0-9]+b")')
        self.assertEqual(answer.status, 200, answer.text)

    def test_regexes_that_would_be_huge_are_refused(self):
        for pattern in ("((a{1000}){1000}){1000}", "a{100000}", "[a"):
            with self.subTest(pattern[:20]):
                answer = self.within(
                    2, "/api/v1/query", query=f'text{{value=~"{pattern}"}}', time=self.now)
                self.assertEqual(answer.status, 400, answer.text[:300])

    def test_expensive_queries_have_a_budget(self):
        begin = time.monotonic()
        answer = self.server.get(
            "/api/v1/query", query="count_over_time(vector(1)[1y:1ms])", timeout="1s")
        self.assertLess(time.monotonic() - begin, 10)
        self.assertIn(answer.status, (422, 503), answer.text[:300])
        self.assertIn(answer.json()["errorType"], ("execution", "timeout"))

    def test_foreign_host_is_refused(self):
        for host in ("evil.example", "evil.example:9090", "127.0.0.1.evil.example", "10.0.0.1"):
            for path in ("/", "/api/v1/query?query=up", "/metrics", "/nosuch"):
                answer = self.server.request("GET", path, headers={"Host": host})
                self.assertEqual(answer.status, 403, (host, path))
                self.assertIn("--web.allowed-host", answer.text)
        for host in ("localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:9090"):
            self.assertEqual(
                self.server.request("GET", "/", headers={"Host": host}).status, 200, host)

    def test_allowed_host_is_served(self):
        with Server("--web.allowed-host=metrics.example") as server:
            for host, status in (("metrics.example:80", 200), ("other.example", 403)):
                self.assertEqual(
                    server.request("GET", "/", headers={"Host": host}).status, status)

    def test_cross_origin_changes_are_refused(self):
        entry = remote_write.series({"__name__": "forged"}, [(self.now * 1000, 1)])
        for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"},
                        {"Sec-Fetch-Site": "cross-site"}):
            with self.subTest(headers):
                self.assertEqual(
                    remote_write.post(self.server, entry, headers=headers).status, 403)
                self.assertEqual(
                    self.server.request(
                        "PUT", "/metrics/job/forged", "forged 1\n", headers).status, 403)
        self.assertEqual(self.server.vector("forged"), {})
        own = {"Origin": self.server.url}
        self.assertEqual(self.server.post_form("/api/v1/query", headers=own, query="1").status, 200)

    def test_no_page_may_read_across_origins(self):
        answer = self.server.get(
            "/api/v1/query", headers={"Origin": "http://evil.example"}, query="1")
        self.assertNotIn("Access-Control-Allow-Origin", answer.headers)

    def test_malformed_percent_encoding(self):
        answer = self.server.request("GET", "/api/v1/query?query=%zz")
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.json()["errorType"], "bad_data")
        self.assertEqual(self.server.request("GET", "/api/v1/label/%zz/values").status, 400)
        self.assertEqual(self.server.request("PUT", "/metrics/job/%zz", "a 1\n").status, 400)
        answer = self.server.request("GET", "/api/v1/query?query=%ff%fe")
        self.assertEqual(answer.status, 400)
        answer.json()

    def test_control_characters_come_back_escaped(self):
        answer = self.server.get("/api/v1/query", query='"\x00\x01\x1f<script>\u2028"')
        answer.json()
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")

    def test_garbage_instead_of_http(self):
        write = b"POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\n"
        rows = [
            b"\x00" * 1000, b"GET\r\n\r\n", b"\r\n" * 500, b"GET / HTTP/9.9\r\n\r\n",
            write + b"Content-Length: -5\r\n\r\n",
            write + b"Content-Length: 99\r\n\r\nab",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
            b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ]
        for data in rows:
            with self.subTest(data[:40]):
                received = self.raw(data)
                self.assertNotIn(b" 200 ", received.split(b"\r\n")[0])

    def test_oversized_bodies_are_refused(self):
        for path in ("/api/v1/query", "/api/v1/write", "/metrics/job/big"):
            answer = self.server.request(
                "POST", path, b"a" * (33 << 20),
                {"Content-Type": "application/x-www-form-urlencoded"})
            self.assertEqual(answer.status, 413, path)

    def test_megabyte_label_in_a_push(self):
        body = 'long{text="' + "x" * (1 << 20) + '"} 1\n'
        answer = self.server.request("PUT", "/metrics/job/long", body)
        self.assertEqual(answer.status, 400)
        self.assertLess(len(answer.text), 4000)

    def test_gzip_bomb_in_a_push(self):
        bomb = gzip.compress(b"#" * (200 << 20), 9)
        answer = self.server.request(
            "PUT", "/metrics/job/bomb", bomb, {"Content-Encoding": "gzip"})
        self.assertEqual(answer.status, 413, answer.text)

    def test_many_requests_at_once(self):
        def ask(number):
            parameters = urllib.parse.urlencode(
                {"query": f"sum(text) + {number}", "time": self.now})
            answer = self.server.request("GET", f"/api/v1/query?{parameters}")
            if answer.status == 503:
                self.assertIn("Retry-After", answer.headers)
                return 503
            self.assertEqual(answer.status, 200, answer.text)
            self.assertEqual(answer.json()["data"]["result"][0]["value"][1], str(19_900 + number))
            return 200

        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            outcomes = list(pool.map(ask, range(400)))
        self.assertGreater(outcomes.count(200), 300)

    def test_idle_connections_leave_room(self):
        host, port = self.server.address.split(":")
        idle = [socket.create_connection((host, int(port))) for _ in range(100)]
        try:
            self.assertEqual(self.server.value("count(text)", self.now), 200)
        finally:
            for connection in idle:
                connection.close()

    def test_clients_beyond_the_limit_wait_for_their_turn(self):
        host, port = self.server.address.split(":")
        connect = lambda: socket.create_connection((host, int(port)), timeout=30)
        idle = [connect() for _ in range(512)]
        try:
            with connect() as waiting:
                waiting.sendall(f"GET /-/healthy HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                waiting.settimeout(0.5)
                with self.assertRaises(TimeoutError):
                    waiting.recv(1)
                waiting.settimeout(30)
                idle.pop().close()
                self.assertIn(b" 200 OK\r\n", waiting.recv(65536))
        finally:
            for connection in idle:
                connection.close()

    def test_client_that_leaves_does_not_matter(self):
        query = urllib.parse.quote("count_over_time(vector(1)[1d:10ms])")
        for _ in range(5):
            connection = http.client.HTTPConnection(self.server.address)
            connection.request("GET", f"/api/v1/query?query={query}")
            connection.close()

    def test_command_line_survives_odd_expressions(self):
        for expression in ("", " ", "\n", "\U0001f600", "a\x01b", '"\\xff"', "{", "}" * 100):
            result = tsdbctl("query", f"--url={self.server.url}", "--", expression)
            self.assertIn(result.status, (0, 1), result)


if __name__ == "__main__":
    unittest.main()
