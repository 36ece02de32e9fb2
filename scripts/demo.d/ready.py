"""Exits with 0 if the engine's queues exist. Before that, a launch would be lost."""

import os
import sys

import pika

channel = pika.BlockingConnection(pika.URLParameters(os.environ["BUREAUCRAT_AMQP"])).channel()
try:
    for queue in ("bureaucrat", "bureaucrat_msgs", "bureaucrat_events"):
        channel.queue_declare(queue, passive=True)
except pika.exceptions.ChannelClosedByBroker as missing:
    sys.exit(str(missing))
