"""Canvases as definitions: what they look like, that the engine accepts them, and that they mean the same.

The meaning is compared with Celery's own eager execution. `as_workitems` rewrites a definition so that
a worker of this package, which calls the Celery task, can serve it on any engine.
"""

from __future__ import annotations

import datetime
import re
from xml.etree import ElementTree

import celery_tasks
import pytest
from celery import chain, chord, group, signature
from celery_tasks import add, app, echo, fail, total

from bureaucrat import ProcessFailed
from bureaucrat.celery import CanvasError, durable
from bureaucrat.faults import Fault

QUEUE = celery_tasks.QUEUE


def as_workitems(xml: str, prefix: str) -> str:
    """The definition with each call of a Celery task as a task that carries arguments and brings a result."""
    root = ElementTree.fromstring(xml)
    for action in root.iter("action"):
        assert action.attrib.pop("via") == "celery"
        action.attrib.pop("queue", None)
        action.set("participant", prefix)
        arguments = list(action)
        for child in arguments:
            action.remove(child)
        ElementTree.SubElement(action, "in", {"name": "task"}).text = repr(action.get("title"))
        for number, arg in enumerate(child for child in arguments if child.tag == "arg"):
            ElementTree.SubElement(action, "in", {"name": f"arg{number:03}"}).text = arg.text
        for child in arguments:
            if child.tag == "kwarg":
                ElementTree.SubElement(action, "in", {"name": f"kwarg {child.get('name')}"}).text = child.text
        into = action.attrib.pop("into", None)
        if into is not None:
            ElementTree.SubElement(action, "out", {"name": into}).text = 'context["inst:answer"]["result"]'
        else:
            ElementTree.SubElement(action, "out", {"name": "unused"}).text = "None"
    return ElementTree.tostring(root, encoding="unicode")


@pytest.fixture
def run(bureaucrat_client, bureaucrat_worker, unique):
    """Runs a canvas on the engine; returns its result and the tasks that were called."""
    calls = []
    worker = bureaucrat_worker(concurrency=8)

    @worker.participant(unique)
    def work(task):
        name = task.fields["task"]
        args = [task.fields[field] for field in sorted(task.fields) if field.startswith("arg")]
        kwargs = {field[6:]: value for field, value in task.fields.items() if field.startswith("kwarg ")}
        calls.append((name, args, kwargs))
        try:
            result = app.tasks[name].run(*args, **kwargs)
        except celery_tasks.Declined as problem:
            raise Fault("shop.Declined", str(problem)) from None
        task.fields = {"result": result}

    worker.start()
    worker.wait_ready(30)

    def launch(canvas, *args, **kwargs):
        xml = durable(canvas).xml
        if args or kwargs:
            from bureaucrat.celery.compiler import compile_canvas

            xml = compile_canvas(canvas, None, args, kwargs)
        titled = re.sub(r'(<action participant="([^"]*)")', r'\1 title="\2"', xml)
        calls.clear()
        process = bureaucrat_client.launch(as_workitems(titled, unique))
        fields = process.result(60)
        fields.pop("unused", None)
        assert fields.keys() <= {"result"}, "only the result is left"
        return fields.get("result")

    launch.calls = calls
    return launch


CANVASES = {
    "task": add.s(1, 2),
    "keywords": add.s(1, y=5),
    "values": echo.s(None, True, -1.5, 2**70, 'é 😀 "\'&lt;{}\n', [1, [2]], {"a": {"b": "&"}}, x="{y}"),
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


def test_maps_and_chunks_mean_the_same(run):
    # Celery's own run inside one task, `celery.map` and `celery.starmap`.
    assert run(echo.map([1, "a", [2]])) == [[[1], {}], [["a"], {}], [[[2]], {}]]
    assert [call[1] for call in run.calls] == [[1], ["a"], [[2]]], "one after the other"
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
    assert ("math.echo", [3, "linked"], {}) in run.calls and ("math.fail", [3], {}) in run.calls
    assert run(group(add.s(1, 2), add.s(3, 4).set(link=echo.s()))) == [3, 7]
    assert ("math.echo", [7], {}) in run.calls


def test_error_links_get_the_failed_activity(run):
    canvas = chain(add.s(1, 2), fail.s(), add.s(3)).on_error(echo.si("failed"))
    with pytest.raises(ProcessFailed, match="shop.Declined: no money"):
        run(canvas)
    assert ("math.echo", ["failed"], {}) in run.calls
    assert [call[0] for call in run.calls].count("math.add") == 1
    with pytest.raises(ProcessFailed):
        run(fail.s().on_error(total.s()).set(link=echo.s("never")))
    (args,) = [args for name, args, _ in run.calls if name == "math.sum"]
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
        "</process>\n"
    )
    at = datetime.datetime(2030, 1, 2, 3, 4, 5)
    assert '<delay until="2030-01-02T03:04:05+00:00" />' in durable(add.s(1).set(eta=at)).xml
    assert 'exchange="e" routing-key="r"' in durable(add.s(1).set(exchange="e", routing_key="r")).xml
    assert f'queue="{QUEUE}"' in durable(add.s(1)).xml, "where Celery itself would send it"
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


def test_values_that_json_lacks_travel_as_celery_sends_them():
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
