"""Celery's canvas as durable processes: `durable(chain(...)).launch().get()`.

The process sends each task by itself and keeps what comes back on disk, so a canvas survives the end of
any worker, and needs no result backend. `compiler` says what becomes of each part of a canvas.
"""

from __future__ import annotations

import os
import threading
from typing import Any

from celery import Celery
from celery.canvas import Signature, maybe_signature

from ..client import Client, Process
from .compiler import compile_canvas
from .literals import CanvasError

_clients: dict[tuple[int, str], Client] = {}
_clients_lock = threading.Lock()


def durable(canvas: Any, *, name: str | None = None, client: Client | None = None) -> Durable:
    """A canvas as a process definition. `name` is that of the process, for people and notices.

    Without `client`, the canvas is launched over the broker of its app. Raises CanvasError for what cannot
    be said in a definition.
    """
    return Durable(canvas, name, client)


class Durable:
    """A canvas with the definition that does the same."""

    def __init__(self, canvas: Any, name: str | None, client: Client | None) -> None:
        signature = maybe_signature(canvas)
        if not isinstance(signature, Signature):
            raise CanvasError(f"{canvas!r:.80} is not a signature; use task.s(...), chain, group, chord and the like")
        self._canvas = signature
        self._name = name
        self._client = client
        self.xml = compile_canvas(signature, name)
        """The process definition. Its field `result` is the result of the canvas."""

    def __repr__(self) -> str:
        return f"durable({self._canvas!r})"

    def launch(self, *args: Any, message_id: str | None = None, **kwargs: Any) -> DurableResult:
        """Launches it. Arguments complete a partial signature, as those of Celery's `delay`."""
        xml = compile_canvas(self._canvas, self._name, args, kwargs) if args or kwargs else self.xml
        client = self._client or _client_of(self._canvas.app)
        return DurableResult(client.launch(xml, message_id=message_id))

    def get(self, timeout: float | None = None) -> Any:
        """Launches it and waits for its result."""
        return self.launch().get(timeout)


class DurableResult:
    """A launched canvas."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @property
    def id(self) -> str:
        return self.process.id

    def get(self, timeout: float | None = None) -> Any:
        """Waits for the result.

        Raises ProcessFailed if a task failed: its code is the exception's type. Raises TimedOut after
        `timeout` seconds.
        """
        return self.process.result(timeout).get("result")

    def ready(self) -> bool:
        return self.process.done()

    def revoke(self, reason: str = "") -> bool:
        """Cancels it; tasks that have not begun are revoked. Returns False if it had already ended."""
        return self.process.cancel(reason)


def _client_of(app: Celery) -> Client:
    """One client for each broker, shared by all canvases of this program."""
    with app.connection_for_write() as connection:
        # Of several addresses, all.
        url = ",".join(connection.alt) if connection.alt else connection.as_uri(include_password=True)
    # A worker's pool forks, and a connection stays behind.
    place = (os.getpid(), url)
    with _clients_lock:
        if place not in _clients:
            _clients[place] = Client(url)
        return _clients[place]
