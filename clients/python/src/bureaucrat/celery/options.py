"""The options of signatures, as attributes of activities."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from celery.canvas import Signature

from .literals import CanvasError, attribute

# What Celery keeps about its own bookkeeping, or what has no meaning for a task that the engine sends.
_IGNORED = frozenset(
    "task_id reply_to root_id parent_id group_id group_index chord chord_size retry retry_policy add_to_parent "
    "producer connection publisher router replaced_task_nesting stamps stamped_headers on_stop_task ignore_result "
    "shadow argsrepr kwargsrepr delivery_mode mandatory immediate task_type route_name app interval max_retries".split()
)
_DELAYS = ("countdown", "eta")
_PLACES = ("queue", "exchange", "routing_key")
_LINKS = ("link", "link_error")
_LIMITS = ("expires", "time_limit")
_KNOWN = frozenset([*_DELAYS, *_PLACES, *_LINKS, *_LIMITS, "priority", "serializer", "soft_time_limit"])
# Of the options that a task itself has; its time limits are enforced by its worker.
_OF_TASKS = ("queue", "exchange", "routing_key", "priority", "expires", "serializer")


@dataclass(frozen=True)
class TaskOptions:
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Attributes of the action."""
    delay: Mapping[str, str] = field(default_factory=dict)
    """Attributes of a `<delay>` before it."""
    link: tuple[Any, ...] = ()
    link_error: tuple[Any, ...] = ()
    passed_on: Mapping[str, Any] = field(default_factory=dict)
    """Of a chain, group and the like: what its tasks get."""


def read_options(app: Any, signature: Signature, outer: Mapping[str, Any], *, is_task: bool = True) -> TaskOptions:
    """The options of a signature; those of the group around it win."""
    options = {**signature.options, **outer}
    unknown = next((name for name, value in options.items() if name not in _KNOWN | _IGNORED and value), None)
    if unknown is not None:
        raise CanvasError(
            f"the option `{unknown}` of {signature.task} has no equivalent in a process definition; omit it"
        )
    if options.get("soft_time_limit") is not None:
        raise CanvasError(
            f"the option `soft_time_limit` of {signature.task} cannot be sent with a task of a process; "
            "set it where the task is defined, @app.task(soft_time_limit=...)"
        )
    links = {name: _listed(signature.options.get(name)) for name in _LINKS}
    delay = _delay(options)
    if not is_task:
        passed_on = {
            name: options[name]
            for name in (*_PLACES, *_LIMITS, "priority", "serializer")
            if options.get(name) is not None
        }
        return TaskOptions({}, delay, links["link"], links["link_error"], passed_on)
    task = app.tasks.get(signature.task)
    own = {name: getattr(task, name, None) for name in _OF_TASKS}
    merged = {**own, **{name: value for name, value in options.items() if value is not None}}
    if merged.get("serializer") not in (None, "json"):
        raise CanvasError(f"{signature.task} uses the serializer `{merged['serializer']}`; the engine sends JSON alone")
    return TaskOptions(_attributes(app, signature, merged), delay, links["link"], links["link_error"])


def _attributes(app: Any, signature: Signature, options: Mapping[str, Any]) -> dict[str, str]:
    attributes = _place(app, signature, options)
    if options.get("priority") is not None:
        attributes["priority"] = str(int(options["priority"]))
    # The engine has one limit, from the moment it sends the task. It withdraws the task then.
    limits = [_seconds(signature, name, options[name]) for name in _LIMITS if options.get(name) is not None]
    if limits:
        attributes["timeout"] = _duration(sum(limits))
    return attributes


def _place(app: Any, signature: Signature, options: Mapping[str, Any]) -> dict[str, str]:
    """Where Celery itself would send the task."""
    given = {name: options[name] for name in _PLACES if options.get(name) is not None}
    names = {name: str(getattr(value, "name", value)) for name, value in given.items()}
    if "exchange" in names or ("routing_key" in names and "queue" not in names):
        return {name.replace("_", "-"): attribute(value) for name, value in names.items() if value}
    routed = app.amqp.router.route(dict(given), signature.task, signature.args, signature.kwargs)
    queue = getattr(routed.get("queue"), "name", None)
    # The engine sends Celery tasks to the queue `celery` by itself.
    return {"queue": attribute(str(queue))} if queue not in (None, "", "celery") else {}


def _delay(options: Mapping[str, Any]) -> dict[str, str]:
    if options.get("countdown") is not None:
        return {"duration": _duration(float(options["countdown"]))}
    eta = options.get("eta")
    if eta is None:
        return {}
    if isinstance(eta, datetime.datetime):
        # As Celery: a time without a zone is in UTC.
        eta = (eta if eta.tzinfo else eta.replace(tzinfo=datetime.timezone.utc)).isoformat()
    return {"until": str(eta)}


def _seconds(signature: Signature, name: str, value: Any) -> float:
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise CanvasError(f"the option `{name}` of {signature.task} is {value!r}; a number of seconds is expected")


def _duration(seconds: float) -> str:
    return f"{max(0.0, seconds):.3f}".rstrip("0").rstrip(".") + "s"


def _listed(links: Any) -> tuple[Any, ...]:
    if not links:
        return ()
    return tuple(links) if isinstance(links, (list, tuple)) else (links,)
