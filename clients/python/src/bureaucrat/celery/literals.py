"""Python values in a definition: as expressions where they are small, else as fields.

An expression is at most 4 KiB, and all of a definition 64 KiB, so large values are properties, which
expressions only select.
"""

from __future__ import annotations

import json
from typing import Any

from kombu.utils import json as kombu_json

from ..errors import BureaucratError
from ..values import plain

EXPRESSION_BYTES_MAX = 512
EXPRESSIONS_BYTES_MAX = 16 << 10


class CanvasError(BureaucratError, ValueError):
    """A canvas, or a part of one, that cannot be said in a process definition."""


class Literals:
    """The values of one definition."""

    def __init__(self) -> None:
        self.properties: dict[str, str] = {}
        """The fields to declare, with their JSON texts."""
        self._bytes = 0

    def expression(self, value: Any) -> str:
        """An expression for a value."""
        typed = _typed(value)
        text = _expression(typed)
        size = len(text.encode())
        if size > EXPRESSION_BYTES_MAX or self._bytes + size > EXPRESSIONS_BYTES_MAX:
            return expression_of_field(self._declare(typed))
        self._bytes += size
        return text

    def property(self, value: Any) -> str:
        """The name of a field that has the value."""
        return self._declare(_typed(value))

    def lookup(self, place: str, key: str) -> str:
        """An expression for a member of a record."""
        return f"{place}[{_expression(key)}]"

    def _declare(self, typed: Any) -> str:
        name = f"data{len(self.properties) + 1}"
        # Characters that XML cannot hold are escaped.
        self.properties[name] = json.dumps(typed, ensure_ascii=True)
        return name


def expression_of_field(name: str, quote: str = '"') -> str:
    return f"context[{quote}{name}{quote}]"


def attribute(text: str) -> str:
    """A text in an attribute, which is a template as soon as it has a brace."""
    return text.replace("{", "{{").replace("}", "}}") if "{" in text else text


def _typed(value: Any) -> Any:
    """The value as Celery would send it: dates and the like in kombu's notation."""
    try:
        text = kombu_json.dumps(value)  # type: ignore[no-untyped-call]
        return plain(json.loads(text), "an argument", 2)
    except (TypeError, ValueError, RecursionError) as problem:
        raise CanvasError(f"the argument {value!r:.80} cannot be sent as JSON: {problem}") from None


def _expression(value: Any) -> str:
    """A JSON value as an expression."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_expression(key)}: {_expression(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_expression, value)) + "]"
    if isinstance(value, str):
        # JSON's escapes are also Python's. `&` is escaped because the engine reads `&lt;` in an expression as `<`.
        quoted = json.dumps(value, ensure_ascii=False).replace("&", "\\u0026").replace("\x7f", "\\u007f")
        return "".join(char if char.isprintable() else _escape(char) for char in quoted)
    return repr(value)


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
