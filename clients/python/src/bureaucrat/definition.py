"""Puts a launch's fields into the `<context>` of a definition.

Everything else in the text stays as it was written, in its line, so that the engine's diagnostics
also hold for the file. The definition is not checked otherwise; the engine does that.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from .errors import DefinitionError, FieldError
from .values import plain_fields

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
_TAG = re.compile(rb"""<(?:[^"'>]|"[^"]*"|'[^']*')*>""")
_EXPECTED = {"int": "an integer", "float": "a number", "str": "a text", "bool": "true or false"}


def read_file(path: str | os.PathLike[str]) -> str:
    """The text of a definition in a file."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DefinitionError(f"{os.fspath(path)} is not UTF-8: {problem}") from None


def merge(definition: str, fields: Mapping[str, Any], *, typed: bool = True) -> str:
    """The definition with `fields` in its context; properties of the same names are replaced.

    With `typed`, the type that a replaced property declares holds: numbers and truths become text
    for `str`, integers become floats for `float`, and any other value of another type is refused.
    """
    checked = plain_fields(fields)
    if not checked:
        return definition
    outline = _Outline(definition.encode(), checked)
    properties = "".join(
        _property(name, value, outline.declared.get(name) if typed else None, outline.searchable.get(name))
        for name, value in checked.items()
    )
    edits = [outline.insertion(properties.encode())]
    # Line breaks stay, so that the lines after a removed property keep their numbers.
    edits += [(start, end, b"\n" * outline.text.count(b"\n", start, end)) for start, end in outline.overridden]
    merged, rest = [], 0
    for start, end, replacement in sorted(edits):
        merged += [outline.text[rest:start], replacement]
        rest = end
    merged.append(outline.text[rest:])
    return b"".join(merged).decode()


class _Outline:
    """What merging must know about a definition; places are in bytes."""

    def __init__(self, text: bytes, overrides: Mapping[str, Any]) -> None:
        self.text = text
        self.overridden: list[tuple[int, int]] = []
        self.declared: dict[str, str] = {}
        self.searchable: dict[str, str | None] = {}
        self._overrides = overrides
        self._root: tuple[int, int, str] | None = None
        self._context: tuple[int, int] | None = None
        self._context_end: int | None = None
        self._path: list[str] = []
        self._property: int | None = None
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        try:
            parser.Parse(text, True)
        except expat.ExpatError as problem:
            raise DefinitionError(f"the definition is not XML: {problem}") from None

    def insertion(self, properties: bytes) -> tuple[int, int, bytes]:
        """Where the properties go: after the others, so that they count if a name is declared twice."""
        if self._context is not None and self._context_end is not None:
            if self._is_empty(self._context[1]):
                return self._opened(*self._context, properties + b"</context>")
            return self._context_end, self._context_end, properties
        assert self._root is not None, "a text without a root is not XML"
        start, end, name = self._root
        context = b"<context>" + properties + b"</context>"
        if self._is_empty(end):
            return self._opened(start, end, context + b"</" + name.encode() + b">")
        return end, end, context

    def _opened(self, start: int, end: int, content: bytes) -> tuple[int, int, bytes]:
        """An empty element with content."""
        tag = self.text[start:end].removesuffix(b"/>").removesuffix(b">").rstrip()
        return start, end, tag + b">" + content

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        start = self._parser.CurrentByteIndex
        if not self._path:
            self._root = (start, self._tag_end(start), name)
        elif len(self._path) == 1 and name == "context" and self._context is None:
            self._context = (start, self._tag_end(start))
        elif len(self._path) == 2 and self._path[1] == "context" and attributes.get("name") in self._overrides:
            self._property = start
            # Of two properties with one name the later counts, its type too.
            self.declared[attributes["name"]] = attributes.get("type", "")
            self.searchable[attributes["name"]] = attributes.get("searchable")
        self._path.append(name)

    def _end(self, name: str) -> None:
        self._path.pop()
        # The place of the end tag; of an empty element, the end of its only tag.
        end = self._parser.CurrentByteIndex
        if len(self._path) == 2 and self._property is not None:
            tag_end = self._tag_end(self._property)
            self.overridden.append((self._property, tag_end if self._is_empty(tag_end) else self._tag_end(end)))
            self._property = None
        if len(self._path) == 1 and self._context is not None and self._context_end is None:
            self._context_end = end

    def _doctype(self, *_: Any) -> None:
        raise DefinitionError("a definition cannot have a DOCTYPE; remove it")

    def _tag_end(self, start: int) -> int:
        """The end of the tag that begins there; `>` is allowed in quotes."""
        match = _TAG.match(self.text, start)
        assert match is not None, "expat found a tag there"
        return match.end()

    def _is_empty(self, tag_end: int) -> bool:
        """Whether the tag that ends there is that of an empty element."""
        return self.text[tag_end - 2 : tag_end] == b"/>"


def _property(name: str, value: Any, declared: str | None, searchable: str | None = None) -> str:
    """One property, typed by its value once that fits the declared type.

    Texts that XML cannot hold or a reader might trim, and numbers beyond 64 bits, go as `json`, which
    is exact.
    """
    if _CONTROL.search(name):
        raise FieldError(f"the field name {name[:80]!r} cannot be written in XML")
    value = _fitted(name, value, declared)
    if isinstance(value, bool):
        kind, text = "bool", str(int(value))
    elif isinstance(value, int) and -(2**63) <= value < 2**63:
        kind, text = "int", str(value)
    elif isinstance(value, float):
        kind, text = "float", repr(value)
    elif (
        isinstance(value, str)
        and value.strip() == value
        and not re.search("[\r\n]", value)
        and not _NOT_XML.search(value)
    ):
        kind, text = "str", value
    else:
        kind, text = "json", _json(name, value)
    found = "" if searchable is None else f" searchable={quoteattr(searchable)}"
    return f'<property name={quoteattr(name)} type="{kind}"{found}>{escape(text)}</property>'


def _fitted(name: str, value: Any, declared: str | None) -> Any:
    """The value as one of the declared type, if nothing has to be guessed for that."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if declared not in _EXPECTED:
        return value
    if declared == "str" and isinstance(value, bool):
        return "true" if value else "false"
    if declared == "str" and is_number:
        return _json(name, value)
    if declared == "float" and is_number:
        # A larger integer would lose digits as a float of Python; the engine keeps them.
        return float(value) if abs(value) < 2**53 else value
    fits = {
        "int": isinstance(value, int) and not isinstance(value, bool),
        "str": isinstance(value, str),
        "bool": isinstance(value, bool),
    }
    if not fits.get(declared, False):
        raise FieldError(
            f"the field `{name}` is {_kind(value)}, but its property is of type `{declared}`; "
            f"send {_EXPECTED[declared]}, or change the type"
        )
    return value


def _kind(value: Any) -> str:
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number with decimals",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return kinds.get(type(value), "null")


def _json(name: str, value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError as problem:
        raise FieldError(f"the field `{name}` cannot be written as JSON: {problem}") from None
    # Characters that XML forbids can only be in strings, where an escape means the same.
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
