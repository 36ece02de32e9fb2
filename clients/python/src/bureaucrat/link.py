"""One connection to the broker, on a thread of its own, opened again whenever it is lost.

Everything that concerns the connection runs on that thread: heartbeats continue while other threads
work, and no lock protects a channel. Other threads hand over work with `call`. What to do with a new
connection is the business of the two callbacks.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import Any

from pika.adapters.select_connection import IOLoop, SelectConnection
from pika.exceptions import AMQPError, ConnectionClosed

from . import address
from .errors import ConnectError
from .guard import GuardedConnection

log = logging.getLogger("bureaucrat")
pika_log = logging.getLogger("pika")

PAUSE_SECONDS_FIRST = 0.1
PAUSE_SECONDS_MAX = 5.0


class Link:
    """Keeps a connection open to one of several addresses."""

    def __init__(
        self, url: str, name: str, opened: Callable[[SelectConnection], None], lost: Callable[[], None]
    ) -> None:
        self._addresses = address.parse(url, name)
        self._address = 0
        self._opened = opened
        self._lost = lost
        self._loop = IOLoop()
        self._connection: SelectConnection | None = None
        self._pause = PAUSE_SECONDS_FIRST
        self._closing = False
        self._complained = False
        self._tried = threading.Event()
        self.trouble: str | None = None
        """Why there is no connection, or why it takes nothing; for messages to people."""
        self._thread = threading.Thread(target=self._run, name=f"{name} connection", daemon=True)

    @property
    def user(self) -> str | None:
        """The user of the connection, if it is known by name and password."""
        credentials = self._addresses[self._address].credentials
        return getattr(credentials, "username", None)

    def start(self) -> None:
        if pika_log.level == logging.NOTSET:
            # It logs each failed attempt in eight lines; here it is one.
            pika_log.setLevel(logging.CRITICAL)
        self._thread.start()
        self.call(self._connect)

    def await_first(self) -> None:
        """Waits until each address was tried once, or a connection is open."""
        self._tried.wait()
        if self.trouble is not None:
            raise ConnectError(f"cannot connect to the broker: {self.trouble}")

    def call(self, function: Callable[[], None]) -> None:
        """Runs a function on the thread of the connection, after those that were handed over before."""
        self._loop.add_callback_threadsafe(function)

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        """Runs a function after a while; only on the thread of the connection."""
        self._loop.call_later(seconds, function)

    @property
    def is_own_thread(self) -> bool:
        return threading.current_thread() is self._thread

    @property
    def is_closing(self) -> bool:
        return self._closing

    def reopen(self) -> None:
        """Drops a connection on which something cannot be set up; the next one tries again."""
        if self._connection is not None and self._connection.is_open:
            self._connection.close(200, "cannot be used")

    def close(self, patience: float = 10.0) -> None:
        """Closes the connection and ends the thread."""
        if not self._thread.is_alive():
            return
        self.call(self._close)
        if not self.is_own_thread:
            self._thread.join(patience)

    def _close(self) -> None:
        self._closing = True
        if self._connection is not None and self._connection.is_open:
            self._connection.close(200, "bye")
        elif self._connection is None or self._connection.is_closed:
            self._loop.stop()
        # Otherwise it is being opened or closed, and the callback for that stops the loop.
        self.later(5.0, self._loop.stop)

    def _run(self) -> None:
        while not self._closing:
            try:
                self._loop.start()
            except Exception:
                # A mistake of ours or of pika's: what this connection was about to do is unknown.
                log.exception("the connection to the broker failed unexpectedly; it is opened again")
                self.call(self._abandon)
            else:
                break

    def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection.is_open:
            connection.close(541, "internal error")
        elif connection is None or connection.is_closed:
            self._again()

    def _connect(self) -> None:
        if self._closing:
            self._loop.stop()
            return
        self._connection = GuardedConnection(
            self._addresses[self._address],
            on_open_callback=self._on_open,
            on_open_error_callback=self._on_open_error,
            on_close_callback=self._on_close,
            custom_ioloop=self._loop,
        )

    def _on_open(self, connection: Any) -> None:
        if self._closing:
            connection.close(200, "bye")
            return
        if self._complained:
            log.info("connected to the broker at %s again", self._place())
        self._complained = False
        self._pause = PAUSE_SECONDS_FIRST
        self.trouble = None
        connection.add_on_connection_blocked_callback(self._on_blocked)
        connection.add_on_connection_unblocked_callback(self._on_unblocked)
        self._tried.set()
        self._opened(connection)

    def _on_blocked(self, _: Any, frame: Any) -> None:
        self.trouble = f"the broker blocks publishing: {frame.method.reason}"
        log.warning("%s", self.trouble)

    def _on_unblocked(self, *_: Any) -> None:
        self.trouble = None
        log.info("the broker accepts messages again")

    def _on_open_error(self, _: Any, problem: BaseException | str) -> None:
        self._complain(problem)
        self._address = (self._address + 1) % len(self._addresses)
        if self._address == 0:
            self._tried.set()
        self._again()

    def _on_close(self, connection: Any, problem: BaseException) -> None:
        if connection is self._connection:
            self._lost()
        if not self._closing:
            self._complain(problem)
        self._again()

    def _complain(self, problem: BaseException | str) -> None:
        self.trouble = f"{self._place()}: {words_of(problem)}"
        if not self._complained:
            log.warning("no connection to the broker at %s; it is tried again until it works", self.trouble)
        self._complained = True

    def _again(self) -> None:
        if self._closing:
            self._loop.stop()
            return
        self.later(self._pause, self._connect)
        self._pause = min(self._pause * 2, PAUSE_SECONDS_MAX)

    def _place(self) -> str:
        return address.place(self._addresses[self._address])


def words_of(problem: BaseException | str | None) -> str:
    """What the broker or the system said, without pika's wrapping."""
    if isinstance(problem, ConnectionClosed) or hasattr(problem, "reply_text"):
        return f"{problem.reply_text} (reply code {problem.reply_code})"  # type: ignore[union-attr]
    if isinstance(problem, AMQPError) or hasattr(problem, "exceptions"):
        inner = list(getattr(problem, "exceptions", ())) or [part for part in problem.args if part]  # type: ignore[union-attr]
        if inner and isinstance(inner[-1], (BaseException, str)):
            return words_of(inner[-1])
    inner_problem = getattr(problem, "exception", None)
    if isinstance(inner_problem, BaseException):
        return words_of(inner_problem)
    words = str(problem) or type(problem).__name__
    # pika hands on only the text of what closed a connection that was being opened.
    closed = re.fullmatch(r"ConnectionClosedByBroker: \((\d+)\) '(.*)'", words)
    return f"{closed[2]} (reply code {closed[1]})" if closed else words
