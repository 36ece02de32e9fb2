"""An engine for tests: the real program, with queues and a storage of its own.

The broker is one that already runs. Used by the pytest plugin, and by itself with other test tools.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import pika

from .address import parse
from .errors import BureaucratError
from .names import Names

START_SECONDS = 60.0
END_SECONDS = 30.0
LOG_LINES_SHOWN = 20


def find_binary() -> str:
    """The engine's program: BUREAUCRAT_BINARY, or `bureaucrat` from PATH."""
    binary = os.environ.get("BUREAUCRAT_BINARY") or shutil.which("bureaucrat")
    if binary is None or not os.access(binary, os.X_OK):
        raise BureaucratError(
            "the engine's program was not found: put `bureaucrat` on the PATH, or name it in BUREAUCRAT_BINARY"
        )
    return binary


class Engine:
    """A running engine; its queues begin with a prefix that no other engine uses."""

    def __init__(
        self,
        url: str,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        prefix: str | None = None,
    ) -> None:
        """`arguments` are further flags, such as `["--policy", "policy.toml"]`."""
        self.url = url
        self.prefix = prefix or f"test-{uuid.uuid4().hex[:12]}"
        self.folder = Path(tempfile.mkdtemp(prefix="bureaucrat-test."))
        self.names = Names(
            launch_queue=f"{self.prefix}.launches",
            message_queue=f"{self.prefix}.answers",
            event_queue=f"{self.prefix}.events",
            notice_exchange=f"{self.prefix}.processes",
            cancel_exchange=f"{self.prefix}.cancelled",
        )
        self.dead_letter_queue = f"{self.prefix}.dead"
        self.result_queue = f"{self.prefix}.results"
        self._arguments = list(arguments)
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def variables(self) -> dict[str, str]:
        """The variables with which the engine's commands, and workers, find this engine."""
        return {
            "BUREAUCRAT_AMQP": self.url,
            "BUREAUCRAT_STORAGE": str(self.folder / "storage"),
            "BUREAUCRAT_PID_FILE": str(self.folder / "engine.pid"),
            "BUREAUCRAT_LAUNCH_QUEUE": self.names.launch_queue,
            "BUREAUCRAT_MESSAGE_QUEUE": self.names.message_queue,
            "BUREAUCRAT_EVENT_QUEUE": self.names.event_queue,
            "BUREAUCRAT_NOTICE_EXCHANGE": self.names.notice_exchange,
            "BUREAUCRAT_CANCEL_EXCHANGE": self.names.cancel_exchange,
            "BUREAUCRAT_DEAD_LETTER_QUEUE": self.dead_letter_queue,
            "BUREAUCRAT_RESULT_QUEUE": self.result_queue,
        }

    def start(self) -> Engine:
        """Starts it and waits until it answers."""
        (self.folder / "storage").mkdir(exist_ok=True)
        (self.folder / "config.ini").touch()
        with open(self.folder / "engine.log", "ab") as log:
            self._process = subprocess.Popen(
                [find_binary(), "--foreground", *self._arguments],
                env={**self._surroundings(), **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self._process.poll() is not None:
                raise BureaucratError(f"the engine ended with {self._process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise BureaucratError(f"the engine did not start within {START_SECONDS} s:\n{self.log_tail()}")
            threading.Event().wait(0.05)
        return self

    def kill(self) -> None:
        """SIGKILL, as in a crash."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and waits until it has ended."""
        self._end(signal.SIGTERM)

    def remove(self) -> None:
        """Stops it, and deletes its queues, exchanges and storage."""
        self.stop()
        connection = pika.BlockingConnection(parse(self.url, "bureaucrat test"))
        channel = connection.channel()
        names = self.names
        owned = [names.launch_queue, names.message_queue, names.event_queue, self.dead_letter_queue, self.result_queue]
        for queue in [*owned, f"{names.launch_queue}.storage", f"{names.launch_queue}.owner"]:
            channel.queue_delete(queue)
        for exchange in (names.notice_exchange, names.cancel_exchange):
            channel.exchange_delete(exchange)
        connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one of the engine's commands, such as `command("list", "--json")`."""
        return subprocess.run(
            [find_binary(), *arguments], env=self._surroundings(), capture_output=True, text=True, check=False
        )

    def log_tail(self) -> str:
        lines = (self.folder / "engine.log").read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES_SHOWN:])

    def _surroundings(self) -> dict[str, str]:
        """The variables of this program without settings that are meant for another engine."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("BUREAUCRAT_")}
        return {**others, **self.variables, "BUREAUCRAT_CONFIG": str(self.folder / "config.ini")}

    def is_ready(self) -> bool:
        """Whether it answers commands, and its queues exist."""
        if self.command("list").returncode != 0:
            return False
        connection = pika.BlockingConnection(parse(self.url, "bureaucrat test"))
        try:
            channel = connection.channel()
            for queue in (self.names.launch_queue, self.names.message_queue, self.names.event_queue):
                channel.queue_declare(queue, passive=True)
        except pika.exceptions.ChannelClosedByBroker:
            return False
        finally:
            connection.close()
        return True

    def _end(self, number: int) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(number)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
