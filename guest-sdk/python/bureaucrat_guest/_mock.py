"""Fields for native tests, read as the engine reads them: numbers, texts and keys exactly as they
are written."""

import json as _json
import re
import sys
from dataclasses import dataclass

_fields = "{}"


@dataclass(frozen=True)
class Fault(Exception):
    """What componentize-py has for the contract's errors."""

    value: str

    def __str__(self):
        return self.value


def write(words):
    """Words for people, as the interface `log` has it."""
    print(words.decode("utf-8"), file=sys.stderr)


def _refuse(constant):
    raise ValueError(f"{constant} is not JSON")


# Integers stay texts, so that their number of digits does not matter.
_decoder = _json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse)
_space = re.compile(r"[ \t\n\r]*").match


def set_fields(object):
    """Sets the fields that native tests read, as the text of a JSON object."""
    global _fields
    object = object.strip(" \t\n\r")
    if not isinstance(_decoder.decode(object), dict):
        raise ValueError("fields are a JSON object")
    _fields = object


def _children(json):
    """The JSON texts in a list or record by index or key, in order. A key that occurs twice has its
    last value. The text was checked when it was set."""
    found = {}
    at = _space(json, 1).end()
    while json[at] not in "]}":
        name = str(len(found))
        if json[0] == "{":
            name, at = _decoder.raw_decode(json, at)
            at = _space(json, _space(json, at).end() + 1).end()  # the colon
        _, end = _decoder.raw_decode(json, at)
        found[name] = json[at:end]
        at = _space(json, end).end()
        if json[at] == ",":
            at = _space(json, at + 1).end()
    return found


def _find(pointer):
    if pointer == "":
        return _fields
    if not pointer.startswith("/"):
        return None
    found = _fields
    for token in pointer[1:].split("/"):
        if re.search("~(?![01])", token) or found[0] not in "[{":
            return None
        found = _children(found).get(token.replace("~1", "/").replace("~0", "~"))
        if found is None:
            return None
    return found


class Value_Null:
    pass


@dataclass(frozen=True)
class _Payload:
    value: object


class Value_Boolean(_Payload):
    pass


class Value_Integer(_Payload):
    pass


class Value_BigInteger(_Payload):
    pass


class Value_Float(_Payload):
    pass


class Value_Text(_Payload):
    pass


class Value_List(_Payload):
    pass


class Value_Record(_Payload):
    pass


def get(pointer):
    json = _find(pointer)
    if json is None:
        return None
    match json[0]:
        case "n":
            return Value_Null()
        case "t" | "f":
            return Value_Boolean(json == "true")
        case '"':
            return Value_Text(_decoder.decode(json))
        case "[":
            return Value_List(len(_children(json)))
        case "{":
            return Value_Record(len(_children(json)))
    if re.search("[.eE]", json):
        return Value_Float(float(json))
    if len(json) <= 20 and -(2**63) <= int(json) < 2**63:
        return Value_Integer(int(json))
    return Value_BigInteger(json)


def keys(pointer):
    json = _find(pointer)
    return list(_children(json)) if json is not None and json[0] == "{" else None


def json(pointer):
    return _find(pointer)
