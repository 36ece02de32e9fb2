"""Fixtures for pytest: an engine on a real broker, a client, workers.

The broker is the one that BUREAUCRAT_TEST_AMQP names, the engine the program from BUREAUCRAT_BINARY or
PATH. The queues of each test session have a prefix of their own, so that several sessions can share a
broker. The package imports this module only when a test asks for a fixture.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .client import Client
    from .testing import Engine
    from .worker import Worker


@pytest.fixture(scope="session")
def bureaucrat_amqp() -> str:
    """The address of the broker for tests."""
    url = os.environ.get("BUREAUCRAT_TEST_AMQP")
    if not url:
        pytest.fail("BUREAUCRAT_TEST_AMQP has to name a RabbitMQ, such as amqp://guest:guest@localhost:5672/%2f", False)
    return url


@pytest.fixture(scope="session")
def bureaucrat_engine(bureaucrat_amqp: str) -> Iterator[Engine]:
    """An engine for the whole session."""
    from .testing import Engine

    engine = Engine(bureaucrat_amqp)
    try:
        yield engine.start()
    finally:
        engine.remove()


@pytest.fixture
def bureaucrat_client(bureaucrat_engine: Engine) -> Iterator[Client]:
    """A client of that engine."""
    from .client import Client

    with Client(bureaucrat_engine.url, names=bureaucrat_engine.names) as client:
        yield client


@pytest.fixture
def bureaucrat_worker(bureaucrat_engine: Engine) -> Iterator[Callable[..., Worker]]:
    """Makes workers for that engine, `bureaucrat_worker(concurrency=2)`; each is stopped after the test.

    Register its participants, then call `start`.
    """
    from .worker import Worker

    workers: list[Worker] = []

    def make(**options: Any) -> Worker:
        workers.append(Worker(bureaucrat_engine.url, names=bureaucrat_engine.names, **options))
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()
