"""What clients ask the engine for, as messages; and what they are told, as values.

Shared by the plain and the asyncio client. Sends nothing by itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .definition import merge, read_file
from .errors import DefinitionError, FieldError
from .values import check_size, encode, plain_fields

REFUSAL_HEADERS = {"bureaucrat-refusal": "reply"}
"""The engine then only replies to a request that it refuses, and keeps no dead letter."""

NAME_BYTES_MAX = 255
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(@[0-9]{1,10})?")
_PROCESS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Duplicate = Literal["refuse", "replace"]


@dataclass(frozen=True)
class Call:
    """A message to the engine, without its address."""

    content_type: str
    body: bytes


@dataclass(frozen=True)
class EventOutcome:
    """What became of an event."""

    status: str
    """`delivered`; `delivering` while it is still being handed out after 10 seconds, with the numbers so
    far; `repeated` if an event with its message id took effect before; `sent` without `wait`."""
    waiting: int = 0
    """How many activities waited for it."""
    taken: int = 0
    """How many of them took it."""
    parked: int = 0
    """How many of them are in parked processes, which keep it until they continue."""


@dataclass(frozen=True)
class Deployed:
    """A version of a deployed definition."""

    name: str
    version: int
    hash: str
    outcome: str
    """`new`, or `unchanged` if a version had this text already."""


def launch_call(
    definition: str | os.PathLike[str], fields: Mapping[str, Any] | None, key: str | None, duplicate: Duplicate
) -> Call:
    """A launch of an XML text, of a file, or of a deployed definition by its name."""
    if isinstance(definition, os.PathLike):
        definition = read_file(definition)
    elif not definition.lstrip("\ufeff \t\r\n").startswith("<"):
        return _named_launch(definition, fields or {}, key, duplicate)
    if key is not None or duplicate != "refuse":
        raise DefinitionError(
            "`key` and `duplicate` need a deployed definition: deploy this one and launch it by its name, "
            "or write them into its <process>"
        )
    body = merge(definition.removeprefix("\ufeff"), fields or {}).encode()
    check_size(body, "the definition")
    return Call("application/xml", body)


def _named_launch(name: str, fields: Mapping[str, Any], key: str | None, duplicate: Duplicate) -> Call:
    if not _NAME.fullmatch(name) or name.endswith(".xml"):
        raise DefinitionError(
            f"{name[:80]!r} is neither XML nor the name of a deployed definition, such as `order` or `order@3`; "
            "for a file, pass a pathlib.Path"
        )
    body: dict[str, Any] = {"process": name}
    if fields:
        body["fields"] = plain_fields(fields, 2)
    if key is not None:
        body["key"] = _short("the business key", key)
    if duplicate != "refuse":
        body["duplicate"] = duplicate
    return Call("application/x-bureaucrat-launch", encode(body, "the launch"))


def deploy_call(definition: str | os.PathLike[str]) -> Call:
    text = read_file(definition) if isinstance(definition, os.PathLike) else definition
    body = text.encode()
    check_size(body, "the definition")
    return Call("application/x-bureaucrat-definition", body)


def event_call(
    name: str, fields: Mapping[str, Any] | None, key: str | None, keep: float | str | None, process: str | None
) -> Call:
    """An event: its fields, and over them its name and what else is asked for."""
    body = plain_fields(fields or {})
    given = {
        "event": _short("the event's name", name),
        "key": None if key is None else _short("the event's key", key),
        "keep": keep,
        "process": None if process is None else process_id(process),
    }
    given = {member: value for member, value in given.items() if value is not None}
    for member in given:
        if member in body:
            raise FieldError(f"the field `{member}` and the argument for it are both given; omit one")
    return Call("application/json", encode({**given, **body}, "the event"))


def cancel_call(process: str, reason: str) -> Call:
    return Call(
        "application/x-bureaucrat-cancel",
        encode({"process": process_id(process), "reason": reason}, "the request to cancel"),
    )


def process_id(text: str) -> str:
    if not _PROCESS.fullmatch(text):
        raise FieldError(f"{text[:80]!r} is not the id of a process; it needs all 36 characters")
    return text


def _short(what: str, text: str) -> str:
    length = len(text.encode(errors="surrogatepass"))
    if not 1 <= length <= NAME_BYTES_MAX:
        raise FieldError(f"{what} has {length} bytes; 1 to {NAME_BYTES_MAX} are allowed")
    return text


def read_outcome(reply: dict[str, Any]) -> EventOutcome:
    counts = {name: int(reply.get(name, 0)) for name in ("waiting", "taken", "parked")}
    return EventOutcome(str(reply["status"]), **counts)


def read_deployed(reply: dict[str, Any]) -> Deployed:
    return Deployed(str(reply["process"]), int(reply["version"]), str(reply["hash"]), str(reply["outcome"]))
