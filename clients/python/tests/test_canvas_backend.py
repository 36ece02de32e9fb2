"""Canvases as processes have the results that Celery itself has: `apply_async` on a real worker, with a result backend.

The backend is a folder, because `rpc://` cannot count the header of a chord.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from random import Random

from canvas_results import SEEDS
from celery_tasks import app
from conftest import CELERY, FOLDER
from test_canvas import CANVASES, random_canvas

from bureaucrat.celery import durable

# Celery's worker orders the results of groups within its chord's header otherwise than its own eager mode.
REORDERED_BY_CELERY = {23}


def test_results_are_those_of_celery_with_a_backend(bureaucrat_engine, bureaucrat_client, tmp_path, unique):
    environment = {
        **os.environ,
        **bureaucrat_engine.variables,
        "SHOP_QUEUE": unique,
        "SHOP_BACKEND": f"file://{tmp_path}",
        "SHOP_CALLS": str(tmp_path / "calls"),
    }
    with open(tmp_path / "worker.log", "w") as output:
        worker = subprocess.Popen(
            [*CELERY, unique, "--concurrency", "4", "--pool", "threads"],
            cwd=FOLDER,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        celery = subprocess.run(
            [sys.executable, "canvas_results.py"],
            cwd=FOLDER,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert celery.returncode == 0, celery.stderr + (tmp_path / "worker.log").read_text()
        expected = json.loads(celery.stdout)
        app.conf.task_default_queue = unique
        canvases = {**CANVASES, **{f"random {seed}": random_canvas(Random(seed), 3) for seed in SEEDS}}
        launched = {name: durable(canvas, client=bureaucrat_client).launch() for name, canvas in canvases.items()}
        results = {name: result.get(60) for name, result in launched.items()}
    finally:
        worker.terminate()
        worker.wait(60)
    assert len(results) == 47
    for seed in REORDERED_BY_CELERY:
        del results[f"random {seed}"], expected[f"random {seed}"]
    assert results == expected
