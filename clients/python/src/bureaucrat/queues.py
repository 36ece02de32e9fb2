"""Queues that the broker names, kept for an hour without a consumer, so that a lost connection loses nothing.

Runs on the thread of the link.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pika.adapters.select_connection import SelectConnection

from .link import Link, log, words_of

EXPIRES_MILLIS = 3_600_000
PREFETCH = 100
PAUSE_SECONDS = 1.0
SETUP_SECONDS = 30.0


class KeptQueue:
    """A queue of our own with its consumer; after a lost connection the same queue is used again.

    Its name begins with `amq.gen-`, which is what policies of the engine allow for replies. `take` gets
    each message, `ready` the name whenever messages arrive again and whether the queue is new, `failed`
    the broker's words when it refuses something; it is tried again anyway.
    """

    def __init__(
        self,
        link: Link,
        take: Callable[[Any, int, Any, bytes], None],
        ready: Callable[[str, bool], None],
        failed: Callable[[str], None],
        bindings: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._link = link
        self._take = take
        self._ready = ready
        self._failed = failed
        self._bindings = bindings
        self.connection: SelectConnection | None = None
        self._channel: Any = None
        self._name: str | None = None
        self._is_new = True
        self._trouble: str | None = None
        self._closed = False

    def opened(self, connection: SelectConnection) -> None:
        self.connection = connection
        self._open()

    def lost(self) -> None:
        self.connection = None
        self._channel = None

    def close(self) -> None:
        """Deletes the queue, if there is a connection; otherwise the broker does so in time."""
        self._closed = True
        if self._channel is not None and self._channel.is_open and self._name is not None:
            self._channel.queue_delete(self._name, callback=lambda _: None)
            self._channel.close()
        self._channel = None

    def acknowledge(self, channel: Any, tag: int) -> None:
        """Acknowledges a message, unless its channel is gone: then it comes again."""
        if channel.is_open:
            channel.basic_ack(tag)

    def _open(self) -> None:
        if self.connection is not None and self.connection.is_open and not self._closed:
            self.connection.channel(on_open_callback=self._on_channel)

    def _on_channel(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._on_channel_closed)
        channel.add_on_cancel_callback(lambda _: self._on_deleted(channel))
        channel.basic_qos(prefetch_count=PREFETCH)
        if self._name is None:
            arguments = {"x-expires": EXPIRES_MILLIS}
            channel.queue_declare("", durable=True, arguments=arguments, callback=self._on_declared)
        else:
            channel.queue_declare(self._name, passive=True, callback=self._on_declared)

    def _on_declared(self, frame: Any) -> None:
        name = self._name = str(frame.method.queue)
        for exchange, key in self._bindings:
            self._channel.queue_bind(name, exchange, key, callback=lambda _: None)
        self._channel.basic_consume(
            name,
            lambda channel, method, properties, body: self._take(channel, method.delivery_tag, properties, body),
            callback=lambda _: self._on_consuming(name),
        )

    def _on_consuming(self, name: str) -> None:
        is_new, self._is_new = self._is_new, False
        if self._link.trouble == self._trouble:
            self._link.trouble = None
        self._trouble = None
        self._ready(name, is_new)

    def _on_deleted(self, channel: Any) -> None:
        # The broker ends the consumer of a queue that is deleted, by us or by somebody else.
        if channel.is_open:
            channel.close()

    def _on_channel_closed(self, channel: Any, problem: Any) -> None:
        if channel is not self._channel or self.connection is None or not self.connection.is_open or self._closed:
            return
        self._channel = None
        words = words_of(problem)
        if words != self._trouble:
            log.warning("cannot use a queue of our own, a new one is made: %s", words)
        self._trouble = self._link.trouble = words
        self._failed(words)
        if getattr(problem, "reply_code", 200) in (404, 200):
            self._name, self._is_new = None, True
        self._link.later(PAUSE_SECONDS, self._open)
