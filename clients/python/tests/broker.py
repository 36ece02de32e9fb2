"""A broker that tests may stop, kill and starve: `scripts/rabbitmq` of this repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "rabbitmq"


class Broker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> str:
        """Starts it, with what it had before, and returns its address."""
        return self._run("start")

    def stop(self) -> None:
        self._run("stop")

    def kill(self) -> None:
        self._run("kill")

    def ctl(self, *arguments: str) -> str:
        return self._run("ctl", *arguments)

    def _run(self, command: str, *arguments: str) -> str:
        # What stays running would keep a pipe open, so the output goes to a file.
        output = self.folder / "output"
        with open(output, "w") as file:
            done = subprocess.run([SCRIPT, command, self.folder, *arguments], stdout=file, stderr=file, check=False)
        assert done.returncode == 0, output.read_text()
        return output.read_text().strip()
