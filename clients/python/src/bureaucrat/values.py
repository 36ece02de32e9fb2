"""Python values as JSON, and back.

What JSON does not have is refused with the place where it was found, before anything is sent: the
engine could only turn such a message into a dead letter.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import enum
import json
import math
import uuid
from collections.abc import Mapping
from typing import Any

from .errors import FieldError

BODY_BYTES_MAX = 16 << 20
"""The largest message that the engine accepts."""

DEPTH_MAX = 100
"""How deep lists and records may be nested in a message, the message itself included."""


def plain(value: Any, place: str, depth: int = 0) -> Any:
    """The value as JSON has it.

    Dates become ISO 8601 text, Decimal and UUID text, bytes base64, timedelta seconds, sets and
    tuples lists, enumerations their values. `depth` is how deep the value itself is nested.
    """
    if isinstance(value, enum.Enum):
        return plain(value.value, place, depth)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise FieldError(f"{place} contains half of a surrogate pair, which is not Unicode text") from None
        return str(value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise FieldError(f"{place} is {value}, which JSON does not have")
        return value
    if isinstance(value, Mapping):
        _check_depth(place, depth)
        return {_name(key, place): plain(inner, f"{place}.{key}", depth + 1) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        _check_depth(place, depth)
        return [plain(inner, f"{place}[{index}]", depth + 1) for index, inner in enumerate(value)]
    if isinstance(value, (datetime.date, datetime.time)):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    raise FieldError(f"{place} is a {type(value).__name__}, which JSON does not have")


def _check_depth(place: str, depth: int) -> None:
    if depth >= DEPTH_MAX:
        raise FieldError(f"{place[:80]} is nested more than {DEPTH_MAX} deep; the engine accepts no more")


def _name(key: Any, place: str) -> str:
    name = plain(key, f"a name in {place}", DEPTH_MAX)
    return name if isinstance(name, str) else str(key)


def plain_fields(fields: Any, depth: int = 1) -> dict[str, Any]:
    """The fields of a process as JSON has them."""
    if not isinstance(fields, Mapping):
        raise FieldError(f"the fields are a {type(fields).__name__}; a mapping of names to values is expected")
    checked: dict[str, Any] = plain(fields, "fields", depth)
    reserved = next((name for name in checked if name.startswith("inst:")), None)
    if reserved is not None:
        raise FieldError(f"the field `{reserved}` is reserved: names that begin with `inst:` belong to the engine")
    return checked


def encode(value: Any, what: str) -> bytes:
    """A JSON body that the engine accepts; `what` names it in the error."""
    try:
        body = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except ValueError as problem:  # such as an integer of more digits than Python converts
        raise FieldError(f"{what} cannot be written as JSON: {problem}") from None
    check_size(body, what)
    return body


def check_size(body: bytes, what: str) -> None:
    if len(body) > BODY_BYTES_MAX:
        raise FieldError(f"{what} has {len(body):,} bytes; the engine accepts at most {BODY_BYTES_MAX:,}")


def decode(body: bytes) -> Any:
    """A JSON body.

    Raises ValueError for anything that is not JSON, Python's `NaN` and `Infinity` included.
    """
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
