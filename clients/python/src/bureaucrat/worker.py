"""The worker: takes the tasks of participants from RabbitMQ, runs functions on threads, and answers.

- A task is acknowledged after the broker has confirmed its answer, so a worker that dies loses none.
- A worker that loses its connection continues to work, connects again, and then sends its answers. A
  task that comes back while it is being done, or was answered, is not done again by the same worker.
- An answer that the engine could not use becomes a fault that says why.

`desk` has what happens on the thread of the connection.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import os
import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, TypeVar

from .answer_store import AnswerStore
from .desk import Desk, Job
from .errors import FieldError, TimedOut
from .faults import fault_of, trace_of
from .link import log
from .names import Names, broker_url
from .task import Task, TaskCancelled
from .workitem import answer_body, fault_body, progress_body

GRACE_SECONDS = 30.0
THREADS_MAX = 1000

_Function = TypeVar("_Function", bound=Callable[[Task], Any])


class Participant:
    """A function and how it is called."""

    def __init__(self, name: str, function: Callable[[Task], Any], queue: str, answers: AnswerStore | None) -> None:
        self.name = name
        self.function = function
        self.queue = queue
        self.answers = answers
        self.is_async = inspect.iscoroutinefunction(function)


class Worker:
    """Serves participants. Register functions with `participant`, then call `run`."""

    def __init__(
        self,
        url: str | None = None,
        *,
        concurrency: int = 4,
        names: Names | None = None,
        tracebacks: bool = True,
    ) -> None:
        """`concurrency` is how many tasks are done at once, each on a thread.

        `url` may be several addresses after commas; without it, the variable BUREAUCRAT_AMQP counts. With
        `tracebacks`, the fault of an exception has the traceback in its data.
        """
        if not 1 <= concurrency <= THREADS_MAX:
            raise ValueError(f"concurrency is {concurrency}; 1 to {THREADS_MAX} are allowed")
        self._concurrency = concurrency
        self._tracebacks = tracebacks
        self._participants: dict[str, Participant] = {}
        self._desk = Desk(broker_url(url), f"bureaucrat worker {os.getpid()}", names or Names(), concurrency)
        self._threads: list[threading.Thread] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._state = threading.Lock()
        self._started = self._stopped = False
        self._asked_to_stop = threading.Event()

    def participant(
        self, name: str, *, queue: str | None = None, answers: AnswerStore | None = None
    ) -> Callable[[_Function], _Function]:
        """Decorates the function that does the tasks of a participant.

        It gets a `Task`. What it returns, a mapping or None, updates the task's fields, and these are the
        answer. An exception fails the activity: see `Fault`. It may be `async def`. Its queue is
        `worker_NAME` unless `queue` names another; the worker declares it if it does not exist. With
        `answers`, a task that comes again is answered from there.
        """

        def register(function: _Function) -> _Function:
            if self._started:
                raise RuntimeError("register participants before the worker is started")
            queue_name = queue or f"worker_{name}"
            if not name or len(queue_name.encode()) > 255 or queue_name in self._participants:
                raise ValueError(f"{name[:80]!r} is empty, too long, or was registered before")
            self._participants[queue_name] = Participant(name, function, queue_name, answers)
            return function

        return register

    def run(self, *, grace: float = GRACE_SECONDS) -> None:
        """Serves until SIGTERM or SIGINT, then finishes what has begun, for at most `grace` seconds.

        A second signal ends it at once. Call it from the main thread.
        """
        # Waiting for a lock delays signal handlers on some platforms; a short timeout does not.
        previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            self.start()
            while not self._asked_to_stop.wait(0.5):
                pass
            self._asked_to_stop.clear()
            self.stop(grace=grace)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def start(self) -> None:
        """Starts to serve on other threads, and returns. The broker need not be there yet."""
        with self._state:
            if self._started:
                raise RuntimeError("the worker was started before; make another one")
            if not self._participants:
                raise RuntimeError("the worker has no participants; register a function with `participant` first")
            self._started = True
        if any(participant.is_async for participant in self._participants.values()):
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="bureaucrat asyncio", daemon=True).start()
        queues = {participant.queue: participant.name for participant in self._participants.values()}
        self._desk.start(queues)
        for number in range(self._concurrency):
            thread = threading.Thread(target=self._serve, name=f"bureaucrat worker {number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def wait_ready(self, timeout: float | None = None) -> None:
        """Waits until all participants are served.

        Raises TimedOut, with what is in the way, after `timeout` seconds.
        """
        if not self._desk.ready.wait(timeout):
            raise TimedOut(f"the worker is not ready after {timeout} s; {self._desk.trouble()}")

    def stop(self, *, grace: float = GRACE_SECONDS) -> bool:
        """Takes no more tasks, gives back those that have not begun, and finishes the others.

        What is not finished after `grace` seconds goes back to the broker, for another worker; then it
        returns False.
        """
        with self._state:
            if not self._started or self._stopped:
                return True
            self._stopped = True
        finished = self._desk.stop(grace, self._asked_to_stop)
        for _ in self._threads:
            self._desk.jobs.put(None)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
        if not finished:
            log.warning("tasks were still running; the broker gives them to another worker")
        return finished

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop.set()

    def _serve(self) -> None:
        while (job := self._desk.jobs.get()) is not None:
            self._desk.finish(job, self._do(job))

    def _do(self, job: Job) -> bytes | None:
        """The answer to a task; None if nobody waits for one."""
        participant = self._participants[job.queue]
        task = Task(participant.name, job.workitem, job.redelivered, functools.partial(self._report, job))
        job.begin(task)
        try:
            task.check()
            stored = participant.answers.get(task.id) if participant.answers is not None else None
            if stored is not None:
                log.info("task %s was done before; its answer is sent again", task.id)
                return stored
            body = self._answer(participant, job, task)
            if task.cancelled:
                return None
        except TaskCancelled:
            log.info("task %s was withdrawn", task.id)
            return None
        except BaseException as problem:
            # Also SystemExit: a function does not end the worker.
            if task.cancelled:
                return None
            log.warning("task %s of %s failed", task.id, participant.name, exc_info=problem)
            body = self._fault(job, problem)
        return self._store(participant, task, body)

    def _answer(self, participant: Participant, job: Job, task: Task) -> bytes:
        if self._loop is not None and participant.is_async:
            future = asyncio.run_coroutine_threadsafe(participant.function(task), self._loop)
            task._on_withdrawal = future.cancel
            if task.cancelled:
                future.cancel()
            returned = future.result()
        else:
            returned = participant.function(task)
        if returned is not None and not isinstance(returned, Mapping):
            raise FieldError(
                f"the function of {participant.name} returned a {type(returned).__name__}; "
                "expected a mapping of fields, or nothing"
            )
        task.fields.update(returned or {})
        return answer_body(job.workitem, task.fields)

    def _fault(self, job: Job, problem: BaseException) -> bytes:
        try:
            return fault_body(job.workitem, fault_of(problem, trace_of(problem) if self._tracebacks else None))
        except Exception as second:  # an exception that cannot even be described
            return fault_body(job.workitem, fault_of(FieldError(f"a {type(problem).__name__}: {second}")))

    def _store(self, participant: Participant, task: Task, body: bytes) -> bytes:
        if participant.answers is None:
            return body
        try:
            return participant.answers.put(task.id, body)
        except Exception:
            # The work is done; without its answer it would be done again.
            log.exception("the answer to task %s could not be stored; it is sent anyway", task.id)
            return body

    def _report(self, job: Job, value: Any) -> None:
        self._desk.report(job, progress_body(job.workitem, value))
