"""The same participants as Celery tasks. The full name of a task is the name of the participant.

A task receives the workitem and returns it. The `task_success` handler sends the result to the engine.
"""

import json
import os

from celery import Celery
from celery.signals import task_success

from participants import PARTICIPANTS

app = Celery("demo", broker=os.environ["BUREAUCRAT_AMQP"])
# A single short-lived worker needs no result store, no control queues and no gossip.
app.conf.update(
    task_ignore_result=True,
    worker_enable_remote_control=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    # The worker notices a stop request only when its loop wakes up; checking the heartbeat wakes it every second.
    broker_heartbeat=10,
    broker_heartbeat_checkrate=10,
)


def task_for(participant):
    def task(workitem):
        participant(workitem["fields"])
        return workitem

    return task


for name, participant in PARTICIPANTS.items():
    app.task(task_for(participant), name=name)


@task_success.connect
def answer(result=None, **_):
    with app.producer_pool.acquire(block=True) as producer:
        producer.publish(
            json.dumps(result),
            exchange="",
            routing_key="bureaucrat_msgs",
            content_type="application/x-bureaucrat-workitem",
            content_encoding="utf-8",
            delivery_mode=2,
        )
