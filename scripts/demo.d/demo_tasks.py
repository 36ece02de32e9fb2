"""The same participants as Celery tasks: a task's full name is the participant's.

A task gets the workitem and returns it; the handlers of bureaucrat_celery send what it returned back to the engine.
"""

import os

from celery import Celery

import bureaucrat_celery  # noqa: F401: answers for the tasks below
from participants import PARTICIPANTS

app = Celery("demo", broker=os.environ["BUREAUCRAT_AMQP"])
# One worker for a minute: no result store, no control queues, no talk with other workers.
app.conf.update(
    task_ignore_result=True,
    worker_enable_remote_control=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    # It heeds a request to stop only when something wakes its loop; looking after the heartbeat does, each second.
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
