"""A worker of plain pika for the participants `pack` and `fails`, as docs/workers.md shows it. The names come from the test."""

import json
import os

import pika

url = os.environ["BUREAUCRAT_TEST_AMQP"]
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
channel.confirm_delivery()
channel.basic_qos(prefetch_count=10)


def pack(fields):
    fields["packed"] = True


def fails(fields):
    raise ValueError("out of boxes")


WORK = {os.environ["PIKA_PREFIX"] + work.__name__: work for work in (pack, fails)}


def work(channel, method, properties, body):
    task = json.loads(body)
    try:
        WORK[method.routing_key.removeprefix("worker_")](task["fields"])
    except Exception as problem:
        task = {"header": task["header"], "fault": {"code": type(problem).__name__, "message": str(problem)}}
    channel.basic_publish("", os.environ["BUREAUCRAT_MESSAGE_QUEUE"], json.dumps(task), pika.BasicProperties(delivery_mode=2))
    channel.basic_ack(method.delivery_tag)


for name in WORK:
    channel.queue_declare("worker_" + name, durable=True)
    channel.basic_consume("worker_" + name, work)
channel.start_consuming()
