"""What the fault runs launch: canvases of the app `warehouse`, the same as definitions, and their results.

The definitions are for workers with Celery's defaults, which lose tasks: each call has a `timeout` and a `retry`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CHORD_SIZE = 50
GROUP_SIZE = 500
# A lost task is found after this time. It must cover the wait in the queue behind some groups.
TIMEOUT = "10s"
RETRY = '<retry attempts="50" delay="100ms" factor="1"/>'


@dataclass(frozen=True)
class Kind:
    """One kind of order, whose number is `n`."""

    canvas: Callable[[int, str], Any]
    definition: Callable[[str, str], str]
    """By its name and the queue of the worker."""
    result: Callable[[int], Any]
    steps: frozenset[str | int]
    """What must have an effect."""


def _call(queue: str, task: str, into: str, *arguments: str, **keywords: str) -> str:
    args = "".join(f"<arg>{argument}</arg>" for argument in arguments)
    kwargs = "".join(f'<kwarg name="{name}">{value}</kwarg>' for name, value in keywords.items())
    order = '<kwarg name="order">context["order"]</kwarg>'
    return (
        f'<action participant="warehouse.tasks.{task}" via="celery" queue="{queue}" into="{into}" timeout="{TIMEOUT}">'
        f"{args}{kwargs}{order}{RETRY}</action>"
    )


def _all_of(queue: str, task: str, size: int, into: str) -> str:
    """A group: the task for each number that is less than `size`."""
    call = _call(queue, task, "part", 'context["number"]')
    return (
        f'<foreach select="list(range({size}))" property="number" parallel="0" '
        f'collect="context[\'part\']" into="{into}">'
        '<context><property name="part" type="json">null</property></context>'
        f"{call}</foreach>"
    )


def _process(name: str, *activities: str) -> str:
    return f'<process name="{name}">{"".join(activities)}</process>'


def _chain(n: int, order: str) -> Any:
    from celery import chain
    from warehouse.tasks import add, double

    return chain(
        add.s(n, 1, order=order, step="first"),
        double.s(order=order, step="double"),
        add.s(3, order=order, step="last"),
    )


def _chain_definition(name: str, queue: str) -> str:
    return _process(
        name,
        _call(queue, "add", "result", 'context["n"]', "1", step='"first"'),
        _call(queue, "double", "result", 'context["result"]', step='"double"'),
        _call(queue, "add", "result", 'context["result"]', "3", step='"last"'),
    )


def _chord(n: int, order: str) -> Any:
    from celery import chord
    from warehouse.tasks import count_again, total

    header = [count_again.s(number, order=order) for number in range(CHORD_SIZE)]
    return chord(header, total.s(order=order, step="total"))


def _chord_definition(name: str, queue: str) -> str:
    counts = _all_of(queue, "count", CHORD_SIZE, "counts")
    return _process(name, counts, _call(queue, "total", "result", 'context["counts"]', step='"total"'))


def _group(n: int, order: str) -> Any:
    from celery import group
    from warehouse.tasks import square

    return group(square.s(number, order=order) for number in range(GROUP_SIZE))


def _group_definition(name: str, queue: str) -> str:
    return _process(name, _all_of(queue, "square", GROUP_SIZE, "result"))


def _replace(n: int, order: str) -> Any:
    from warehouse.tasks import assemble

    return assemble.s(n, order=order)


def _replace_definition(name: str, queue: str) -> str:
    return _process(name, _call(queue, "assemble", "result", 'context["n"]'))


KINDS = {
    "chain": Kind(_chain, _chain_definition, lambda n: (n + 1) * 2 + 3, frozenset(["first", "double", "last"])),
    "chord": Kind(
        _chord,
        _chord_definition,
        lambda n: sum(range(1, CHORD_SIZE + 1)),
        frozenset([*range(CHORD_SIZE), "total"]),
    ),
    "group": Kind(
        _group, _group_definition, lambda n: [k * k for k in range(GROUP_SIZE)], frozenset(range(GROUP_SIZE))
    ),
    "replace": Kind(
        _replace, _replace_definition, lambda n: (n + 1) * 2, frozenset(["assemble", "add", "double"])
    ),
}
