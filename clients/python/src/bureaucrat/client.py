"""The client: launches and cancels processes, publishes events, and learns how processes ended.

Every request has a message id, so that the engine takes it once even if a lost connection makes the
client send it again; carries the connection's user; and is confirmed by the broker. All methods may be
called from any thread. `aio` has the same for asyncio.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from types import TracebackType
from typing import Any, TypeVar

from . import calls
from .calls import Call, Deployed, Duplicate, EventOutcome
from .errors import TimedOut
from .names import Names, broker_url
from .notices import Notices
from .requests import Ending, Request, Requests

REPLY_SECONDS = 30.0

_Value = TypeVar("_Value")


class Process:
    """A launched process."""

    def __init__(self, client: Client, request: Request, process: str) -> None:
        self._client = client
        self._request = request
        self.id = process

    def __repr__(self) -> str:
        return f"<Process {self.id}>"

    def wait(self, timeout: float | None = None) -> Ending:
        """Waits for its end.

        A process that failed is not an error here. Raises TimedOut after `timeout` seconds, and can be called again.
        """
        return self._client._await(self._request.ending, timeout, f"process {self.id} has not ended")

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Waits for its end and returns its final fields.

        Raises ProcessFailed if it failed.
        """
        ending = self.wait(timeout)
        if ending.fault is not None:
            raise ending.fault
        return ending.fields

    def done(self) -> bool:
        """Whether it has ended."""
        return self._request.ending.done()

    def cancel(self, reason: str = "") -> bool:
        """See `Client.cancel`."""
        return self._client.cancel(self.id, reason)


class Client:
    """A connection to the broker of an engine, opened again whenever it is lost."""

    def __init__(
        self, url: str | None = None, *, names: Names | None = None, reply_timeout: float = REPLY_SECONDS
    ) -> None:
        """Connects.

        `url` may be several addresses after commas. Without it, the variable BUREAUCRAT_AMQP counts.
        `names` are the queues of the engine, if they are not the usual ones. `reply_timeout` is how many
        seconds the engine may take to confirm a launch, an event, or the like.

        Raises ConnectError if no address works.
        """
        self.names = names or Names()
        self.reply_timeout = reply_timeout
        self._requests = Requests(broker_url(url), f"bureaucrat client {os.getpid()}")
        self._requests.start()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; who still waits gets the exception Closed."""
        self._requests.close()

    def launch(
        self,
        definition: str | os.PathLike[str],
        fields: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        duplicate: Duplicate = "refuse",
        message_id: str | None = None,
    ) -> Process:
        """Launches a process, and waits until the engine has stored it.

        `definition` is XML, a file as `pathlib.Path`, or the name of a deployed definition, `order` or
        `order@3`. `fields` go over its context. `key` is the business key of a launch by name. A launch
        with a `message_id` takes effect once within 24 hours, however often it is repeated.

        Raises Rejected with the engine's reasons.
        """
        call = calls.launch_call(definition, fields, key, duplicate)
        request = self._send(self.names.launch_queue, call, message_id)
        reply = self._reply(request, "the engine did not confirm the launch")
        return Process(self, request, str(reply["process"]))

    def event(
        self,
        name: str,
        fields: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        keep: float | str | None = None,
        process: str | None = None,
        message_id: str | None = None,
        wait: bool = True,
    ) -> EventOutcome:
        """Publishes an event, and waits until it is handed out to those who wait for it.

        With `key` it reaches those who wait for that key, and those who want none; with `keep` (seconds,
        or a text such as `"2d"`) also those who wait later, by `since`; with `process` that process
        alone. With `wait=False` it returns as soon as the broker has the event.
        """
        call = calls.event_call(name, fields, key, keep, process)
        if not wait:
            sent = self._requests.tell(self.names.event_queue, call.content_type, call.body, message_id)
            self._await(sent, self.reply_timeout, "the broker did not confirm the event")
            return EventOutcome("sent")
        request = self._send(self.names.event_queue, call, message_id)
        return calls.read_outcome(self._reply(request, "the engine did not answer the event"))

    def cancel(self, process: str, reason: str = "", *, message_id: str | None = None) -> bool:
        """Cancels a process; what its scopes run at their ends may still run.

        Returns False if it had already ended. Raises Rejected if it does not exist, or may not be cancelled
        by this user.
        """
        request = self._send(self.names.launch_queue, calls.cancel_call(process, reason), message_id)
        reply = self._reply(request, "the engine did not answer the request to cancel")
        return bool(reply["status"] == "cancelled")

    def deploy(self, definition: str | os.PathLike[str], *, message_id: str | None = None) -> Deployed:
        """Stores a definition, XML or a file, as the next version of its name.

        Raises Rejected with every mistake that it has.
        """
        request = self._send(self.names.launch_queue, calls.deploy_call(definition), message_id)
        return calls.read_deployed(self._reply(request, "the engine did not confirm the deployment"))

    def notices(self, name: str | None = None, statuses: Sequence[str] = ()) -> Notices:
        """What the engine announces from now on: launches, ends and rejections of all processes, or of
        those with this name, or only some statuses (`launched`, `completed`, `failed`, `rejected`)."""
        return Notices(self._requests, self.names.notice_exchange, name, statuses)

    def _send(self, queue: str, call: Call, message_id: str | None) -> Request:
        return self._requests.send(queue, call.content_type, call.body, message_id, calls.REFUSAL_HEADERS)

    def _reply(self, request: Request, what: str) -> dict[str, Any]:
        try:
            return self._await(request.first, self.reply_timeout, what)
        except TimedOut:
            # What waits for the broker need not be sent any more.
            request.first.cancel()
            raise

    def _await(self, future: Future[_Value], timeout: float | None, what: str) -> _Value:
        try:
            return future.result(timeout)
        except FutureTimeout:
            if future.done():
                raise
            raise timed_out(self._requests, timeout, what) from None


def timed_out(requests: Requests, timeout: float | None, what: str) -> TimedOut:
    trouble = requests.link.trouble
    return TimedOut(f"{what} within {timeout} s" + (f"; {trouble}" if trouble else ""))
