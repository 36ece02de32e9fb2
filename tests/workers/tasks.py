"""Celery tasks of every kind that the handlers of bureaucrat_celery.py have to survive. The name of the queue comes from the test."""

import datetime
import decimal
import os
import signal
import threading
import time
import uuid

from celery import Celery, chain

import bureaucrat_celery  # noqa: F401: answers for all tasks below

app = Celery("shop", broker=os.environ["BUREAUCRAT_TEST_AMQP"])
app.conf.update(
    task_default_queue=os.environ["SHOP_QUEUE"],
    task_ignore_result=True,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
)


class Declined(Exception):
    pass


def set_field(workitem, **changes):
    workitem["fields"].update(changes)
    return workitem


@app.task(name="shop.unasked")
def unasked(fails=False):
    """A task of the app's own, which no process asked for and whose result is nobody's."""
    if fails:
        raise RuntimeError("nobody's business")


@app.task(name="shop.greet")
def greet(workitem):
    unasked.delay()
    unasked.delay(fails=True)
    return set_field(workitem, greeting="Hello " + workitem["fields"]["customer"])


@app.task(name="shop.waits")
def waits(workitem):
    """Holds a process of the pool until the test lets it go."""
    while not os.path.exists(workitem["fields"]["gate"]):
        time.sleep(0.02)
    return workitem


@app.task(name="shop.marks")
def marks(workitem):
    with open(workitem["fields"]["mark"], "w"):
        return workitem


@app.task(name="shop.first")
def first(workitem):
    return set_field(workitem, steps=["first"])


@app.task(name="shop.second")
def second(workitem):
    workitem["fields"]["steps"].append("second")
    return workitem


@app.task(name="shop.replaced", bind=True)
def replaced(self, workitem):
    return self.replace(chain(first.s(workitem), second.s()))


@app.task(name="shop.decline")
def decline(workitem):
    raise Declined("no money")


@app.task(name="shop.replaced_and_fails", bind=True)
def replaced_and_fails(self, workitem):
    return self.replace(chain(first.s(workitem), decline.s(), second.s()))


@app.task(name="shop.values")
def values(workitem):
    return set_field(
        workitem,
        at=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        day=datetime.date(2026, 1, 2),
        pause=datetime.timedelta(minutes=1.5),
        total=decimal.Decimal("9.90"),
        order=uuid.UUID("12345678-1234-5678-1234-567812345678"),
        photo=b"\xff\x00",
        tags={"new"},
        pair=(1, 2.5),
        by_number={1: "one"},
    )


@app.task(name="shop.not_a_number")
def not_a_number(workitem):
    return set_field(workitem, rates=[1.0, float("nan")])


@app.task(name="shop.an_object")
def an_object(workitem):
    return set_field(workitem, lock={"inner": object()})


@app.task(name="shop.returns_none")
def returns_none(workitem):
    workitem["fields"]["lost"] = True


@app.task(name="shop.retries", bind=True, default_retry_delay=0)
def retries(self, workitem):
    if self.request.retries < 2:
        raise self.retry(exc=Declined("busy"))
    return set_field(workitem, tries=self.request.retries + 1)


@app.task(name="shop.gives_up", bind=True, default_retry_delay=0, max_retries=1)
def gives_up(self, workitem):
    raise self.retry(exc=Declined("still busy"))


@app.task(name="shop.raises")
def raises(workitem):
    return workitem["fields"]["missing"]


@app.task(name="shop.killed")
def killed(workitem):
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(name="shop.hangs", time_limit=1)
def hangs(workitem):
    threading.Event().wait()
