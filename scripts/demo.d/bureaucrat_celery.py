"""Sends what Celery tasks return, or why they failed, back to bureaucrat.

Copy this file beside your tasks and import it where your app is made: `import bureaucrat_celery`. A task that bureaucrat
sends gets a workitem and returns it, its fields changed; an exception fails the process. Other tasks are left alone.
"""

import base64
import datetime
import decimal
import enum
import json
import math
import os
import re
import uuid

from celery.signals import task_failure, task_revoked, task_success, task_unknown

# The engine's setting `message_queue`.
ANSWERS = os.environ.get("BUREAUCRAT_MESSAGE_QUEUE", "bureaucrat_msgs")
# The ids of bureaucrat's tasks: the activity and its turn. Celery's own are plain UUIDs.
ASKED = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}_\w+)~\d+")


@task_success.connect
def succeeded(sender=None, result=None, **_):
    # A task that replaces itself by a chain leaves its id to the last step; the steps before have others.
    if not ASKED.fullmatch(sender.request.id) or answers_by_callback(sender.request):
        return
    try:
        if not isinstance(result, dict) or "fields" not in result:
            raise ValueError(f"the task {sender.name} returned {result!r:.200}, not the workitem that it got")
        send(sender.app, sender.request.id, fields=plain(result["fields"], "fields"))
    except (ValueError, RecursionError) as problem:
        send(sender.app, sender.request.id, fault={"message": str(problem)})


@task_failure.connect
def failed(sender=None, task_id=None, exception=None, **_):
    if answers_by_callback(sender.request):
        return
    # A step that fails ends the chain or chord that it is part of, and with that the task that was replaced.
    rest = [*(sender.request.chain or []), sender.request.chord or {}]
    for asked in [task_id, *(step.get("options", {}).get("task_id") for step in rest)]:
        if asked and ASKED.fullmatch(asked):
            kind = type(exception)
            module = "" if kind.__module__ == "builtins" else kind.__module__ + "."
            send(sender.app, asked, fault={"code": module + kind.__name__, "message": str(exception)})
            return


@task_revoked.connect
def revoked(sender=None, request=None, expired=False, **_):
    if ASKED.fullmatch(request.id):
        what = "expired" if expired else "was revoked"
        send(sender.app, request.id, fault={"code": "TaskRevoked", "message": f"the task {sender.name} {what}"})


@task_unknown.connect
def unknown(sender=None, name=None, id=None, **_):
    if id and ASKED.fullmatch(id):
        message = f"the Celery worker {sender.hostname} has no task named {name}"
        send(sender.app, id, fault={"code": "NotRegistered", "message": message})


def answers_by_callback(request):
    """Whether it is a task of `via="celery"`, whose callbacks bring its result to the engine."""
    links = [*(request.callbacks or ()), *(request.errbacks or ())]
    return any(dict(link).get("task", "").startswith("bureaucrat.") for link in links)


def send(app, asked, **answer):
    """Publishes the answer to a task of bureaucrat; its id says which activity waits for it, and under which turn."""
    header = {"message": "response", "target": ASKED.fullmatch(asked)[1], "origin": asked}
    with app.producer_pool.acquire(block=True) as producer:
        producer.publish(
            json.dumps({"header": header, **answer}),
            exchange="",
            routing_key=ANSWERS,
            content_type="application/x-bureaucrat-workitem",
            content_encoding="utf-8",
            delivery_mode=2,
            retry=True,
        )


def plain(value, place):
    """A value as JSON has it: dates as ISO 8601, Decimal and UUID as text, bytes in base64, sets and tuples as lists."""
    if isinstance(value, enum.Enum):
        return plain(value.value, place)
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): plain(inner, f"{place}.{key}") for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner, f"{place}[{index}]") for index, inner in enumerate(value)]
    if isinstance(value, (datetime.date, datetime.time)):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{place} is {value}, which JSON does not have")
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise ValueError(f"{place} is a {type(value).__name__}, which JSON does not have")
