"""Random queries: our server and a real Prometheus answer alike."""

import io
import unittest

from differential import Comparison, Pair

QUERIES = 300
SEED = 1


class DifferentialTest(unittest.TestCase):
    def test_random_queries_are_answered_alike(self):
        with Pair(SEED) as pair:
            comparison = Comparison(pair, SEED)
            comparison.run(QUERIES)
            report = io.StringIO()
            comparison.report(report)
            self.assertEqual(comparison.unexplained, [], report.getvalue())
            # Queries that all fail, or find nothing, would show nothing.
            self.assertGreater(
                comparison.equal - comparison.errors - comparison.empty, QUERIES / 2)


if __name__ == "__main__":
    unittest.main()
