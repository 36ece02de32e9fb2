"""Whether the engine's queues are there: exits 0 if they are. A launch that comes sooner would have nowhere to go."""

import os
import sys

import pika

channel = pika.BlockingConnection(pika.URLParameters(os.environ["BUREAUCRAT_AMQP"])).channel()
try:
    for queue in ("bureaucrat", "bureaucrat_msgs", "bureaucrat_events"):
        channel.queue_declare(queue, passive=True)
except pika.exceptions.ChannelClosedByBroker as missing:
    sys.exit(str(missing))
