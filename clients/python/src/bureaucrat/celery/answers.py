"""Answers of Celery tasks that get a workitem: what they return, or why they failed.

The handlers look at a task's id, which for the engine's tasks is the activity and its turn
(`PID_0_1~7`), and leave all other tasks of the app alone, and those of `via="celery"`, which need no
handlers.
"""

from __future__ import annotations

import re
from typing import Any

from celery import Celery
from celery.signals import task_failure, task_revoked, task_success, task_unknown, worker_init

from ..errors import BureaucratError, FieldError
from ..faults import OWN_CODE, fault_of, text
from ..names import Names
from ..values import encode, plain_fields
from ..workitem import CONTENT_TYPES, is_origin


class CannotServe(BureaucratError):
    """The app is configured so that the engine's tasks cannot reach it."""


def install(app: Celery, *, names: Names | None = None, tracebacks: bool = True) -> None:
    """Makes the tasks of this app answer the engine: a task gets the workitem and returns it, changed.

    Call it once, where the app is made. `names` has the engine's queue for answers, if it is not the usual
    one. With `tracebacks`, the fault of an exception has the traceback in its data. A worker whose
    configuration refuses JSON, or whose broker does not speak AMQP, ends at its start and says why.
    """
    handlers = _Handlers(app, names or Names(), tracebacks)
    for signal, handler in (
        (task_success, handlers.succeeded),
        (task_failure, handlers.failed),
        (task_revoked, handlers.revoked),
        (task_unknown, handlers.unknown),
        (worker_init, handlers.starting),
    ):
        # Of two calls for one app the first counts.
        signal.connect(handler, weak=False, dispatch_uid=f"bureaucrat {id(handlers.app)} {handler.__name__}")


def problem_of(app: Celery) -> str | None:
    """Why the app cannot serve the engine's tasks, if so."""
    accepted = list(app.conf.accept_content or ())
    if not {"json", "application/json"} & set(accepted):
        return (
            f"bureaucrat sends JSON, but this app accepts only {', '.join(map(str, accepted)) or 'nothing'}; "
            'add "json" to its setting accept_content'
        )
    transport = app.connection_for_read().transport
    if transport.driver_type != "amqp":
        return (
            f"bureaucrat sends tasks over RabbitMQ, but the broker of this app is {transport.driver_name}; "
            "set broker_url to the RabbitMQ of the engine, amqp://USER:PASSWORD@HOST/VHOST"
        )
    return None


class _Handlers:
    def __init__(self, app: Celery, names: Names, tracebacks: bool) -> None:
        # `celery.current_app` is a proxy; signals name the app itself.
        self.app = app._get_current_object() if hasattr(app, "_get_current_object") else app
        self._queue = names.message_queue
        self._tracebacks = tracebacks

    def starting(self, sender: Any = None, **_: Any) -> None:
        if getattr(sender, "app", None) is self.app and (problem := problem_of(self.app)):
            # Celery swallows other exceptions of handlers.
            raise SystemExit(str(CannotServe(problem)))

    def succeeded(self, sender: Any = None, result: Any = None, **_: Any) -> None:
        # A task that replaces itself by a chain leaves its id to the last step; the steps before have others.
        origin = sender.request.id
        if sender.app is not self.app or not is_origin(origin) or _answers_by_callback(sender.request):
            return
        try:
            if not isinstance(result, dict) or "fields" not in result:
                raise FieldError(f"the task {sender.name} returned {result!r:.200}, not the workitem that it got")
            body = _body(origin, fields=plain_fields(result["fields"], 1))
        except (ValueError, RecursionError) as problem:
            body = _body(origin, fault={"code": OWN_CODE, "message": text(str(problem))})
        self._send(body)

    def failed(
        self, sender: Any = None, task_id: Any = None, exception: Any = None, einfo: Any = None, **_: Any
    ) -> None:
        if sender.app is not self.app or _answers_by_callback(sender.request):
            return
        # A step that fails ends the chain or chord that it is part of, and with that the task that was replaced.
        rest = [*(sender.request.chain or []), sender.request.chord or {}]
        asked = (step.get("options", {}).get("task_id") for step in rest)
        origin = next((one for one in [task_id, *asked] if is_origin(one)), None)
        if origin is not None:
            trace = str(getattr(einfo, "traceback", "") or "") if self._tracebacks else None
            self._send(_body(origin, fault=fault_of(exception, trace)))

    def revoked(self, sender: Any = None, request: Any = None, expired: bool = False, **_: Any) -> None:
        if sender.app is self.app and is_origin(request.id):
            what = "expired" if expired else "was revoked"
            self._send(_body(request.id, fault={"code": "TaskRevoked", "message": f"the task {sender.name} {what}"}))

    def unknown(self, sender: Any = None, name: Any = None, id: Any = None, **_: Any) -> None:
        if sender.app is self.app and is_origin(id):
            message = f"the Celery worker {sender.hostname} has no task named {name}"
            self._send(_body(id, fault={"code": "NotRegistered", "message": text(message)}))

    def _send(self, body: bytes) -> None:
        with self.app.producer_pool.acquire(block=True) as producer:
            producer.publish(
                body,
                exchange="",
                routing_key=self._queue,
                content_type=CONTENT_TYPES["workitem"],
                content_encoding="utf-8",
                delivery_mode=2,
                retry=True,
                # A policy may say who may answer for whom.
                user_id=producer.connection.userid,
            )


def _answers_by_callback(request: Any) -> bool:
    """Whether it is a task of `via="celery"`, whose callbacks bring its result to the engine."""
    links = [*(request.callbacks or ()), *(request.errbacks or ())]
    return any(str(dict(link).get("task", "")).startswith("bureaucrat.") for link in links)


def _body(origin: str, **answer: Any) -> bytes:
    """The answer to a task; its id says which activity waits for it, and under which turn."""
    header = {"message": "response", "target": re.sub(r"~\d+$", "", origin), "origin": origin}
    return encode({"header": header, **answer}, "the answer")
