"""Canvases as definitions: what they look like, and that they mean the same.

They run on a real engine and a real Celery worker, and are compared with Celery's own eager execution.
"""

from __future__ import annotations

import datetime
import json
import os
import re
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from celery import chain, chord, group, signature
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


CANVASES = {
    "task": add.s(1, 2),
    "keywords": add.s(1, y=5),
    "values": echo.s(None, True, -1.5, 2**70, "é 😀 \"'&lt;{}\n", [1, [2]], {"a": {"b": "&"}}, x="{y}"),
    "no arguments": echo.s(),
    "chain": chain(add.s(1, 2), add.s(3), add.s(4)),
    "immutable step": chain(add.s(1, 2), add.si(3, 4), echo.s(5)),
    "group": group(add.s(i, i) for i in range(5)),
    "group of one": group([add.s(1, 1)]),
    "group of unlike": group(add.s(1, 2), echo.s("x"), chain(add.s(1, 1), add.s(5))),
    "group with keywords": group(echo.s(i, key=i) for i in range(3)),
    "odd keywords": group(echo.s(**{'a"b&': i}) for i in range(2)),
    "chord": chord([add.s(i, i) for i in range(10)], total.s()),
    "chord by pipe": add.s(1, 1) | group(add.s(2), add.s(3)) | total.s() | add.s(100),
    "chord of unlike": chord([add.s(1, 2), chain(add.s(1, 1), add.s(1))], total.s()),
    "chain ends in a group": chain(add.s(1, 1), group(add.s(1), add.s(2))),
    "group in a group": group(group(add.s(1, 1), add.s(2, 2)), add.s(3, 3)),
    "two groups": chain(group(echo.s(1), echo.s(2)), group(echo.s(3), echo.s(4))),
    "chord in a chain in a group": group(
        chain(add.s(1, 1), chord([add.s(1), add.s(2)], total.s())), chord([add.s(1, 2)], total.s())
    ),
    "chord whose body is a chain": chord([add.s(1, 2), add.s(3, 4)], chain(total.s(), add.s(1))),
    "immutable header": chain(add.s(1, 1), group(add.si(1, 2), add.si(3, 4)), total.s()),
    "large values": group(echo.s("x" * 5000), echo.s("y" * 3000)),
    "large results": chain(group(echo.s("x" * 50_000) for _ in range(5)), echo.s()),
}


def eager(canvas, *args, **kwargs):
    """What Celery's own execution returns."""
    result = canvas.clone().apply(args, kwargs)
    return result.get()


@pytest.mark.parametrize("name", CANVASES)
def test_a_canvas_means_the_same(run, name):
    assert run(CANVASES[name]) == eager(CANVASES[name])


def random_canvas(random: Random, depth: int):
    """A canvas of up to that many levels."""
    kind, count = random.random(), random.randint(1, 3)
    if depth == 0 or kind < 0.35:
        make = echo.si if random.random() < 0.2 else echo.s
        args = [random.choice([1, "x", None, [1], {"a": 2}]) for _ in range(random.randint(0, 2))]
        return make(*args, **({"k": random.randint(0, 9)} if random.random() < 0.3 else {}))
    parts = [random_canvas(random, depth - 1) for _ in range(count)]
    if kind < 0.6:
        return chain(*parts)
    return group(parts) if kind < 0.8 else chord(parts, random_canvas(random, random.choice([0, depth - 1])))


@pytest.mark.parametrize("seed", range(25))
def test_random_canvases_mean_the_same(run, seed):
    canvas = random_canvas(Random(seed), 3)
    assert run(canvas) == eager(canvas)


def test_maps_and_chunks_mean_the_same(run):
    # Celery's own run inside one task, `celery.map` and `celery.starmap`.
    assert run(echo.map([1, "a", [2]])) == [[[1], {}], [["a"], {}], [[[2]], {}]]
    assert [call[1] for call in run.calls()] == [[1], ["a"], [[2]]], "one after the other"
    assert run(add.starmap([(1, 2), (3, 4)])) == [3, 7]
    assert run(echo.starmap([(1,), (2, 3)])) == [[[1], {}], [[2, 3], {}]]
    assert run(add.chunks([(i, i) for i in range(5)], 2)) == [[0, 2], [4, 6], [8]]
    assert run(add.chunks([(i, i) for i in range(4)], 2).group()) == [[0, 2], [4, 6]]
    assert run(chain(add.starmap([(1, 2), (3, 4)]), total.s())) == 10


def test_partial_signatures_are_completed(run):
    assert run(add.s(2), 40) == eager(add.s(2), 40) == 42
    assert run(echo.s(2, x=1), 1, y=2, x=3) == eager(echo.s(2, x=1), 1, y=2, x=3)
    assert run(chain(add.s(1), add.s(2)), 10) == eager(chain(add.s(1), add.s(2)), 10)
    assert run(group(add.s(1), add.s(2)), 10) == eager(group(add.s(1), add.s(2)), 10)
    assert run(chord([add.s(1), add.s(2)], total.s()), 10) == 23


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
