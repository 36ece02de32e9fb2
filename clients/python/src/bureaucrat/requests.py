"""Requests to the engine and its replies, matched by correlation id.

Everything is a future, so that the plain and the asyncio client are thin.
"""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pika.adapters.select_connection import SelectConnection

from .errors import BureaucratError, Closed, ConnectError, ProcessFailed, Rejected, RepliesLost
from .link import Link, log
from .publisher import Message, Publisher, on_success
from .queues import SETUP_SECONDS, KeptQueue
from .values import decode

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Ending:
    """How a process ended."""

    process: str
    status: str
    """`completed` or `failed`."""
    fields: dict[str, Any]
    """The final fields; empty for a process that failed."""
    fault: ProcessFailed | None = None


@dataclass(eq=False)
class Request:
    """A request whose replies are awaited as long as somebody holds it."""

    id: str
    first: Future[dict[str, Any]] = field(default_factory=Future)
    ending: Future[Ending] = field(default_factory=Future)

    def fail(self, problem: BureaucratError) -> None:
        for future in (self.first, self.ending):
            with contextlib.suppress(InvalidStateError):
                future.set_exception(problem)


class Requests:
    """A connection, what is published over it, and the replies."""

    def __init__(self, url: str, name: str) -> None:
        self.link = Link(url, name, self._opened, self._lost)
        self._publisher = Publisher(self.link)
        self._replies = KeptQueue(self.link, self._take, self._ready, self._failed)
        self._awaited: weakref.WeakValueDictionary[str, Request] = weakref.WeakValueDictionary()
        self._lock = threading.Lock()
        self._first = threading.Event()
        self._problem: str | None = None
        self._parts: list[KeptQueue] = []
        self._closed = False
        self._pid = os.getpid()
        self._on_close: list[Callable[[], None]] = []

    @property
    def connection(self) -> SelectConnection | None:
        return self._replies.connection

    def start(self) -> None:
        """Connects.

        Raises ConnectError if no address works.
        """
        self.link.start()
        try:
            self.link.await_first()
            if not self._first.wait(SETUP_SECONDS) or self._problem is not None:
                problem = self._problem or self.link.trouble or "it does not answer"
                raise ConnectError(f"the broker gives no queue for replies: {problem}")
        except BaseException:
            self.close()
            raise

    def send(
        self, queue: str, content_type: str, body: bytes, message_id: str | None, headers: Mapping[str, Any] | None
    ) -> Request:
        """Publishes a request; its future `first` gets the first reply, or why there is none."""
        request = Request(uuid.uuid4().hex)
        with self._lock:
            self._check_open()
            self._awaited[request.id] = request
        properties = {"correlation_id": request.id, "headers": dict(headers) if headers else None}
        message = self._message(queue, content_type, body, message_id, properties, wants_reply=True)
        # The request lives at least until the broker has its message.
        on_success(self._publisher.publish(message), lambda: request.id, lambda problem: _fail(request, problem))
        request.first.add_done_callback(lambda first: message.fate.cancel() if first.cancelled() else None)
        return request

    def tell(self, queue: str, content_type: str, body: bytes, message_id: str | None) -> Future[None]:
        """Publishes a message that is not answered; the future says whether the broker has it."""
        self._check_open()
        return self._publisher.publish(self._message(queue, content_type, body, message_id, {}))

    def add(self, queue: KeptQueue) -> None:
        """Keeps another queue open; on the thread of the link."""
        self._parts.append(queue)

    def remove(self, queue: KeptQueue) -> None:
        if queue in self._parts:
            self._parts.remove(queue)
        queue.close()

    def on_close(self, function: Callable[[], None]) -> None:
        """Calls a function when the client is closed."""
        self._on_close.append(function)

    def forget(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(ValueError):
            self._on_close.remove(function)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.link.call(self._close)
        self.link.close()

    def _check_open(self) -> None:
        if self._closed:
            raise Closed("the client was closed")
        if os.getpid() != self._pid:
            raise Closed("the client was made before this process was forked; make one here")

    def _message(
        self,
        queue: str,
        content_type: str,
        body: bytes,
        message_id: str | None,
        properties: dict[str, Any],
        wants_reply: bool = False,
    ) -> Message:
        properties = {
            **properties,
            "content_type": content_type,
            "message_id": message_id if message_id is not None else str(uuid.uuid4()),
        }
        return Message("", queue, body, properties, wants_reply)

    def _opened(self, connection: SelectConnection) -> None:
        self._replies.opened(connection)
        for part in self._parts:
            part.opened(connection)

    def _ready(self, queue: str, is_new: bool) -> None:
        if is_new and self._first.is_set():
            problem = "the queue for replies is gone; the process continues, `bureaucrat show` tells how it ended"
            for request in self._all():
                request.fail(RepliesLost(problem))
        self._publisher.reply_queue = queue
        self._first.set()
        connection = self._replies.connection
        if connection is not None and not self._publisher.is_open_on(connection):
            self._publisher.opened(connection)

    def _failed(self, words: str) -> None:
        if not self._first.is_set():
            self._problem = words
            self._first.set()

    def _lost(self) -> None:
        self._replies.lost()
        self._publisher.lost()
        for part in self._parts:
            part.lost()

    def _close(self) -> None:
        self._publisher.close()
        self._replies.close()
        for part in list(self._parts):
            self.remove(part)
        for request in self._all():
            request.fail(Closed("the client was closed before the reply came"))
        for function in list(self._on_close):
            function()

    def _all(self) -> list[Request]:
        found = (reference() for reference in self._awaited.valuerefs())
        return [request for request in found if request is not None]

    def _take(self, channel: Any, tag: int, properties: Any, body: bytes) -> None:
        request = self._awaited.get(str(properties.correlation_id))
        if request is not None:
            try:
                _hand(request, decode(body))
            except (ValueError, KeyError, TypeError, AttributeError) as problem:
                log.warning("a reply cannot be read (%s): %.200r", problem, body)
                request.fail(BureaucratError(f"a reply cannot be read: {problem}"))
        # Nobody holds the request any more: its replies are of no use.
        self._replies.acknowledge(channel, tag)


def _hand(request: Request, reply: dict[str, Any]) -> None:
    """Passes a reply on. An engine that was killed repeats what it may not have said."""
    status = reply["status"]
    if status == "rejected":
        request.fail(Rejected([str(reason) for reason in reply["reasons"]]))
        return
    if status in ("completed", "failed"):
        _settle(request.first, {"status": "launched", "process": reply["process"]})
        _settle(request.ending, read_ending(reply))
    else:
        _settle(request.first, reply)


def _settle(future: Future[_Result], result: _Result) -> None:
    """Sets a result, unless there is one or nobody waits any more."""
    with contextlib.suppress(InvalidStateError):
        future.set_result(result)


def read_ending(reply: Mapping[str, Any]) -> Ending:
    process = str(reply["process"])
    if reply["status"] == "completed":
        return Ending(process, "completed", dict(reply["fields"]))
    fault = reply["fault"]
    failed = ProcessFailed(
        process, fault["code"], fault["message"], fault.get("activity", ""), fault.get("line", 0), fault.get("data")
    )
    return Ending(process, "failed", {}, failed)


def _fail(request: Request, problem: BaseException) -> None:
    request.fail(problem if isinstance(problem, BureaucratError) else BureaucratError(str(problem)))
