"""The runs of `celery_faults` in a shorter form. `scripts/celery-faults` has the long one."""

from __future__ import annotations

import celery_faults
import pytest


@pytest.mark.parametrize("run", ["A", "B"])
def test_every_process_ends_once_though_engine_and_worker_are_killed(bureaucrat_amqp, tmp_path, run):
    print(celery_faults.run(bureaucrat_amqp, run, kills=4, worker_kills=3, seed=1, folder=tmp_path))
