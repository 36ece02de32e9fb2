"""What the tests share. Each test has participants, names and events of its own."""

from __future__ import annotations

import contextlib
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


@contextlib.contextmanager
def celery_worker(queue: str, environment: dict[str, str], folder: Path, pool: str = "threads") -> Iterator[None]:
    """A Celery worker for the tasks of `celery_tasks`."""
    with open(folder / "worker.log", "w") as output:
        worker = subprocess.Popen(
            [*CELERY, queue, "--concurrency", "4", "--pool", pool],
            cwd=FOLDER,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(60)


@pytest.fixture(scope="session")
def shop(bureaucrat_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The queue of a Celery worker."""
    folder = tmp_path_factory.mktemp("celery")
    queue = f"{bureaucrat_engine.prefix}-shop"
    os.environ["SHOP_QUEUE"] = queue
    os.environ["SHOP_CALLS"] = str(folder / "calls")
    with celery_worker(queue, {**os.environ, **bureaucrat_engine.variables}, folder):
        yield queue
