"""The server is killed at random moments: nothing acknowledged is lost."""

import contextlib
import random
import tempfile
import time
import unittest

from crash_rounds import CrashTest, SyntheticSource

ROUNDS = 10
# On a slow machine there are fewer.
PATIENCE_SECONDS = 60


class KillTest(unittest.TestCase):
    def test_acknowledged_batches_survive_whole(self):
        seed = random.randrange(1 << 30)
        start = (int(time.time()) - 10 * 86_400) * 1000
        sources = [SyntheticSource(f"s{number}", start, seed) for number in range(3)]
        with (
            tempfile.TemporaryDirectory() as directory,
            contextlib.closing(CrashTest(sources, f"{directory}/data", seed)) as test,
        ):
            deadline = time.monotonic() + PATIENCE_SECONDS
            for number in range(ROUNDS):
                if number >= 3 and time.monotonic() > deadline:
                    break
                test.run_round(seconds=0.5)
                self.assertEqual(test.problems, [], f"seed {seed}")
            test.stop_and_check()
            self.assertGreater(test.read_count, 3)
            test.close()
            self.assertEqual(test.problems, [], f"seed {seed}")
            self.assertGreater(test.acknowledged_count, 100)
            # Far below it on a machine that does nothing else.
            self.assertLess(test.worst_ready_seconds, 5, f"seed {seed}")


if __name__ == "__main__":
    unittest.main()
