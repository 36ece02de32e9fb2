"""The canvases that Celery and the engine must give the same results for: fixed ones, partial ones, and random ones."""

from __future__ import annotations

from random import Random
from typing import Any

from celery import chain, chord, group
from celery_tasks import add, become, echo, total

RANDOM = 40
LEVELS = 3


def pair(first: Any, second: Any):
    """A group of two sums."""
    return group(add.s(first, 1), add.s(second, 1))


def sums(*numbers: int):
    """A chord: the sum of the numbers, each plus one."""
    return chord([add.s(number, 1) for number in numbers], total.s())


CANVASES = {
    "task": add.s(1, 2),
    "keywords": add.s(1, y=5),
    "values": echo.s(None, True, -1.5, 2**70, "é 😀 \"'&lt;{}\n", [1, [2]], {"a": {"b": "&"}}, x="{y}"),
    "no arguments": echo.s(),
    "immutable task": echo.si(1, k=2),
    "task with a link": add.s(1, 2).set(link=echo.s("linked")),
    "task that replaces itself": become.s(1),
    # Chains
    "chain": chain(add.s(1, 2), add.s(3), add.s(4)),
    "chain of one": chain(add.s(1, 2)),
    "chain by pipe": add.s(1, 2) | add.s(3) | echo.s(k=1),
    "chain of chains": chain(chain(add.s(1, 2), add.s(3)), chain(add.s(4), echo.s())),
    "chain with keywords": chain(add.s(1, y=2), echo.s(3, k=4), echo.s(x=None)),
    "chain with a link": chain(add.s(1, 2).set(link=echo.s("linked")), add.s(3)),
    "link on a chain": chain(add.s(1, 2), add.s(3)).set(link=echo.s("linked")),
    "immutable step": chain(add.s(1, 2), add.si(3, 4), echo.s(5)),
    "immutable steps": chain(add.si(1, 2), echo.si(3), echo.si(k=4)),
    "step that replaces itself": chain(add.s(1, 2), become.s(), add.s(10)),
    "large results in a chain": chain(echo.s("x" * 100_000), echo.s(), echo.s(k="y")),
    # Groups
    "group": group(add.s(i, i) for i in range(5)),
    "group of one": group([add.s(1, 1)]),
    "group of unlike": group(add.s(1, 2), echo.s("x"), chain(add.s(1, 1), add.s(5))),
    "group with keywords": group(echo.s(i, key=i) for i in range(3)),
    "odd keywords": group(echo.s(**{'a"b&': i}) for i in range(2)),
    "group of immutable": group(echo.si(i) for i in range(3)),
    "group of chains": group(chain(add.s(i, 1), add.s(2)) for i in range(3)),
    "group of chains that end in groups": group(
        chain(add.s(1, 1), group(add.s(2), add.s(3))), chain(add.s(4, 5), add.s(6))
    ),
    "group in a group": group(group(add.s(1, 1), add.s(2, 2)), add.s(3, 3)),
    "groups in groups in groups": group(group(group(add.s(1, 1), add.s(2, 2)), add.s(3, 3)), add.s(4, 4)),
    "group of groups of one": group(group(add.s(1, 1)), group(add.s(2, 2))),
    "group of two chords": group(sums(1, 2), sums(3, 4)),
    "group of a member that replaces itself": group(become.s(1), add.s(1, 1)),
    "group with a link": group(add.s(1, 2), add.s(3, 4).set(link=echo.s("linked"))),
    "large group": group(echo.s(i) for i in range(200)),
    "large values": group(echo.s("x" * 5000), echo.s("y" * 3000)),
    "empty group": group(),
    # Groups in chains
    "chord by pipe": add.s(1, 1) | group(add.s(2), add.s(3)) | total.s() | add.s(100),
    "chain ends in a group": chain(add.s(1, 1), group(add.s(1), add.s(2))),
    "chain begins with a group": chain(pair(1, 2), echo.s()),
    "chain ends in a group of chains": chain(add.s(1, 1), group(chain(add.s(1), add.s(2)), chain(add.s(3), echo.s()))),
    "chain with a group of one": chain(add.s(1, 1), group(add.s(1)), echo.s()),
    "chain of a group of one": chain(group([add.s(1, 1)])),
    "chain ends in a group of one": chain(add.s(1, 1), chain(group([add.s(1)]))),
    "chain with an empty group": chain(add.s(1, 1), group(), echo.s()),
    "two groups": chain(group(echo.s(1), echo.s(2)), group(echo.s(3), echo.s(4))),
    "three groups": chain(pair(1, 2), group(echo.s(3), echo.s(4)), group(echo.s(5), total.si([1, 2]))),
    "group of groups in a chain": chain(add.s(1, 1), group(group(add.s(1), add.s(2)), add.s(3)), echo.s()),
    "immutable header": chain(add.s(1, 1), group(add.si(1, 2), add.si(3, 4)), total.s()),
    "immutable step after a group": chain(pair(1, 2), echo.si("done")),
    "large results": chain(group(echo.s("x" * 50_000) for _ in range(5)), echo.s()),
    "keywords after a group": chain(pair(1, 2), echo.s(3, k=4)),
    # Chords
    "chord": chord([add.s(i, i) for i in range(10)], total.s()),
    "chord of one": chord([add.s(1, 2)], total.s()),
    "chord of 50": sums(*range(50)),
    "chord of unlike": chord([add.s(1, 2), chain(add.s(1, 1), add.s(1))], total.s()),
    "chord with an immutable body": chord([add.s(1, 2), add.s(3, 4)], echo.si("done")),
    "chord with keywords": chord([echo.s(i, key=i) for i in range(3)], echo.s(k=1)),
    "chord whose body is a chain": chord([add.s(1, 2), add.s(3, 4)], chain(total.s(), add.s(1))),
    "chord whose body is a group": chord([add.s(1, 2), add.s(3, 4)], group(total.s(), echo.s(1))),
    "chord whose body is a group of one": chord([add.s(1, 2), add.s(3, 4)], group([echo.s(1)])),
    "chord whose body ends in a group of one": chord([add.s(1, 2), add.s(3, 4)], chain(group([echo.s(1)]))),
    "chord whose body is a chord": chord([add.s(1, 2), add.s(3, 4)], chord([total.s(), total.s()], echo.s(1))),
    "chord whose body replaces itself": chord([add.s(1, 2), add.s(3, 4)], chain(total.s(), become.s())),
    "chord in a header": chord([sums(1, 2), add.s(3, 4)], total.s()),
    "chords in a header": chord([sums(1, 2), sums(3, 4, 5)], total.s()),
    "chords in chords in chords": chord([chord([sums(1, 2), sums(3, 4)], total.s()), sums(5, 6)], total.s()),
    "chain in a header": chord([chain(add.s(1, 2), add.s(3), add.s(4)), chain(add.s(5, 6), add.s(7))], total.s()),
    "group in a header": chord([pair(1, 2), add.s(3, 4)], echo.s()),
    "chain with a group in a header": chord([chain(add.s(1, 1), group(add.s(1), add.s(2)), total.s())], echo.s()),
    "chain that ends in a group in a header": chord(
        [chain(add.s(1, 1), group(add.s(2), add.s(3))), add.s(4, 5)], echo.s()
    ),
    "header with a member that replaces itself": chord([become.s(1), add.s(2, 3)], total.s()),
    "chord with an empty header": chord([], echo.s()),
    "empty group in a header": chord([group(), add.s(1, 1)], echo.s()),
    "chord and a step": chain(sums(1, 2), add.s(10)),
    "chord in a chain": chain(add.s(1, 1), chord([add.s(1), add.s(2)], total.s()), add.s(10)),
    "chords in a chain": chain(sums(1, 2), chord([add.s(3), add.s(4)], total.s()), chord([add.s(5)], total.s())),
    "chord in a chain in a group": group(
        chain(add.s(1, 1), chord([add.s(1), add.s(2)], total.s())), chord([add.s(1, 2)], total.s())
    ),
    "chain of groups of chords": chain(group(sums(1, 2), sums(3, 4)), total.s(), group(add.s(1), add.s(2)), total.s()),
    "chains in groups in chains in groups": group(
        chain(add.s(1, 1), group(chain(add.s(1), add.s(2)), add.s(3)), total.s()),
        chain(add.s(2, 2), group(add.s(4), chain(add.s(5), group(add.s(6), add.s(7)), total.s())), total.s()),
    ),
    # Loops
    "map": echo.map([1, "a", [2]]),
    "starmap": add.starmap([(1, 2), (3, 4)]),
    "chunks": add.chunks([(i, i) for i in range(5)], 2),
    "chunks as a group": add.chunks([(i, i) for i in range(4)], 2).group(),
    "chain begins with a starmap": chain(add.starmap([(1, 2), (3, 4)]), total.s()),
    "map in a chain": chain(add.s(1, 1), echo.map([1, 2]), echo.s()),
    "chunks in a chain": chain(add.chunks([(i, i) for i in range(4)], 2).group(), echo.s()),
    "chain ends in chunks": chain(add.s(1, 1), add.chunks([(i, i) for i in range(3)], 2).group()),
    "maps in a header": chord([add.starmap([(1, 2), (3, 4)]), echo.map([5])], echo.s()),
}

