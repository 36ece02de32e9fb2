"""Conditions for bureaucrat in Python: reads the fields of a process, and returns verdicts, values
and faults. Outside of a guest, for tests, the same functions read what `set_fields` has set.

The faults of the readers are the same in all languages: KeyError if nothing is at a pointer,
TypeError if something else is, OverflowError for a number that does not fit the type. Nothing is
rounded, except decimal fractions to the nearest float.
"""

import functools
import json as _json
import math as _math


def set_fields(object):
    """Sets the fields that native tests read, as the text of a JSON object."""
    raise RuntimeError("fields can only be set in tests")


try:
    from componentize_py_types import Err as Fault
    from wit_world.imports import fields as _host, log as _log
except ImportError:
    from . import _mock as _host, _mock as _log
    from ._mock import Fault, set_fields

__all__ = [
    "Fault", "boolean", "digits", "get", "integer", "is_set", "item", "items", "json", "key",
    "keys", "log", "number", "set_fields", "text", "value", "verdict",
]  # fmt: skip


# Why a function failed; raise Fault("CODE: message") for a fault of the process. `value` is the text,
# at most 4,096 bytes by default. It is componentize-py's own class, which does not accept subclasses.
_LARGEST = 2**53
_KINDS = {
    "Null": "null",
    "Boolean": "a boolean",
    "Integer": "an integer",
    "BigInteger": "an integer",
    "Float": "a float",
    "Text": "a text",
    "List": "a list",
    "Record": "a record",
}


def _kind(found):
    """The contract's name of a value's kind, from the class that componentize-py made for it."""
    return None if found is None else type(found).__name__.removeprefix("Value_")


def log(words):
    """Leaves some words for people who look into an evaluation that fails.

    `bureaucrat module run` shows them. About 4,000 bytes are kept. In native tests they go to
    standard error.
    """
    _log.write(str(words).encode("utf-8", "replace"))


def get(pointer):
    """The value at a JSON Pointer as (kind, payload); None if nothing is there.

    Kinds are Null, Boolean, Integer, BigInteger, Float, Text, List and Record. The payload of a
    BigInteger is an int, of a List or Record how many items or keys it has, of Null None.
    """
    found = _host.get(pointer)
    kind = _kind(found)
    if kind is None:
        return None
    payload = None if kind == "Null" else found.value
    return kind, int(payload) if kind == "BigInteger" else payload


def is_set(pointer):
    """Whether anything but null is at a pointer."""
    return _kind(_host.get(pointer)) not in (None, "Null")


def _wrong(pointer, found, wanted):
    if found is None:
        return Fault(f"KeyError: nothing at `{pointer}`")
    return Fault(f"TypeError: `{pointer}` is {_KINDS[_kind(found)]}, not {wanted}")


def _read(pointer, kind, wanted):
    found = _host.get(pointer)
    if _kind(found) != kind:
        raise _wrong(pointer, found, wanted)
    return found.value


def boolean(pointer):
    return _read(pointer, "Boolean", "a boolean")


def integer(pointer):
    """An integer of 64 bits; OverflowError beyond, because other languages have no more. A float
    is a TypeError, 7.0 as well."""
    found = _host.get(pointer)
    if _kind(found) == "BigInteger":
        raise Fault(f"OverflowError: `{pointer}` is an integer beyond 64 bits")
    if _kind(found) != "Integer":
        raise _wrong(pointer, found, "an integer")
    return found.value


def digits(pointer):
    """The digits of an integer of any size; int() reads them, up to 4,300 by default."""
    found = _host.get(pointer)
    if _kind(found) not in ("Integer", "BigInteger"):
        raise _wrong(pointer, found, "an integer")
    return str(found.value)


def number(pointer):
    """A float, or an integer of at most 2**53 as one. OverflowError for larger ones, and for
    infinity."""
    found = _host.get(pointer)
    kind = _kind(found)
    if kind == "Float":
        if not _math.isfinite(found.value):
            raise Fault(f"OverflowError: `{pointer}` is beyond the largest float")
        return found.value
    if kind == "Integer" and -_LARGEST <= found.value <= _LARGEST:
        return float(found.value)
    if kind in ("Integer", "BigInteger"):
        raise Fault(f"OverflowError: `{pointer}` is an integer beyond 2^53")
    raise _wrong(pointer, found, "a number")


def text(pointer):
    return _read(pointer, "Text", "a text")


def items(pointer):
    """How many items a list has."""
    return _read(pointer, "List", "a list")


def keys(pointer):
    """The keys of a record, in order, without escapes."""
    found = _host.keys(pointer)
    if found is None:
        raise _wrong(pointer, _host.get(pointer), "a record")
    return found


def json(pointer):
    """The value at a pointer as JSON text, unchanged; only KeyError. json.loads reads it."""
    found = _host.json(pointer)
    if found is None:
        raise _wrong(pointer, None, "")
    return found


def item(pointer, index):
    """The pointer to an item of a list, from 0: item("/order/items", 3) is "/order/items/3"."""
    return f"{pointer}/{index}"


def key(pointer, name):
    """The pointer to a key of a record: key("/order", "a/b") is "/order/a~1b"."""
    return pointer + "/" + name.replace("~", "~0").replace("/", "~1")


def _protected(finish):
    def decorator(function):
        @functools.wraps(function)
        def call(*arguments):
            try:
                return finish(function(*arguments))
            except Fault:
                raise
            except Exception as error:
                raise Fault(f"{type(error).__name__}: {error}") from error

        return call

    return decorator


def _finish_verdict(holds):
    if not isinstance(holds, bool):
        raise TypeError(f"a condition returned {type(holds).__name__}, not bool")
    return holds


def verdict(function):
    """Decorates a condition. Any exception becomes a fault whose code is the exception's class;
    without it, an exception other than Fault is a trap."""
    return _protected(_finish_verdict)(function)


def value(function):
    """The same for a function that returns a value, of which json.dumps makes at most 64 KiB."""
    return _protected(lambda found: _json.dumps(found, allow_nan=False))(function)


