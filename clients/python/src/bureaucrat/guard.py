"""A connection that survives messages whose properties pika cannot read.

Publishers choose properties. pika's decoder recurses into tables and rejects some values, and an error in
it would close the connection; the broker would then deliver the same message again, without end. Such a
message arrives without properties instead.
"""

from __future__ import annotations

import struct
from typing import Any

import pika
from pika import frame, spec
from pika.adapters.select_connection import SelectConnection
from pika.exceptions import AMQPError

_FRAME = struct.Struct(">BHL")
_CONTENT = struct.Struct(">HHQ")


class GuardedConnection(SelectConnection):
    """pika's connection, with another way to read frames."""

    def _read_frame(self) -> Any:
        try:
            return super()._read_frame()
        except (AMQPError, MemoryError):
            raise
        except Exception as problem:
            return without_properties(bytes(self._frame_buffer), problem)


def without_properties(buffer: bytes, problem: Exception) -> tuple[int, frame.Header]:
    """The content header at the beginning of a buffer, without its properties.

    Raises the problem again if there is another frame.
    """
    kind, channel, size = _FRAME.unpack_from(buffer)
    if kind != spec.FRAME_HEADER or size < _CONTENT.size:
        raise problem
    _, _, body_size = _CONTENT.unpack_from(buffer, _FRAME.size)
    properties = pika.BasicProperties()  # type: ignore[no-untyped-call]
    return _FRAME.size + size + 1, frame.Header(channel, body_size, properties)
