"""A file system of a few megabytes that a test can fill to the brim."""

import os
import subprocess
import tempfile


class SmallDisk:
    """Mounted in a namespace of its own, and gone when it is closed."""

    def __init__(self, mebibytes):
        self.directory = tempfile.TemporaryDirectory(prefix="tsdb-disk-")
        mount = f"mount -t tmpfs -o size={mebibytes}m tmpfs '{self.directory.name}' && echo && cat"
        self.process = subprocess.Popen(
            ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if not self.process.stdout.read(1):
            self.close()
            raise OSError("no mount namespaces here")
        self.path = f"/proc/{self.process.pid}/root{self.directory.name}"

    def leave(self, mebibytes):
        """Takes all space but so much."""
        status = os.statvfs(self.path)
        taken = status.f_bavail * status.f_frsize - (mebibytes << 20)
        with open(f"{self.path}/ballast", "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, taken)

    def release(self):
        """Gives back what `leave` took."""
        os.unlink(f"{self.path}/ballast")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.directory.cleanup()


def is_available():
    try:
        SmallDisk(1).close()
        return True
    except OSError:
        return False
