"""Faults: what a worker tells the engine when it cannot do a task.

Used by the worker and by the handlers for Celery.
"""

from __future__ import annotations

import json
import re
import traceback
from typing import Any

from .errors import BureaucratError, FieldError
from .values import plain

CODE_CHARACTERS_MAX = 64
DATA_BYTES_MAX = 4096
MESSAGE_CHARACTERS_MAX = 4096
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
# What is left for a traceback in `data`, where a character may take six bytes as an escape.
_TRACEBACK_BYTES_MAX = 3500

OWN_CODE = "ActionError"
"""The engine's code for a fault without a code of its own."""


class Fault(BureaucratError):
    """Raised by a worker's function: the activity fails with this code.

    `data` is for programs: any JSON of at most 4 KiB, which handlers read. `retry_after`, in seconds or
    as a text such as `"5m"`, is how long the engine should wait before another attempt.
    """

    def __init__(
        self, code: str, message: str = "", *, data: Any = None, retry_after: float | str | None = None
    ) -> None:
        super().__init__(code, message)
        if not _CODE.fullmatch(code):
            raise FieldError(
                f"{code[:80]!r} cannot be the code of a fault; it needs 1 to {CODE_CHARACTERS_MAX} "
                "letters, digits, `.`, `_` or `-`"
            )
        self.code = code
        self.message = message
        self.data = plain(data, "the fault's data", 3)
        size = len(json.dumps(self.data, ensure_ascii=False).encode())
        if size > DATA_BYTES_MAX:
            raise FieldError(f"the fault's data has {size:,} bytes; at most {DATA_BYTES_MAX:,} are allowed")
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code

    def __reduce__(self) -> tuple[Any, ...]:
        return _fault, (self.code, self.message, self.data, self.retry_after)


def _fault(code: str, message: str, data: Any, retry_after: float | str | None) -> Fault:
    return Fault(code, message, data=data, retry_after=retry_after)


def fault_of(problem: BaseException, trace: str | None = None) -> dict[str, Any]:
    """The fault that an exception is, as JSON.

    Its code is the exception's type, `KeyError` or `shop.errors.Declined`; with a `trace`, that is its data.
    """
    if isinstance(problem, Fault):
        fault: dict[str, Any] = {"code": problem.code, "message": text(problem.message)}
        if problem.data is not None:
            fault["data"] = problem.data
        if problem.retry_after is not None:
            fault["retry_after"] = problem.retry_after
        return fault
    kind, message = type(problem), text(str(problem))
    code = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    if isinstance(problem, FieldError):
        code = OWN_CODE
    elif not _CODE.fullmatch(code):
        code, message = OWN_CODE, f"{text(code)}: {message}"
    fault = {"code": code, "message": message}
    if trace:
        fault["data"] = {"traceback": _last(trace)}
    return fault


def trace_of(problem: BaseException) -> str:
    """The traceback as Python prints it."""
    return "".join(traceback.format_exception(type(problem), problem, problem.__traceback__))


def text(words: str) -> str:
    """Words that can be sent: half surrogates replaced, not too long."""
    return words[:MESSAGE_CHARACTERS_MAX].encode(errors="replace").decode()


def _last(trace: str) -> str:
    """The end of a traceback, which has the exception."""
    lines = trace.strip().encode(errors="replace").decode().splitlines()
    kept: list[str] = []
    room = _TRACEBACK_BYTES_MAX
    for line in reversed(lines):
        room -= len(json.dumps(line).encode())
        if room < 0:
            return "\n".join(["…", *reversed(kept)])
        kept.append(line)
    return "\n".join(reversed(kept))
