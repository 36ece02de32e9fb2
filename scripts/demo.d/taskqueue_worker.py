"""A taskqueue worker in plain pika. A worker needs only an AMQP client.

The argument names the module with the participants: `participants` or `hello_participants`.
"""

import importlib
import json
import os
import sys

import pika

# Name of the participant: a function that changes the fields.
PARTICIPANTS = importlib.import_module(sys.argv[1]).PARTICIPANTS

channel = pika.BlockingConnection(pika.URLParameters(os.environ["BUREAUCRAT_AMQP"])).channel()


def work(channel, method, properties, body):
    task = json.loads(body)
    PARTICIPANTS[method.routing_key.removeprefix("worker_")](task["fields"])
    channel.basic_publish("", "bureaucrat_msgs", json.dumps(task), pika.BasicProperties(delivery_mode=2))
    channel.basic_ack(method.delivery_tag)


for name in PARTICIPANTS:
    channel.queue_declare("worker_" + name, durable=True)
    channel.basic_consume("worker_" + name, work)
channel.start_consuming()
