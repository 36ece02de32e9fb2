"""The worker's connection: deliveries in, answers out, acknowledgements in the right order.

Everything but `jobs`, `start`, `finish`, `report` and `stop` runs on the thread of the link.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from pika.adapters.select_connection import SelectConnection
from pika.exceptions import ChannelClosedByClient

from .errors import BrokerRefused, BureaucratError
from .link import Link, log, words_of
from .names import Names
from .publisher import Message, Publisher, on_success
from .task import Task
from .workitem import CONTENT_TYPES, NotATask, Workitem, read_withdrawal, read_workitem, unusable_body

REMEMBERED_MAX = 10_000
REMEMBERED_BYTES_MAX = 16 << 20
RETRY_SECONDS = 2.0
RIGHTS_SECONDS = 30.0
CLOSE_SECONDS = 5.0


class Job:
    """A task in hand, and the deliveries that brought it."""

    def __init__(self, workitem: Workitem, queue_name: str, redelivered: bool) -> None:
        self.workitem = workitem
        self.queue = queue_name
        self.redelivered = redelivered
        self.deliveries: list[tuple[Any, int]] = []
        self._task: Task | None = None
        self._withdrawn = False
        self._progress: bytes | None = None
        self._is_reporting = False
        self._lock = threading.Lock()

    def begin(self, task: Task) -> None:
        """The function is about to be called with this task."""
        with self._lock:
            self._task = task
            if self._withdrawn:
                task._withdraw()

    def withdraw(self) -> None:
        """Nobody waits for the answer any more."""
        with self._lock:
            self._withdrawn = True
            if self._task is not None:
                self._task._withdraw()

    def progressed(self, body: bytes) -> bool:
        """Keeps a sign of progress; returns whether somebody has to be told to send it."""
        with self._lock:
            self._progress = body
            was_reporting, self._is_reporting = self._is_reporting, True
            return not was_reporting

    def next_progress(self) -> bytes | None:
        """Takes the newest sign of progress; without one, the next has to be told again."""
        with self._lock:
            body, self._progress = self._progress, None
            self._is_reporting = body is not None
            return body


class Remembered:
    """The newest of many ids, each with what belongs to it."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def add(self, text: str, body: bytes = b"") -> None:
        self._bytes += len(body) - len(self._items.pop(text, b""))
        self._items[text] = body
        while len(self._items) > REMEMBERED_MAX or self._bytes > REMEMBERED_BYTES_MAX:
            self._bytes -= len(self._items.popitem(last=False)[1])

    def get(self, text: str) -> bytes | None:
        return self._items.get(text)


