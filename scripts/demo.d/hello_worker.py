"""The workers of definitions/hello.xml, in one process: `greeter` and `shortener`."""

import json
import os

import pika

channel = pika.BlockingConnection(pika.URLParameters(os.environ["BUREAUCRAT_AMQP"])).channel()


def greet(fields):
    fields["greeting"] = "Hello " + fields["customer"]


def shorten(fields):
    fields["greeting"] = fields["greeting"][:17] + "..."


WORK = {"greeter": greet, "shortener": shorten}


def work(channel, method, properties, body):
    task = json.loads(body)
    WORK[method.routing_key.removeprefix("worker_")](task["fields"])
    channel.basic_publish("", "bureaucrat_msgs", json.dumps(task), pika.BasicProperties(delivery_mode=2))
    channel.basic_ack(method.delivery_tag)


for name in WORK:
    channel.queue_declare("worker_" + name, durable=True)
    channel.basic_consume("worker_" + name, work)
channel.start_consuming()
