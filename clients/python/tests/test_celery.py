"""`bureaucrat.celery.install` with a real Celery worker."""

from __future__ import annotations

import os
import subprocess

import pytest
from conftest import CELERY, FOLDER

from bureaucrat import ProcessFailed


def definition(task: str, queue: str) -> str:
    return f'<process><action participant="{task}" via="celery-workitem" queue="{queue}"/></process>'


def test_tasks_answer(bureaucrat_client, shop):
    process = bureaucrat_client.launch(definition("shop.greet", shop), {"customer": "Adä"})
    assert process.result(60) == {"customer": "Adä", "greeting": "Hello Adä"}
    assert bureaucrat_client.launch(definition("shop.values", shop)).result(60) == {
        "at": "2026-01-02T03:04:05+00:00",
        "total": "9.90",
        "order": "12345678-1234-5678-1234-567812345678",
        "pair": [1, 2.5],
    }
    assert bureaucrat_client.launch(definition("shop.tries", shop)).result(60) == {"retries": 2}
    process = bureaucrat_client.launch(definition("shop.replaced", shop), {"customer": "Ada"})
    assert process.result(60)["greeting"] == "Hello Ada"


@pytest.mark.parametrize(
    ("task", "code", "message"),
    [
        ("shop.decline", "celery_tasks.Declined", "no money"),
        ("shop.fault", "shop.Odd", "told"),
        ("shop.nothing", "ActionError", "returned None, not the workitem"),
        ("shop.nan", "ActionError", "fields.rate is nan"),
        ("shop.large", "ActionError", "the engine accepts at most"),
        ("shop.replaced_and_fails", "celery_tasks.Declined", "no money"),
        ("shop.nobody", "NotRegistered", "no task named shop.nobody"),
    ],
)
def test_what_goes_wrong_is_the_fault_of_the_process(bureaucrat_client, shop, task, code, message):
    with pytest.raises(ProcessFailed) as failed:
        bureaucrat_client.launch(definition(task, shop), {"customer": "Ada"}).result(60)
    assert failed.value.code == code
    assert message in failed.value.message
    if "Declined" in code:
        assert "raise Declined" in failed.value.data["traceback"]
    elif code == "shop.Odd":
        assert failed.value.data == {"left": 3}


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("SHOP_PICKLE", "yes", 'accepts only pickle; add "json" to its setting accept_content'),
        ("BUREAUCRAT_AMQP", "memory://", "the broker of this app is memory; set broker_url"),
    ],
)
def test_an_app_that_cannot_serve_ends_and_says_why(bureaucrat_engine, variable, value, words):
    environment = {**os.environ, **bureaucrat_engine.variables, "C_FORCE_ROOT": "1", variable: value}
    ended = subprocess.run(
        [*CELERY, "refused"], cwd=FOLDER, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode != 0
    assert words in ended.stderr
