"""The server is killed at random moments: nothing acknowledged is lost."""

import contextlib
import random
import tempfile
import time
import unittest

from crash_rounds import CrashTest, SyntheticSource

ROUNDS = 4


class KillTest(unittest.TestCase):
    def test_acknowledged_batches_survive_whole(self):
        seed = random.randrange(1 << 30)
        start = (int(time.time()) - 10 * 86_400) * 1000
        sources = [SyntheticSource(f"s{number}", start, seed) for number in range(3)]
        with (
            tempfile.TemporaryDirectory() as directory,
            contextlib.closing(CrashTest(sources, f"{directory}/data", seed)) as test,
        ):
            for _ in range(ROUNDS):
                test.run_round(seconds=1)
                self.assertEqual(test.problems, [], f"seed {seed}")
            test.stop_and_check()
            self.assertEqual(test.problems, [], f"seed {seed}")
            self.assertGreater(test.acknowledged_count, 100)
            # Far below it on a machine that does nothing else.
            self.assertLess(test.worst_ready_seconds, 5, f"seed {seed}")


if __name__ == "__main__":
    unittest.main()
