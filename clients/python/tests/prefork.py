"""A real worker of the app `warehouse`: a prefork pool in a process group of its own, which a test may kill.

The worker gets no PYTHONPATH, so that its app cannot import anything of ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

FOLDER = Path(__file__).parent
PATIENCE = 60.0


class Prefork:
    def __init__(self, broker: str, queue: str, folder: Path, *, acks_late: bool, children: int) -> None:
        self._folder = folder
        self._arguments = [
            *(sys.executable, "-m", "celery", "-A", "warehouse", "worker", "-n", queue),
            *("--pool", "prefork", "--concurrency", str(children), "--loglevel", "WARNING"),
        ]
        self._effects, busy = folder / "effects", folder / "busy"
        temporary = folder / "tmp"
        for made in (self._effects, busy, temporary):
            made.mkdir()
        others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self.variables = {
            "WAREHOUSE_BROKER": broker,
            "WAREHOUSE_QUEUE": queue,
            "WAREHOUSE_ACKS": "late" if acks_late else "",
            "WAREHOUSE_EFFECTS": str(self._effects),
            "WAREHOUSE_BUSY": str(busy),
        }
        # A worker that is killed leaves temporary files behind.
        self._environment = {**others, **self.variables, "TMPDIR": str(temporary)}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with open(self._folder / "worker.log", "ab") as log:
            self._process = subprocess.Popen(
                self._arguments,
                cwd=FOLDER,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL for the worker and all of its children at once, as when a container is killed."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def kill_child(self, random: Random) -> None:
        """SIGKILL for one child of the pool, as the OOM killer does."""
        deadline = time.monotonic() + PATIENCE
        while not (children := self.children()):
            assert time.monotonic() < deadline, "the worker has no children\n" + self.log()
            time.sleep(0.01)
        try:
            os.kill(random.choice(children), signal.SIGKILL)
        except ProcessLookupError:
            # It ended by itself in this moment; another one will be killed.
            self.kill_child(random)

    def children(self) -> list[int]:
        assert self._process is not None
        pid = self._process.pid
        try:
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except FileNotFoundError:
            raise AssertionError("the worker ended by itself\n" + self.log()) from None

    def cpu_seconds(self) -> float:
        """What the worker and its children have used so far."""
        assert self._process is not None
        return sum(cpu_seconds(pid) for pid in (self._process.pid, *self.children()))

    def effects(self) -> list[bytes]:
        """The lines that the tasks wrote."""
        return b"".join(file.read_bytes() for file in self._effects.iterdir()).splitlines()

    def effect_bytes(self) -> int:
        return sum(file.stat().st_size for file in self._effects.iterdir())

    def log(self) -> str:
        return (self._folder / "worker.log").read_text(errors="replace")[-4000:]


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, in its own code and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
