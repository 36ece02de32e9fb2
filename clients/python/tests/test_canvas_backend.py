"""Canvases as processes have the results that Celery itself has: `apply_async` on a real worker, with a result backend.

The backend is `rpc://` for canvases without chords, and SQLite for the others, because `rpc://` cannot count the
header of a chord.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from canvases import groups_in_groups, launches
from celery_tasks import app
from conftest import FOLDER, celery_worker

from bureaucrat.celery import durable

PATIENCE = 60

# Where Celery's worker returns something else than its own eager mode does, which is what the canvas says.
CELERY_LOSES = {
    # The chain that takes the task's place gets the worker's queue for replies, not that of the program.
    "task that replaces itself": "stuck",
    "group of a member that replaces itself": "stuck",
    # Only one result of the middle group reaches the last one.
    "three groups": "incomplete",
    # [[a, b]] becomes [a, b].
    "random 37": "without its outer list",
}


@pytest.fixture(scope="module")
def results(bureaucrat_engine, shop, tmp_path_factory):
    """What Celery and the engine return for each canvas."""
    folder = tmp_path_factory.mktemp("sqlite")
    environment = {**os.environ, **bureaucrat_engine.variables}
    others = {"SHOP_QUEUE": f"{shop}-sqlite", "SHOP_BACKEND": f"db+sqlite:///{folder}/results.db"}
    app.conf.task_default_queue = shop
    with celery_worker(f"{shop}-sqlite", {**environment, **others}, folder, "prefork"):
        programs = [_start("rpc", environment), _start("sqlite", {**environment, **others})]
        try:
            processes = _run_as_processes(bureaucrat_engine)
            outputs = [program.communicate(timeout=2 * PATIENCE) for program in programs]
        finally:
            for program in programs:
                program.kill()
                program.wait()
    assert all(program.returncode == 0 for program in programs), outputs
    celery = {name: outcome for output, _ in outputs for name, outcome in json.loads(output).items()}
    assert celery.keys() == processes.keys() == launches().keys()
    return celery, processes


def _start(backend: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "canvas_results.py", backend, *CELERY_LOSES],
        cwd=FOLDER,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run_as_processes(engine):
    from bureaucrat import Client

    with Client(engine.url, names=engine.names) as client, ThreadPoolExecutor(8) as pool:

        def run(launch):
            canvas, args, kwargs = launch
            return durable(canvas, client=client).launch(*args, **kwargs).get(PATIENCE)

        return dict(zip(launches(), pool.map(run, launches().values()), strict=True))


def eager(canvas, args, kwargs):
    """What the canvas says, according to Celery's own execution in this program."""
    return canvas.clone().apply(args, kwargs).get()


def unordered(value):
    """A result without the order of its lists."""
    if isinstance(value, list):
        return sorted((unordered(item) for item in value), key=json.dumps)
    return value


@pytest.mark.parametrize("name", launches())
def test_a_canvas_means_the_same(results, name):
    celery, processes = results[0][name], results[1][name]
    launch = launches()[name]
    if name in CELERY_LOSES:
        assert processes == eager(*launch)
        assert celery != {"value": processes}, "Celery gets it right: remove it from CELERY_LOSES and docs/celery.md"
    elif groups_in_groups(launch[0]):
        # Celery's worker returns the results of the inner groups in any order, not in that of the signatures.
        assert unordered(processes) == unordered(celery["value"])
        assert processes == eager(*launch)
    else:
        assert celery == {"value": processes}
