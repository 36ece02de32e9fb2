"""A small load for the dashboard: orders that move, wait, are approved, and sometimes fail.

Called by `scripts/demo --page`: the address of the page, and the file with the token. Needs BUREAUCRAT_AMQP. Ends when
it is told to.
"""

import json
import os
import random
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pika

URL, TOKEN = sys.argv[1], Path(sys.argv[2]).read_text().strip()
ORDER = """<process name="order" on-fault="incident">
  <context>
    <property name="number" type="int">0</property>
    <property name="amount" type="float">0</property>
  </context>
  <action participant="reserve" title="Reserve the goods"/>
  <switch>
    <case>
      <condition>context["amount"] &gt; 500</condition>
      <await event="approved" key="{context['number']}" title="Somebody approves the amount"/>
    </case>
  </switch>
  <all>
    <action participant="charge" title="Charge the card"/>
    <action participant="pack" title="Pack the parcel"/>
  </all>
  <delay duration="2s" title="The van comes"/>
  <action participant="ship" title="Hand over the parcel"/>
</process>"""
REPORT = """<process name="report">
  <schedule cron="*/5 * * * *"/>
  <action participant="pack" title="Write the report"/>
</process>"""
# How often a participant fails, and with what.
FAULTS = {"charge": (0.06, "CardDeclined", "the bank has declined the card"), "reserve": (0.02, "NoStock", "none is left")}


def call(path: str, body: bytes, kind: str = "application/json") -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
    request = urllib.request.Request(URL + "/api/v1" + path, body, headers, method="POST")
    with urllib.request.urlopen(request, timeout=60):
        pass


def work() -> None:
    """A worker for all participants, with a moment for each task."""
    connection = pika.BlockingConnection(pika.URLParameters(os.environ["BUREAUCRAT_AMQP"]))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=1)

    def do(channel, method, _properties, body) -> None:
        participant = method.routing_key.removeprefix("worker_")
        connection.sleep(random.uniform(0.1, 0.6))
        task = json.loads(body)
        often, code, message = FAULTS.get(participant, (0, "", ""))
        if random.random() < often:
            task = {"header": task["header"], "fault": {"code": code, "message": message}}
        else:
            task["fields"][f"{participant}_at"] = round(time.time())
        channel.basic_publish("", "bureaucrat_msgs", json.dumps(task), pika.BasicProperties(delivery_mode=2))
        channel.basic_ack(method.delivery_tag)

    for participant in ("reserve", "charge", "pack", "ship"):
        channel.queue_declare("worker_" + participant, durable=True)
        channel.basic_consume("worker_" + participant, do)
    channel.start_consuming()


for definition in (ORDER, REPORT):
    call("/definitions", definition.encode(), "application/xml")
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
waiting: list[int] = []
number = 1000
while True:
    number += 1
    fields = {"number": number, "amount": round(random.expovariate(1 / 250), 2)}
    call("/processes", json.dumps({"definition": "order", "key": f"A-{number}", "fields": fields}).encode())
    waiting.append(number)
    # Somebody approves most of them, after a while.
    if len(waiting) > 12:
        approved = waiting.pop(random.randrange(6))
        if random.random() < 0.9:
            call("/events", json.dumps({"event": "approved", "key": approved}).encode())
    time.sleep(random.uniform(0.5, 1.5))
