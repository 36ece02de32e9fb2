"""The client for asyncio: the same requests as `client`, awaited.

The connection still has a thread of its own, so a busy event loop misses no heartbeat.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

from . import calls
from .calls import Call, Deployed, Duplicate, EventOutcome
from .client import REPLY_SECONDS, timed_out
from .errors import Closed, TimedOut
from .names import Names, broker_url
from .notices import Notice, Notices
from .requests import Ending, Request, Requests

_Value = TypeVar("_Value")

NOTICE_POLL_SECONDS = 1.0


class AsyncProcess:
    """A launched process."""

    def __init__(self, client: AsyncClient, request: Request, process: str) -> None:
        self._client = client
        self._request = request
        self.id = process

    def __repr__(self) -> str:
        return f"<AsyncProcess {self.id}>"

    async def wait(self, timeout: float | None = None) -> Ending:
        """Waits for its end; a process that failed is not an error here."""
        return await self._client._await(self._request.ending, timeout, f"process {self.id} has not ended")

    async def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Waits for its end and returns its final fields.

        Raises ProcessFailed if it failed.
        """
        ending = await self.wait(timeout)
        if ending.fault is not None:
            raise ending.fault
        return ending.fields

    def done(self) -> bool:
        """Whether it has ended."""
        return self._request.ending.done()

    async def cancel(self, reason: str = "") -> bool:
        """See `bureaucrat.Client.cancel`."""
        return await self._client.cancel(self.id, reason)


class AsyncClient:
    """As `bureaucrat.Client`; connect with `async with AsyncClient(url) as client`."""

    def __init__(
        self, url: str | None = None, *, names: Names | None = None, reply_timeout: float = REPLY_SECONDS
    ) -> None:
        self.names = names or Names()
        self.reply_timeout = reply_timeout
        self._requests = Requests(broker_url(url), f"bureaucrat client {os.getpid()}")

    async def connect(self) -> AsyncClient:
        """Connects.

        Raises ConnectError if no address works.
        """
        await asyncio.to_thread(self._requests.start)
        return self

    async def close(self) -> None:
        await asyncio.to_thread(self._requests.close)

    async def __aenter__(self) -> AsyncClient:
        return await self.connect()

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def launch(
        self,
        definition: str | os.PathLike[str],
        fields: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        duplicate: Duplicate = "refuse",
        message_id: str | None = None,
    ) -> AsyncProcess:
        """See `bureaucrat.Client.launch`."""
        call = calls.launch_call(definition, fields, key, duplicate)
        request = self._send(self.names.launch_queue, call, message_id)
        reply = await self._await(request.first, self.reply_timeout, "the engine did not confirm the launch")
        return AsyncProcess(self, request, str(reply["process"]))

    async def event(
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
        """See `bureaucrat.Client.event`."""
        call = calls.event_call(name, fields, key, keep, process)
        if not wait:
            sent = self._requests.tell(self.names.event_queue, call.content_type, call.body, message_id)
            await self._await(sent, self.reply_timeout, "the broker did not confirm the event")
            return EventOutcome("sent")
        request = self._send(self.names.event_queue, call, message_id)
        return calls.read_outcome(
            await self._await(request.first, self.reply_timeout, "the engine did not answer the event")
        )

    async def cancel(self, process: str, reason: str = "", *, message_id: str | None = None) -> bool:
        """See `bureaucrat.Client.cancel`."""
        request = self._send(self.names.launch_queue, calls.cancel_call(process, reason), message_id)
        reply = await self._await(request.first, self.reply_timeout, "the engine did not answer the request to cancel")
        return bool(reply["status"] == "cancelled")

    async def deploy(self, definition: str | os.PathLike[str], *, message_id: str | None = None) -> Deployed:
        """See `bureaucrat.Client.deploy`."""
        request = self._send(self.names.launch_queue, calls.deploy_call(definition), message_id)
        return calls.read_deployed(
            await self._await(request.first, self.reply_timeout, "the engine did not confirm the deployment")
        )

    async def notices(self, name: str | None = None, statuses: Sequence[str] = ()) -> AsyncIterator[Notice]:
        """See `bureaucrat.Client.notices`; listens from the first step of the iteration."""
        listening = asyncio.to_thread(Notices, self._requests, self.names.notice_exchange, name, statuses)
        notices: Notices = await listening
        try:
            while True:
                try:
                    # A thread that waits can't be cancelled, so it never waits for long.
                    yield await asyncio.to_thread(notices.next, NOTICE_POLL_SECONDS)
                except TimedOut:
                    continue
                except Closed:
                    return
        finally:
            notices.close()

    def _send(self, queue: str, call: Call, message_id: str | None) -> Request:
        return self._requests.send(queue, call.content_type, call.body, message_id, calls.REFUSAL_HEADERS)

    async def _await(self, future: Future[_Value], timeout: float | None, what: str) -> _Value:
        # Shielded: giving up on a process's end must not spoil it for the next who waits.
        wrapped = asyncio.shield(asyncio.wrap_future(future))
        try:
            return await asyncio.wait_for(wrapped, timeout)
        except asyncio.TimeoutError:
            if future.done() and not future.cancelled():
                return future.result()
            raise timed_out(self._requests, timeout, what) from None
