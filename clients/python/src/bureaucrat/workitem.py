"""Tasks and answers as messages, in both dialects of the engine.

An answer is in the dialect of its task. Whatever arrives is checked; anybody may publish to a worker's queue.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import FieldError
from .faults import OWN_CODE
from .values import decode, encode, plain, plain_fields

CONTENT_TYPES = {"workitem": "application/x-bureaucrat-workitem", "message": "application/x-bureaucrat-message"}
PROGRESS_BYTES_MAX = 16 << 10
TASK_BYTES_MAX = 32 << 20
"""Twice what the fields of a process may have; anything larger does not come from the engine."""

# An activity and its turn: PID_0_1~7, or PID_0_faults_0_1~7 in a handler.
_ORIGIN = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}_\w+)~\d+", re.ASCII)


@dataclass(frozen=True)
class Workitem:
    """A task as it arrived."""

    target: str
    origin: str
    fields: dict[str, Any]
    dialect: str
    message: Mapping[str, Any]
    """The whole object, whose other members go back as they came."""


class NotATask(ValueError):
    """A message that is not a task of the engine. `workitem` is set if it can still be answered."""

    def __init__(self, why: str, workitem: Workitem | None = None) -> None:
        super().__init__(why)
        self.workitem = workitem


def is_origin(text: object) -> bool:
    return isinstance(text, str) and _ORIGIN.fullmatch(text) is not None


def read_workitem(body: bytes, message_id: object) -> Workitem:
    """Reads a task.

    Raises NotATask; if its message id is that of a task, the fault for it can still be sent.
    """
    if len(body) > TASK_BYTES_MAX:
        raise NotATask(f"it has {len(body):,} bytes", _by_id(message_id))
    try:
        message = decode(body)
    except ValueError as problem:
        raise NotATask(f"it is not JSON: {problem}", _by_id(message_id)) from None
    if not isinstance(message, dict):
        raise NotATask("it is not a JSON object", _by_id(message_id))
    if isinstance(message.get("header"), dict):
        header, fields, dialect = message["header"], message.get("fields"), "workitem"
    else:
        header, fields, dialect = message, message.get("payload"), "message"
    target, origin = header.get("target"), header.get("origin")
    found = _ORIGIN.fullmatch(origin) if isinstance(origin, str) else None
    if found is None or target != found[1] or not isinstance(fields, dict):
        raise NotATask("it has no header with the `target` and `origin` of a task, or no fields", _by_id(message_id))
    if dialect == "message":
        fields = {name: value for name, value in fields.items() if name != "status"}
    return Workitem(found[1], found[0], fields, dialect, message)


def _by_id(message_id: object) -> Workitem | None:
    # One that is not UTF-8 is bytes.
    found = _ORIGIN.fullmatch(message_id) if isinstance(message_id, str) else None
    if found is None:
        return None
    header = {"message": "response", "target": found[1], "origin": found[0]}
    return Workitem(found[1], found[0], {}, "workitem", {"header": header})


def answer_body(workitem: Workitem, fields: Any) -> bytes:
    """The answer with these fields.

    Raises FieldError if the engine could not use it.
    """
    checked = plain_fields(fields, 1)
    if workitem.dialect == "workitem":
        return encode({**workitem.message, "fields": checked}, "the answer")
    return encode({**workitem.message, "payload": {**checked, "status": "done"}}, "the answer")


def fault_body(workitem: Workitem, fault: Mapping[str, Any]) -> bytes:
    """The answer with a fault, made by `faults.fault_of`."""
    if workitem.dialect == "workitem":
        return encode({"header": workitem.message["header"], "fault": fault}, "the fault")
    payload = {**fault, "error": fault["message"], "status": "critical"}
    return encode({**workitem.message, "payload": payload}, "the fault")


def unusable_body(workitem: Workitem, why: str) -> bytes:
    """The fault for what has no better code."""
    return fault_body(workitem, {"code": OWN_CODE, "message": why})


def progress_body(workitem: Workitem, progress: Any) -> bytes:
    """A sign of progress: any JSON of at most 16 KiB."""
    checked = plain(progress, "the progress", 1)
    size = len(encode(checked, "the progress"))
    if size > PROGRESS_BYTES_MAX:
        raise FieldError(f"the progress has {size:,} bytes; the engine keeps at most {PROGRESS_BYTES_MAX:,}")
    address = {"target": workitem.target, "origin": workitem.origin}
    if workitem.dialect == "workitem":
        message: dict[str, Any] = {"header": {"message": "progress", **address}, "progress": checked}
    else:
        message = {"name": "progress", **address, "progress": checked}
    return encode(message, "the progress")


def read_withdrawal(body: bytes) -> str | None:
    """The origin of the task that a notice withdraws, if it is one."""
    try:
        message = decode(body)
        origin = message["header"]["origin"]
        return origin if message["header"]["message"] == "cancel" and isinstance(origin, str) else None
    except (ValueError, KeyError, TypeError):
        return None
