"""A service that knows nothing of bureaucrat: it takes requests over AMQP and replies, as RabbitMQ's tutorial on RPC shows it."""

import json
import os

import pika

url = os.environ["BUREAUCRAT_TEST_AMQP"]
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()


def serve(channel, method, properties, body):
    request = json.loads(body)
    headers = {}
    if "divide" in request and not request["by"]:
        headers, reply = {"error": "ZeroDivision"}, json.dumps("nothing can be divided by 0")
    elif "divide" in request:
        reply = json.dumps(request["divide"] / request["by"])
    elif "fault" in request:
        headers, reply = {"error": True}, json.dumps({"code": "shop.Busy", "message": "later", "data": {"line": 3}})
    elif "text" in request:
        reply = request["text"]
    else:
        reply = ""
    answer = pika.BasicProperties(correlation_id=properties.correlation_id, headers=headers)
    # Whoever asks must be able to stand a reply that comes twice.
    for _ in range(2):
        channel.basic_publish("", properties.reply_to, reply, answer)
    channel.basic_ack(method.delivery_tag)


queue = os.environ["SHOP_QUEUE"]
channel.queue_declare(queue, durable=True)
channel.basic_consume(queue, serve)
channel.start_consuming()