class Desk:
    """Between the broker and the threads that work."""

    def __init__(self, url: str, name: str, names: Names, prefetch: int) -> None:
        self.jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._link = Link(url, name, self._opened, self._lost)
        self._publisher = Publisher(self._link)
        self._names = names
        self._prefetch = prefetch
        self._queues: dict[str, str] = {}
        self._connection: SelectConnection | None = None
        self._channels: dict[str, Any] = {}
        self._in_hand: dict[str, Job] = {}
        self._answered = Remembered()
        self._withdrawn = Remembered()
        self._complaints: dict[str, str] = {}
        self._missing: set[str] = set()
        self._stopping = False
        self._empty = threading.Event()
        self.ready = threading.Event()
        """Whether all queues are consumed from, and notices of withdrawn tasks arrive."""

    def start(self, queues: dict[str, str]) -> None:
        """Connects and consumes from these queues; the values are their participants."""
        self._queues = queues
        self._link.start()

    def finish(self, job: Job, body: bytes | None) -> None:
        """A thread is done with a job. Without a body, nobody waits for an answer."""
        self._link.call(lambda: self._finished(job, body))

    def report(self, job: Job, body: bytes) -> None:
        """A thread reports progress. One message of a task is on its way at a time; then the newest follows."""
        if job.progressed(body):
            self._link.call(lambda: self._send_progress(job))

    def stop(self, grace: float, hurry: threading.Event) -> bool:
        """Takes no more, and waits until everything in hand is answered; whether it is."""
        self._link.call(self._stop)
        deadline = time.monotonic() + grace
        while not self._empty.wait(0.1) and time.monotonic() < deadline and not hurry.is_set():
            pass
        finished = self._empty.is_set()
        self._link.call(self._publisher.close)
        self._link.close(CLOSE_SECONDS)
        return finished

    def trouble(self) -> str:
        """What is in the way, for a person."""
        complaints = [self._link.trouble, *self._complaints.values()]
        return "; ".join(words for words in complaints if words) or "the broker does not answer"

    def _message(self, job: Job, body: bytes) -> Message:
        properties = {"content_type": CONTENT_TYPES[job.workitem.dialect], "message_id": str(uuid.uuid4())}
        return Message("", self._names.message_queue, body, properties)

    def _opened(self, connection: SelectConnection) -> None:
        self._connection = connection
        self._publisher.opened(connection)
        self._missing = {*self._queues, self._names.cancel_exchange}
        if not self._stopping:
            for name in self._queues:
                self._consume(name)
            self._listen()

    def _lost(self) -> None:
        self._connection = None
        self.ready.clear()
        self._channels.clear()
        self._publisher.lost()
        for job in self._in_hand.values():
            job.deliveries.clear()
        # What no thread has begun comes again, here or at another worker.
        self._drop_waiting()

    def _consume(self, name: str, declare: bool = False) -> None:
        """Consumes from a queue; one that does not exist is declared first."""
        connection = self._connection
        if connection is None or not connection.is_open or self._stopping:
            return

        def opened(channel: Any) -> None:
            self._channels[name] = channel
            channel.add_on_close_callback(closed)
            channel.add_on_cancel_callback(lambda _: deleted(channel))
            channel.basic_qos(prefetch_count=self._prefetch)
            if declare:
                channel.queue_declare(name, durable=True, callback=lambda _: consume(channel))
            else:
                channel.queue_declare(name, passive=True, callback=lambda _: consume(channel))

        def consume(channel: Any) -> None:
            if not self._stopping:
                channel.basic_consume(name, self._deliver, consumer_tag=name, callback=lambda _: self._works(name))

        def deleted(channel: Any) -> None:
            self._complain(name, f"the queue {name} was deleted or is not available")
            if channel.is_open:
                channel.close()

        def closed(channel: Any, problem: Any) -> None:
            if self._channels.get(name) is channel:
                del self._channels[name]
            if self._connection is not connection or not connection.is_open or self._stopping:
                return
            if getattr(problem, "reply_code", 0) == 404 and not declare:
                self._consume(name, declare=True)
                return
            if not isinstance(problem, ChannelClosedByClient):
                self._complain(name, f"cannot take tasks from the queue {name}: {words_of(problem)}")
            self._link.later(RETRY_SECONDS, lambda: self._consume(name))

        connection.channel(on_open_callback=opened)

    def _listen(self) -> None:
        """Listens to notices of withdrawn tasks; what is withdrawn while the connection is away, is not told."""
        connection, exchange = self._connection, self._names.cancel_exchange
        if connection is None or not connection.is_open or self._stopping:
            return

        def opened(channel: Any) -> None:
            channel.add_on_close_callback(closed)
            channel.queue_declare("", exclusive=True, auto_delete=True, callback=lambda frame: bind(channel, frame))

        def bind(channel: Any, frame: Any) -> None:
            name = frame.method.queue
            for participant in self._queues.values():
                channel.queue_bind(name, exchange, participant, callback=lambda _: None)
            channel.basic_consume(
                name,
                lambda _channel, _method, _properties, body: self._withdraw(body),
                auto_ack=True,
                callback=lambda _: self._works(exchange),
            )

        def closed(_channel: Any, problem: Any) -> None:
            if self._connection is connection and connection.is_open and not self._stopping:
                words = words_of(problem)
                self._complain(exchange, f"cannot learn of withdrawn tasks from the exchange {exchange}: {words}")
                # Without the right to listen the worker works anyway; somebody may grant it later.
                is_missing = getattr(problem, "reply_code", 0) == 404
                self._link.later(RETRY_SECONDS if is_missing else RIGHTS_SECONDS, self._listen)

        connection.channel(on_open_callback=opened)

    def _works(self, name: str) -> None:
        """One of the things to set up is set up."""
        self._complaints.pop(name, None)
        self._missing.discard(name)
        if not self._missing:
            self.ready.set()

    def _complain(self, about: str, words: str) -> None:
        """Logs what is wrong once, until it changes."""
        if self._complaints.get(about) != words:
            log.warning("%s; it is tried again", words)
        self._complaints[about] = words

    def _deliver(self, channel: Any, method: Any, properties: Any, body: bytes) -> None:
        tag, unreadable = method.delivery_tag, None
        try:
            workitem = read_workitem(body, properties.message_id)
        except NotATask as problem:
            if problem.workitem is None:
                log.error("dropped a message from the queue %s: %s: %.100r", method.consumer_tag, problem, body)
                channel.basic_reject(tag, requeue=False)
                return
            workitem = problem.workitem
            unreadable = unusable_body(workitem, f"the worker cannot read the task: {problem}")
        origin = workitem.origin
        if self._stopping:
            channel.basic_nack(tag, requeue=True)
            return
        if self._withdrawn.get(origin) is not None:
            channel.basic_ack(tag)
            return
        if origin in self._in_hand:
            self._in_hand[origin].deliveries.append((channel, tag))
            return
        job = self._in_hand[origin] = Job(workitem, method.consumer_tag, method.redelivered)
        job.deliveries.append((channel, tag))
        # An answer that was sent before: the acknowledgement was lost, or the engine asks again.
        answer = self._answered.get(origin) or unreadable
        if answer is None:
            self.jobs.put(job)
        else:
            self._finished(job, answer)

    def _withdraw(self, body: bytes) -> None:
        origin = read_withdrawal(body)
        if origin is None:
            log.warning("a notice of a withdrawn task cannot be read: %.100r", body)
            return
        self._withdrawn.add(origin)
        if origin in self._in_hand:
            self._in_hand[origin].withdraw()

    def _send_progress(self, job: Job) -> None:
        body = job.next_progress()
        if body is None or self._in_hand.get(job.workitem.origin) is not job:
            return
        try:
            fate = self._publisher.publish(self._message(job, body))
        except BureaucratError:  # too many wait
            self._link.later(RETRY_SECONDS, lambda: self._send_progress(job))
        else:
            # Whatever became of it: the next one follows.
            fate.add_done_callback(lambda _: self._send_progress(job))

    def _finished(self, job: Job, body: bytes | None) -> None:
        origin = job.workitem.origin
        if body is None:
            self._settle(job)
            return

        def failed(problem: BaseException) -> None:
            self._complain(origin, f"the answer to task {origin} does not get through: {problem}")
            replacement = body
            if isinstance(problem, BrokerRefused) and len(body) > 100_000:
                # It is probably too large for this broker; the process should learn of that.
                replacement = unusable_body(job.workitem, f"the broker does not take the answer: {problem}")
            self._link.later(RETRY_SECONDS, lambda: self._finished(job, replacement))

        try:
            fate = self._publisher.publish(self._message(job, body))
        except BureaucratError as problem:  # too many wait
            failed(problem)
        else:
            on_success(fate, lambda: self._settle(job, body), failed)

    def _settle(self, job: Job, answer: bytes | None = None) -> None:
        """The task is done: its deliveries are acknowledged where their channels still exist."""
        origin = job.workitem.origin
        if answer is not None:
            self._answered.add(origin, answer)
        self._complaints.pop(origin, None)
        for channel, tag in job.deliveries:
            if channel.is_open:
                channel.basic_ack(tag)
        self._forget(job)

    def _forget(self, job: Job) -> None:
        if self._in_hand.get(job.workitem.origin) is job:
            del self._in_hand[job.workitem.origin]
        if self._stopping and not self._in_hand:
            self._empty.set()

    def _drop_waiting(self, give_back: Callable[[Any, int], None] | None = None) -> None:
        """Forgets the jobs that no thread has begun."""
        while True:
            try:
                job = self.jobs.get_nowait()
            except queue.Empty:
                return
            if job is None:
                self.jobs.put(None)
                return
            for channel, tag in job.deliveries:
                if give_back is not None and channel.is_open:
                    give_back(channel, tag)
            self._forget(job)

    def _stop(self) -> None:
        self._stopping = True
        for name, channel in self._channels.items():
            if channel.is_open:
                channel.basic_cancel(name, callback=lambda _: None)
        self._drop_waiting(lambda channel, tag: channel.basic_nack(tag, requeue=True))
        if not self._in_hand:
            self._empty.set()
