"""Canvases as definitions: what they look like, and what their options and links do.

They run on a real engine and a real Celery worker. `test_canvas_backend` compares results with Celery's own.
"""

from __future__ import annotations

import datetime
import json
import os
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from celery import chain, group, signature
from celery_tasks import add, app, echo, fail, kind, total

from bureaucrat import ProcessFailed
from bureaucrat.celery import CanvasError, durable


@pytest.fixture
def run(bureaucrat_client, shop):
    """Runs a canvas as a process, with a real Celery worker; `run.calls()` are the tasks that were called."""
    calls = Path(os.environ["SHOP_CALLS"])
    app.conf.task_default_queue = shop

    def launch(canvas, *args, **kwargs):
        calls.write_text("")
        launched = durable(canvas, client=bureaucrat_client).launch(*args, **kwargs)
        fields = launched.process.result(60)
        assert fields.keys() <= {"result"}, "only the result is left"
        assert launched.ready()
        return launched.get()

    launch.queue = shop
    launch.calls = lambda: [tuple(json.loads(line)) for line in calls.read_text().splitlines()]
    return launch


def test_maps_and_chunks_call_one_task_after_the_other(run):
    assert run(echo.map([1, "a", [2]])) == [[[1], {}], [["a"], {}], [[[2]], {}]]
    assert [call[1] for call in run.calls()] == [[1], ["a"], [[2]]]
    assert run(echo.starmap([(1,), (2, 3)])) == [[[1], {}], [[2, 3], {}]]


def test_links_run_beside_and_do_not_matter(run):
    canvas = chain(add.s(1, 2).set(link=[echo.s("linked"), fail.s()]), add.s(10))
    assert run(canvas) == 13
    assert ("math.echo", [3, "linked"], {}) in run.calls() and ("math.fail", [3], {}) in run.calls()
    assert run(group(add.s(1, 2), add.s(3, 4).set(link=echo.s()))) == [3, 7]
    assert ("math.echo", [7], {}) in run.calls()


def test_error_links_get_the_failed_activity(run):
    canvas = chain(add.s(1, 2), fail.s(), add.s(3)).on_error(echo.si("failed"))
    with pytest.raises(ProcessFailed, match="Declined: no money"):
        run(canvas)
    assert ("math.echo", ["failed"], {}) in run.calls()
    assert [call[0] for call in run.calls()].count("math.add") == 1
    with pytest.raises(ProcessFailed):
        run(fail.s().on_error(total.s()).set(link=echo.s("never")))
    (args,) = [args for name, args, _ in run.calls() if name == "math.sum"]
    assert re.fullmatch(r"[0-9a-f-]{36}_\w+", args[0])
    with pytest.raises(CanvasError, match="takes the request, the exception and the traceback"):
        durable(fail.s().on_error(signature("math.errback3", app=app)))


@app.task(name="math.errback3")
def errback3(request, problem, traceback):
    pass


def test_options_are_attributes():
    xml = durable(add.s(1, 2).set(queue="q{1}", priority=5, time_limit=30, expires=60, countdown=1.5), name="sums").xml
    assert xml == (
        '<process name="sums">\n'
        '  <delay duration="1.5s" />\n'
        '  <action participant="math.add" via="celery" into="result" queue="q{{1}}" priority="5" timeout="90s">\n'
        "    <arg>1</arg>\n"
        "    <arg>2</arg>\n"
        "  </action>\n"
        "</process>"
    )
    at = datetime.datetime(2030, 1, 2, 3, 4, 5)
    assert '<delay until="2030-01-02T03:04:05+00:00" />' in durable(add.s(1).set(eta=at)).xml
    assert 'exchange="e" routing-key="r"' in durable(add.s(1).set(exchange="e", routing_key="r")).xml
    assert f'queue="{app.conf.task_default_queue}"' in durable(add.s(1)).xml, "where Celery itself would send it"
    in_group = ElementTree.fromstring(durable(group(add.s(1), echo.s(2)).set(queue="g")).xml)
    assert [action.get("queue") for action in in_group.iter("action")] == ["g", "g"]
    for options, words in (
        ({"soft_time_limit": 1}, "set it where the task is defined"),
        ({"serializer": "pickle"}, "JSON alone"),
        ({"compression": "zlib"}, "no equivalent"),
        ({"expires": "soon"}, "a number of seconds is expected"),
    ):
        with pytest.raises(CanvasError, match=words):
            durable(add.s(1).set(**options))


def test_options_have_an_effect(run):
    options = {"countdown": 0.05, "priority": 3, "expires": 30, "time_limit": 30}
    assert run(add.s(1, 2).set(**options)) == 3
    with pytest.raises(ProcessFailed, match="Timeout"):
        run(add.s(1, 2).set(queue=run.queue + "-nobody", time_limit=0.1))


def test_a_canvas_is_revoked(bureaucrat_client, run):
    launched = durable(add.s(1, 2).set(queue=run.queue + "-nobody"), client=bureaucrat_client).launch()
    assert launched.revoke("not needed") and not launched.revoke()
    with pytest.raises(ProcessFailed, match="not needed"):
        launched.get(30)


def test_values_that_json_lacks_travel_as_celery_sends_them(run):
    assert run(group(kind.s(datetime.datetime.now()), kind.s(datetime.date(2026, 1, 2)))) == ["datetime", "date"]
    xml = durable(echo.s(datetime.datetime(2026, 1, 2), {"x": datetime.date(2026, 1, 2)})).xml
    assert '<arg>{"__type__": "datetime", "__value__": "2026-01-02T00:00:00"}</arg>' in xml
    with pytest.raises(CanvasError, match="cannot be sent as JSON"):
        durable(echo.s(object()))
    with pytest.raises(CanvasError, match="cannot be sent as JSON"):
        durable(echo.s(float("nan")))


def test_what_is_no_canvas_is_refused():
    for wrong in (3, "add", add, None, [add.s(1)]):
        with pytest.raises(CanvasError, match="is not a signature"):
            durable(wrong)
    with pytest.raises(CanvasError, match="by reference"):
        durable(echo.s("x" * (2 << 20)))
