"""Notices: what the engine announces about all processes.

Each arrives at least once. None is lost while the connection is away for less than an hour.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from .errors import BureaucratError, Closed, ProcessFailed, TimedOut
from .link import log
from .queues import SETUP_SECONDS, KeptQueue
from .requests import Requests, read_ending
from .values import decode

STATUSES = ("launched", "completed", "failed", "rejected")


@dataclass(frozen=True)
class Notice:
    """One announcement."""

    status: str
    """`launched`, `completed`, `failed` or `rejected`."""
    process: str | None
    """The id of the process; a rejected launch may have none."""
    name: str
    """The name of the process; empty if it has none."""
    fields: dict[str, Any] = field(default_factory=dict)
    """Of a completed process: its final fields."""
    fault: ProcessFailed | None = None
    """Of a failed process."""
    reasons: tuple[str, ...] = ()
    """Of a rejected launch."""


class Notices(Iterator[Notice]):
    """Iterates over notices; made by `Client.notices`. Close it, or use it in a `with` statement."""

    def __init__(self, requests: Requests, exchange: str, name: str | None, statuses: Sequence[str]) -> None:
        unknown = [status for status in statuses if status not in STATUSES]
        if unknown:
            raise ValueError(f"there is no status {unknown[0]!r}; expected one of {', '.join(STATUSES)}")
        self._requests = requests
        self._arrived: queue.SimpleQueue[tuple[Any, int, Notice] | None] = queue.SimpleQueue()
        self._bound = threading.Event()
        self._problem: str | None = None
        self._closed = False
        keys = _routing_keys(name, statuses)
        bindings = [(exchange, key) for key in keys]
        self._queue = KeptQueue(requests.link, self._take, self._ready, self._failed, bindings)
        requests.on_close(self._end)
        requests.link.call(self._open)
        if not self._bound.wait(SETUP_SECONDS) or self._problem is not None:
            self.close()
            problem = self._problem or requests.link.trouble or "the broker does not answer"
            raise BureaucratError(f"cannot listen to the exchange `{exchange}`: {problem}")

    def __enter__(self) -> Notices:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __next__(self) -> Notice:
        try:
            return self.next()
        except Closed:
            raise StopIteration from None

    def next(self, timeout: float | None = None) -> Notice:
        """The next notice.

        Raises TimedOut after `timeout` seconds, and Closed after `close`.
        """
        try:
            arrived = self._arrived.get(timeout=timeout)
        except queue.Empty:
            raise TimedOut(f"no notice came within {timeout} s") from None
        if arrived is None:
            self._arrived.put(None)  # for the next one who asks
            raise Closed("the client was closed")
        channel, tag, notice = arrived
        self._requests.link.call(lambda: self._queue.acknowledge(channel, tag))
        return notice

    def close(self) -> None:
        """Ends the iteration; notices that were not taken yet are dropped."""
        if not self._closed:
            self._closed = True
            self._requests.forget(self._end)
            self._requests.link.call(lambda: self._requests.remove(self._queue))
            self._end()

    def _open(self) -> None:
        self._requests.add(self._queue)
        connection = self._requests.connection
        if connection is not None:
            self._queue.opened(connection)

    def _ready(self, _name: str, _is_new: bool) -> None:
        self._bound.set()

    def _failed(self, words: str) -> None:
        if not self._bound.is_set():
            self._problem = words
            self._bound.set()

    def _end(self) -> None:
        self._arrived.put(None)

    def _take(self, channel: Any, tag: int, _properties: Any, body: bytes) -> None:
        try:
            notice = read_notice(decode(body))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            log.warning("a notice cannot be read (%s): %.200r", problem, body)
            self._queue.acknowledge(channel, tag)
            return
        self._arrived.put((channel, tag, notice))


def _routing_keys(name: str | None, statuses: Sequence[str]) -> list[str]:
    if name is not None:
        return [f"{status}.{name}" for status in statuses or STATUSES]
    return [f"{status}.#" for status in statuses] or ["#"]


def read_notice(body: dict[str, Any]) -> Notice:
    status, process, name = str(body["status"]), body.get("process"), str(body.get("name", ""))
    if status in ("completed", "failed"):
        ending = read_ending(body)
        return Notice(status, ending.process, name, ending.fields, ending.fault)
    return Notice(status, process, name, reasons=tuple(str(reason) for reason in body.get("reasons", ())))
