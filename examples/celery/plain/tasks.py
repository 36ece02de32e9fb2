"""Ordinary Celery tasks. Nothing here knows about bureaucrat."""

import os

from celery import Celery

app = Celery("plain", broker=os.environ.get("BUREAUCRAT_AMQP", "amqp://guest:guest@localhost/"))
app.conf.update(
    task_default_queue="plain",
    # A task whose worker dies goes back to its queue, and another worker runs it: it may run twice.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # The worker waits until RabbitMQ has the result before it acknowledges the task.
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)


@app.task
def add(x, y):
    return x + y


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=3)
def flaky(self, value):
    """Fails twice, as a service that is down for a moment."""
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return value


@app.task
def check(value):
    if value > 100:
        raise ValueError(f"{value} is too much")
    return value
