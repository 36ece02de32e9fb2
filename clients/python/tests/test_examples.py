"""The examples in examples/celery: the commands of each README.md, in its order, typed into one shell.

The shell has the real engine and a real Celery worker as background jobs. After a command that starts one, the test
waits until it is ready, as a reader would; what a command prints is compared with the text block after it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bureaucrat.testing import Engine, find_binary

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "celery"
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)
LOOP = 'set -m; while IFS= read -r line; do eval "$line"; status=$?; echo; echo "$END $status"; done'
END = "--- end of the command, status"
SECONDS_MAX = 60.0


class Shell:
    """A Bash that gets one command after the other."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        # `set -m` gives each background job a number and a group of its own, as in a terminal.
        self._bash = subprocess.Popen(
            ["bash", "--norc", "-c", LOOP],
            cwd=folder,
            env={**environment, "END": END},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._bash.stdin and self._bash.stdout
        self._stdin, self._stdout = self._bash.stdin, self._bash.stdout

    def run(self, command: str) -> tuple[int, str]:
        """Types a command; its status and what it printed."""
        self._stdin.write(command + "\n")
        self._stdin.flush()
        watchdog = threading.Timer(SECONDS_MAX, self._bash.kill)
        watchdog.start()
        printed = ""
        for line in self._stdout:
            if line.startswith(END):
                watchdog.cancel()
                # The line break before the end mark is the loop's own.
                return int(line.removeprefix(END)), printed.removesuffix("\n")
            printed += line
        watchdog.cancel()
        raise AssertionError(f"the shell ended in `{command}`, which printed:\n{printed}")

    def close(self) -> None:
        if self._bash.poll() is None:
            self.run("kill $(jobs -p) 2>/dev/null; wait")
        self._stdin.close()
        self._bash.wait(SECONDS_MAX)
        self._stdout.close()


class Reader:
    """Follows a README.md in a copy of its folder."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.folder = folder
        binaries = [str(folder.parent / "bin"), str(Path(sys.executable).parent)]
        search = os.pathsep.join(filter(None, [*binaries, os.environ.get("PATH")]))
        (folder.parent / "bin").mkdir()
        (folder.parent / "bin" / "bureaucrat").symlink_to(find_binary())
        (engine.folder / "config.ini").touch()
        (engine.folder / "storage").mkdir()
        self.engine = engine
        own = {"PATH": search, "BUREAUCRAT_CONFIG": str(engine.folder / "config.ini")}
        self.shell = Shell(folder, {**os.environ, **engine.variables, **own})

    def follow(self) -> dict[str, str]:
        """Types all commands. Each must succeed, and print what the page says. What each printed."""
        commands: dict[str, str] = {}
        for block, expected in BLOCK.findall((self.folder / "README.md").read_text()):
            printed = ""
            for command in block.splitlines():
                status, output = self.shell.run(command)
                assert status == 0 or command.startswith("kill"), f"{command}: {status}\n{output}\n{self.logs()}"
                self.wait_for(command)
                printed += output
                commands[command] = output
            if expected:
                assert printed == expected, self.logs()
        return commands

    def wait_for(self, command: str) -> None:
        """Until what the command started is ready for the next one."""
        if command.startswith("bureaucrat --foreground"):
            self.until("the engine is ready", self.engine.is_ready)

    def until(self, what: str, condition) -> None:
        deadline = time.monotonic() + SECONDS_MAX
        while not condition():
            assert time.monotonic() < deadline, f"not within {SECONDS_MAX} s: {what}\n{self.logs()}"
            time.sleep(0.05)

    def logs(self) -> str:
        return "\n".join(f"{log.name}:\n{log.read_text()[-3000:]}" for log in sorted(self.folder.glob("*.log")))


@pytest.fixture
def read(bureaucrat_amqp, tmp_path, unique) -> Iterator[object]:
    """Follows the README.md of an example; its queues get names of this test's own."""
    engine = Engine(bureaucrat_amqp)
    readers: list[Reader] = []

    def read(name: str) -> Reader:
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for file, old in (("tasks.py", '"plain"'), ("proj/settings.py", '"payments"}'), ("proj/settings.py", '"shop"')):
            if (folder / file).exists():
                renamed = old.replace('"', f'"{unique}-', 1)
                text = (folder / file).read_text()
                assert old in text
                (folder / file).write_text(text.replace(old, renamed))
        page = (folder / "README.md").read_text()
        page = page.replace("--queues shop,payments", f"--queues {unique}-shop,{unique}-payments")
        (folder / "README.md").write_text(page)
        readers.append(Reader(engine, folder))
        return readers[-1]

    yield read
    for reader in readers:
        reader.shell.close()
    engine.remove()


def test_plain_celery(read):
    commands = read("plain").follow()
    assert "python launch.py" in commands and "kill -KILL %1; wait %1" in commands
    assert '"result": 90' in commands["bureaucrat show $(cat process)"]


def test_a_shop_laid_out_like_django(read):
    commands = read("shop").follow()
    assert "python place_orders.py" in commands
    assert "payments.tasks.Declined: 9000 is over the limit" in commands["bureaucrat list --state failed"]
    (history,) = (printed for command, printed in commands.items() if command.endswith("--history"))
    assert "task for orders.tasks.release" in history, "the error link ran"
    assert "Declined" in history
