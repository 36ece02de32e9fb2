"""What the tests share. Each test has participants, names and events of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest

from bureaucrat.testing import Engine

PATIENCE = 30.0
FOLDER = Path(__file__).parent
CELERY = [sys.executable, "-m", "celery", "-A", "celery_tasks", "worker", "--loglevel", "WARNING", "-n"]


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


@pytest.fixture(scope="session")
def shop(bureaucrat_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Celery worker for the tasks of `celery_tasks`; the name of its queue."""
    queue = f"{bureaucrat_engine.prefix}-shop"
    os.environ["SHOP_QUEUE"] = queue
    os.environ["SHOP_CALLS"] = str(tmp_path_factory.mktemp("celery") / "calls")
    environment = {**os.environ, **bureaucrat_engine.variables}
    with open(os.environ["SHOP_CALLS"] + ".log", "w") as output:
        worker = subprocess.Popen(
            [*CELERY, queue, "--concurrency", "4", "--pool", "threads"],
            cwd=FOLDER,
            env=environment,
            stdout=output,
            stderr=output,
        )
    yield queue
    worker.terminate()
    worker.wait(60)
