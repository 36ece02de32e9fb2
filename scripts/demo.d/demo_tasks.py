"""The same participants as Celery tasks. The full name of a task is the name of the participant.

A task gets the workitem and returns it; the handlers of bureaucrat_celery send what it returned back to the engine.
"""

import os

from celery import Celery

import bureaucrat_celery  # noqa: F401: answers for the tasks below
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
