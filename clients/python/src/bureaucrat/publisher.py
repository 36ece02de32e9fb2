"""Publishes messages with confirms, each until its fate is known.

A message whose connection is lost before the confirm is published again, so each must be one that
takes effect once: launches and events by their ids, answers by their turns. When the broker closes
the channel because of a message, those that were in flight are sent one at a time, to find out which.
Runs on the thread of the link, `publish` aside.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import pika
from pika.adapters.select_connection import SelectConnection

from .errors import BrokerRefused, BureaucratError, Closed, Unroutable
from .link import Link, log, words_of

IN_FLIGHT_MAX = 100
MESSAGES_MAX = 10_000
BYTES_MAX = 256 << 20


@dataclass(eq=False)
class Message:
    """A message and what became of it."""

    exchange: str
    routing_key: str
    body: bytes
    properties: dict[str, Any]
    wants_reply: bool = False
    fate: Future[None] = field(default_factory=Future)
    returned: bool = False


class Publisher:
    """A queue of messages in front of a channel with confirms."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._channel: Any = None
        self._connection: SelectConnection | None = None
        self._waiting: deque[Message] = deque()
        self._flying: dict[int, Message] = {}
        self._tag = 0
        self._careful = 0
        self._sends_user = True
        self._lock = threading.Lock()
        self._held = [0, 0]  # messages and bytes
        self._closed = False
        self.reply_queue: str | None = None

    def publish(self, message: Message) -> Future[None]:
        """Takes a message over, from any thread. Its future says whether the broker has it."""
        with self._lock:
            if self._held[0] >= MESSAGES_MAX or self._held[1] + len(message.body) > BYTES_MAX:
                why = f": {self._link.trouble}" if self._link.trouble else ""
                raise BureaucratError(f"{self._held[0]:,} messages already wait for the broker; try again later{why}")
            self._held[0] += 1
            self._held[1] += len(message.body)
        message.fate.add_done_callback(lambda _: self._release(message))
        self._link.call(lambda: self._enqueue(message))
        return message.fate

    def opened(self, connection: SelectConnection) -> None:
        """Begins to publish over a new connection."""
        self._connection = connection
        connection.channel(on_open_callback=self._on_channel)

    def is_open_on(self, connection: SelectConnection) -> bool:
        return self._connection is connection

    def lost(self) -> None:
        """The connection is gone: what was in flight is sent again."""
        self._channel = None
        self._connection = None
        self._take_back()

    def close(self) -> None:
        """Nothing more is sent."""
        self._closed = True
        self._channel = None
        self._take_back()
        while self._waiting:
            message = self._waiting.popleft()
            if _is_wanted(message):
                message.fate.set_exception(Closed("the connection was closed before the message was sent"))

    def _release(self, message: Message) -> None:
        with self._lock:
            self._held[0] -= 1
            self._held[1] -= len(message.body)

    def _enqueue(self, message: Message) -> None:
        self._waiting.append(message)
        if self._closed:
            self.close()
        self._pump()

    def _take_back(self) -> None:
        flying, self._flying = self._flying, {}
        for message in reversed(flying.values()):
            message.returned = False
            self._waiting.appendleft(message)

    def _on_channel(self, channel: Any) -> None:
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_confirm, callback=lambda _: self._ready(channel))

    def _ready(self, channel: Any) -> None:
        self._channel = channel
        self._tag = 0
        self._pump()

    def _pump(self) -> None:
        while self._channel is not None and self._channel.is_open and self._waiting:
            if len(self._flying) >= (1 if self._careful else IN_FLIGHT_MAX):
                return
            message = self._waiting.popleft()
            if _is_wanted(message):
                self._send(message)

    def _send(self, message: Message) -> None:
        properties = dict(message.properties, delivery_mode=2)
        if message.wants_reply:
            properties["reply_to"] = self.reply_queue
        if self._sends_user and self._link.user is not None:
            properties["user_id"] = self._link.user
        try:
            basic = pika.BasicProperties(**properties)  # type: ignore[no-untyped-call]
            self._channel.basic_publish(message.exchange, message.routing_key, message.body, basic, mandatory=True)
        except Exception as problem:  # pika raises many kinds for what does not fit into AMQP
            message.fate.set_exception(BrokerRefused(f"the message does not fit into AMQP: {words_of(problem)}"))
            return
        self._tag += 1
        self._flying[self._tag] = message

    def _on_return(self, _channel: Any, method: Any, properties: Any, _body: bytes) -> None:
        for message in self._flying.values():
            same = (message.properties.get("message_id"), message.exchange, message.routing_key)
            if not message.returned and same == (properties.message_id, method.exchange, method.routing_key):
                message.returned = True
                return

    def _on_confirm(self, frame: Any) -> None:
        tag, is_ack = frame.method.delivery_tag, type(frame.method).__name__ == "Ack"
        tags = [flying for flying in self._flying if flying <= tag] if frame.method.multiple else [tag]
        for message in [self._flying.pop(tag) for tag in tags if tag in self._flying]:
            self._careful = max(0, self._careful - 1)
            if message.returned:
                _fail(message, Unroutable(_unroutable(message)))
            elif is_ack:
                message.fate.set_result(None)
            else:
                _fail(message, BrokerRefused("the broker did not accept the message (basic.nack)"))
        self._pump()

    def _on_channel_closed(self, channel: Any, problem: BaseException) -> None:
        if channel is not self._channel or self._connection is None or not self._connection.is_open:
            # With the connection, or before it was ready: `lost` or the next connection does the rest.
            if self._connection is not None and self._connection.is_open and not self._closed:
                log.error("the broker refuses a channel for publishing: %s", words_of(problem))
                self._link.later(1.0, self._reopen)
            return
        self._channel = None
        words = words_of(problem)
        alone = len(self._flying) == 1
        if "user_id" in words and self._sends_user:
            # With tokens, for instance, the broker knows the user by another name.
            self._sends_user = False
            self._take_back()
        elif alone:
            self._careful = max(0, self._careful - 1)
            (message,) = self._flying.values()
            self._flying = {}
            _fail(message, BrokerRefused(f"the broker refused the message: {words}"))
        else:
            self._careful = len(self._flying)
            self._take_back()
        self._reopen()

    def _reopen(self) -> None:
        if self._connection is not None and self._connection.is_open and self._channel is None:
            self._connection.channel(on_open_callback=self._on_channel)


def _is_wanted(message: Message) -> bool:
    """Whether nobody gave the message up. From now on nobody can; one that was sent before is running already."""
    return message.fate.running() or message.fate.set_running_or_notify_cancel()


def _fail(message: Message, problem: BureaucratError) -> None:
    message.fate.set_exception(problem)


def _unroutable(message: Message) -> str:
    if message.exchange:
        return f"no queue takes messages of the exchange `{message.exchange}` for `{message.routing_key}`"
    return f"no queue `{message.routing_key}`: start the engine once, or correct the queue's name"


def on_success(future: Future[Any], then: Callable[[], object], otherwise: Callable[[BaseException], None]) -> None:
    """Continues after a future; one that was cancelled continues nowhere."""

    def done(future: Future[Any]) -> None:
        if future.cancelled():
            return
        problem = future.exception()
        if problem is None:
            then()
        else:
            otherwise(problem)

    future.add_done_callback(done)
