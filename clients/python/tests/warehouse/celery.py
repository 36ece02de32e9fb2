"""The app: RabbitMQ, no result backend, and either Celery's defaults or acknowledgements when a task is done."""

import os

from celery import Celery

app = Celery("warehouse", broker=os.environ["WAREHOUSE_BROKER"], include=["warehouse.tasks"])
app.conf.update(
    task_default_queue=os.environ["WAREHOUSE_QUEUE"],
    broker_connection_retry_on_startup=True,
)
if os.environ.get("WAREHOUSE_ACKS") == "late":
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        broker_transport_options={"confirm_publish": True},
    )
