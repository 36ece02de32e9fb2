"""Celery tasks that know nothing of bureaucrat, of every kind that calls have to survive. What the app is like comes from the test."""

import datetime
import decimal
import os
import signal
import threading
import time
import uuid

from celery import Celery, chain, chord, group
from kombu import Queue

app = Celery("calls", broker=os.environ["BUREAUCRAT_TEST_AMQP"], backend=os.environ.get("CALLS_BACKEND") or None)
queue = os.environ["SHOP_QUEUE"]
app.conf.update(
    task_default_queue=queue,
    task_queues=[Queue(queue, durable=True, queue_arguments={"x-queue-type": "quorum"})] if os.environ.get("CALLS_QUORUM") else None,
    task_protocol=int(os.environ.get("CALLS_PROTOCOL", "2")),
    task_serializer=os.environ.get("CALLS_SERIALIZER", "json"),
    accept_content=["json", os.environ.get("CALLS_SERIALIZER", "json")],
    result_serializer=os.environ.get("CALLS_SERIALIZER", "json"),
    worker_redirect_stdouts=False,
    worker_send_task_events=bool(os.environ.get("CALLS_EVENTS")),
    broker_connection_retry_on_startup=True,
)


class Declined(Exception):
    pass


class Unpicklable(Exception):
    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")
        self.lock = threading.Lock()


@app.task(name="shop.echo")
def echo(*args, **kwargs):
    return {"args": args, "kwargs": kwargs}


@app.task(name="shop.add")
def add(one, other):
    return one + other


@app.task(name="shop.total")
def total(numbers):
    return sum(numbers)


@app.task(name="shop.nothing")
def nothing():
    return None


@app.task(name="shop.values")
def values():
    return {
        "at": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        "day": datetime.date(2026, 1, 2),
        "total": decimal.Decimal("9.90"),
        "order": uuid.UUID("12345678-1234-5678-1234-567812345678"),
        "photo": b"\xff\x00",
        "text": b"plain",
        "pair": (1, 2.5),
    }


@app.task(name="shop.kind")
def kind(value):
    return type(value).__name__


@app.task(name="shop.raises")
def raises():
    return {}["missing"]


@app.task(name="shop.decline")
def decline(*args):
    raise Declined("no money", 7)


@app.task(name="shop.unpicklable")
def unpicklable():
    raise Unpicklable("one", "two")


@app.task(name="shop.an_object")
def an_object():
    return {"inner": object()}


@app.task(name="shop.not_a_number")
def not_a_number():
    return float("nan")


@app.task(name="shop.retries", bind=True, default_retry_delay=0)
def retries(self):
    if self.request.retries < 2:
        raise self.retry(exc=Declined("busy"))
    return self.request.retries + 1


@app.task(name="shop.gives_up", bind=True, default_retry_delay=0, max_retries=1)
def gives_up(self):
    raise self.retry(exc=Declined("still busy"))


@app.task(name="shop.replaced", bind=True)
def replaced(self, one, other):
    return self.replace(chain(add.s(one, other), add.s(10), add.s(100)))


@app.task(name="shop.replaced_and_fails", bind=True)
def replaced_and_fails(self):
    return self.replace(chain(add.s(1, 2), decline.s(), add.s(1)))


@app.task(name="shop.grouped", bind=True)
def grouped(self):
    return self.replace(chord(group(add.s(1, 2), add.s(3, 4)), total.s()))


@app.task(name="shop.starts_others")
def starts_others():
    """Tasks of the app's own, whose results are nobody's."""
    add.delay(1, 2)
    decline.delay()
    group(add.s(1, 2), decline.s()).delay()
    return "started"


@app.task(name="shop.hangs", time_limit=1)
def hangs():
    threading.Event().wait()


@app.task(name="shop.killed")
def killed():
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="shop.killed_once", acks_late=True, reject_on_worker_lost=True)
def killed_once(mark):
    """Its process dies the first time; the second time it returns."""
    if not os.path.exists(mark):
        open(mark, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


@app.task(name="shop.waits", acks_late=True, reject_on_worker_lost=True)
def waits(mark, gate):
    """Says that it runs, and runs until the test lets it end."""
    with open(mark, "a") as runs:
        runs.write("x")
    while not os.path.exists(gate):
        time.sleep(0.02)
    return "let go"


@app.task(name="shop.marks")
def marks(mark):
    open(mark, "w").close()


@app.task(name="shop.large")
def large(size):
    return "x" * size
