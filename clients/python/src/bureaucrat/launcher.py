"""The launcher of the Python program of the same name (2015), for code that was written for it.

Same configuration keys, same arguments, and it returns nothing: it does not wait for the engine. New
code uses `Client`, which tells what became of a launch.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import IO, Any, Protocol
from urllib.parse import quote

from .definition import merge, read_file
from .errors import DefinitionError
from .link import Link
from .publisher import Message, Publisher
from .values import check_size

CONFIRM_SECONDS = 30.0


class Config(Protocol):
    """A dict, or a section of a `configparser.ConfigParser`."""

    def get(self, key: str, default: str, /) -> Any: ...


class Launcher:
    """Launches processes, over a connection for each launch."""

    def __init__(self, config: Config) -> None:
        """Takes `host`, `user`, `passwd`, `vhost`, `launcher_routing_key` and `launcher_exchange`."""
        host, vhost = config.get("host", "localhost"), config.get("vhost", "/")
        user, password = config.get("user", "guest"), config.get("passwd", "guest")
        self._url = f"amqp://{quote(user, safe='')}:{quote(password, safe='')}@{host}/{quote(vhost, safe='')}"
        self.launcher_key = str(config.get("launcher_routing_key", "bureaucrat"))
        self.exchange = str(config.get("launcher_exchange", ""))

    def launch(self, process_path: str | os.PathLike[str] | IO[Any], fields: Mapping[str, Any]) -> None:
        """Launches the definition in a file, with `fields` over its context.

        Returns when the broker has the launch. What the engine makes of it, it does not tell.
        """
        body = _merged(process_path, fields).encode()
        check_size(body, "the definition")
        link = Link(
            self._url, f"bureaucrat launcher {os.getpid()}", lambda new: publisher.opened(new), lambda: publisher.lost()
        )
        publisher = Publisher(link)
        properties = {"content_type": "application/xml", "message_id": str(uuid.uuid4())}
        link.start()
        try:
            link.await_first()
            publisher.publish(Message(self.exchange, self.launcher_key, body, properties)).result(CONFIRM_SECONDS)
        finally:
            link.close()


def _merged(process: str | os.PathLike[str] | IO[Any], fields: Mapping[str, Any]) -> str:
    if isinstance(process, (str, os.PathLike)):
        definition = read_file(process)
    else:
        content = process.read()
        definition = content.decode("utf-8-sig") if isinstance(content, bytes) else str(content)
    # As in the original, the types are those of the values, whatever the properties declared.
    merged = merge(definition, fields, typed=False)
    if "<process" not in merged:
        raise DefinitionError("the definition has no <process>")
    return merged