PARTIAL: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]] = {
    "partial task": (add.s(2), (40,), {}),
    "partial task with keywords": (echo.s(2, x=1), (1,), {"y": 2, "x": 3}),
    "partial immutable task": (echo.si(1), (2,), {}),
    "partial chain": (chain(add.s(1), add.s(2)), (10,), {}),
    "partial group": (group(add.s(1), add.s(2)), (10,), {}),
    "partial group of chains": (group(chain(add.s(1), add.s(2)), echo.si(3)), (10,), {}),
    "partial chord": (chord([add.s(1), add.s(2)], total.s()), (10,), {}),
    "partial chain with a group": (chain(add.s(1), group(add.s(2), add.s(3)), total.s()), (10,), {}),
}


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


def launches() -> dict[str, tuple[Any, tuple[Any, ...], dict[str, Any]]]:
    """All canvases, with the arguments that complete them."""
    whole = {**CANVASES, **{f"random {seed}": random_canvas(Random(seed), LEVELS) for seed in range(RANDOM)}}
    return {**{name: (canvas, (), {}) for name, canvas in whole.items()}, **PARTIAL}


def has_chord(canvas: Any) -> bool:
    """Whether Celery needs a backend that can count: a chord, or a group that something follows."""
    kind = canvas.task
    if kind == "celery.chord":
        return True
    if kind in ("celery.chain", "celery.group"):
        tasks = list(canvas.kwargs["tasks"])
        followed = tasks[:-1] if kind == "celery.chain" else []
        return any(has_chord(task) for task in tasks) or any(task.task == "celery.group" for task in followed)
    return False


def groups_in_groups(canvas: Any) -> bool:
    """Whether a group or the header of a chord has members that are groups themselves."""
    if not isinstance(canvas, dict) or "task" not in canvas:
        return False
    kwargs = canvas["kwargs"]
    header = kwargs.get("header", ())
    members = header["kwargs"]["tasks"] if isinstance(header, dict) else list(header)
    parts = list(kwargs.get("tasks", ()))
    inner = members if canvas["task"] == "celery.chord" else parts if canvas["task"] == "celery.group" else ()
    below = [*members, *parts, kwargs.get("body")]
    return any(part["task"] == "celery.group" for part in inner) or any(groups_in_groups(part) for part in below)
