"""What the tests share. Each test has participants, names and events of its own."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator

import pika
import pytest

from bureaucrat.testing import Engine

PATIENCE = 30.0


@pytest.fixture
def unique() -> str:
    """A name that nothing else on the broker has."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def channel(bureaucrat_amqp: str) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    """A plain channel, for what a stranger may do."""
    connection = pika.BlockingConnection(pika.URLParameters(bureaucrat_amqp))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    if connection.is_open:
        connection.close()


@pytest.fixture
def until() -> Callable[[Callable[[], bool], str], None]:
    """Waits for a condition."""

    def wait(condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE} s"
            time.sleep(0.02)

    return wait


@pytest.fixture
def start_engine(bureaucrat_amqp: str) -> Iterator[Callable[..., Engine]]:
    """Starts an engine of the test's own."""
    engines: list[Engine] = []

    def start(**options: object) -> Engine:
        engine = Engine(options.pop("url", bureaucrat_amqp), **options)  # type: ignore[arg-type]
        engines.append(engine)
        return engine.start()

    yield start
    for engine in engines:
        engine.remove()
