"""Celery tasks of every kind, for a real worker. The test names its queue."""

import datetime
import decimal
import json
import os
import uuid

from celery import Celery, chain
from celery.signals import task_prerun

from bureaucrat import Fault
from bureaucrat.celery import install

QUEUE = os.environ.get("SHOP_QUEUE", "shop")

# The backend tells the engine why a task failed. Chords of Celery's own need another one.
app = Celery(
    "shop",
    broker=os.environ.get("BUREAUCRAT_AMQP", "amqp://guest:guest@localhost/"),
    backend=os.environ.get("SHOP_BACKEND", "rpc://"),
)
app.conf.update(
    task_default_queue=QUEUE,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    task_acks_late=True,
    # Celery looks into a backend that is a folder each second to see whether the header of a chord has ended.
    result_chord_retry_interval=0.3,
    broker_transport_options={"confirm_publish": True},
)
if os.environ.get("SHOP_PICKLE"):
    app.conf.accept_content = ["pickle"]
install(app)


@task_prerun.connect
def note(task=None, args=None, kwargs=None, **_):
    """Tells the test which tasks were called, in which order."""
    if task.name.startswith("math.") and "SHOP_CALLS" in os.environ:
        with open(os.environ["SHOP_CALLS"], "a") as file:
            file.write(json.dumps([task.name, list(args), kwargs]) + "\n")


class Declined(Exception):
    pass


def change(workitem, **fields):
    workitem["fields"].update(fields)
    return workitem


@app.task(name="shop.greet")
def greet(workitem):
    unasked.delay()
    return change(workitem, greeting="Hello " + workitem["fields"]["customer"])


@app.task(name="shop.unasked")
def unasked():
    raise RuntimeError("a task of the app's own, which no process asked for")


@app.task(name="shop.values")
def values(workitem):
    return change(
        workitem,
        at=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        total=decimal.Decimal("9.90"),
        order=uuid.UUID("12345678-1234-5678-1234-567812345678"),
        pair=(1, 2.5),
    )


@app.task(name="shop.decline")
def decline(workitem):
    raise Declined("no money")


@app.task(name="shop.fault")
def fault(workitem):
    raise Fault("shop.Odd", "told", data={"left": 3})


@app.task(name="shop.nothing")
def nothing(workitem):
    return None


@app.task(name="shop.nan")
def nan(workitem):
    return change(workitem, rate=float("nan"))


@app.task(name="shop.large")
def large(workitem):
    return change(workitem, large="x" * (17 << 20))


@app.task(name="shop.tries", bind=True, max_retries=3)
def tries(self, workitem):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return change(workitem, retries=self.request.retries)


@app.task(name="shop.replaced", bind=True)
def replaced(self, workitem):
    return self.replace(chain(greet.s(workitem), greet.s()))


@app.task(name="shop.replaced_and_fails", bind=True)
def replaced_and_fails(self, workitem):
    return self.replace(chain(greet.s(workitem), decline.s(), greet.s()))


# Tasks that know nothing of the engine, for the canvas.


@app.task(name="math.add")
def add(x, y=0):
    return x + y


@app.task(name="math.sum")
def total(numbers):
    return sum(numbers)


@app.task(name="math.echo")
def echo(*args, **kwargs):
    return [list(args), kwargs]


@app.task(name="math.fail")
def fail(*args):
    raise Declined("no money")


@app.task(name="math.kind")
def kind(value):
    return type(value).__name__


@app.task(name="math.become", bind=True)
def become(self, x):
    return self.replace(chain(add.s(x, 100), add.s(1000)))
