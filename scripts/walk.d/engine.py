"""An engine with its page, a connection to it that can be cut, and workers that do what they are told."""

import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pika

ROOT = Path(os.environ["BUREAUCRAT_ROOT"])
PATIENCE = 60
POLICY = """
[default]
launches = true
participants = ["**"]
awaits = ["**"]
publishes = ["**"]
answers = ["**"]
definitions = ["*"]
deploys = ["*"]
cancels = ["*"]
calls = true
modules = "any"
on_fault = "incident"
[default.quotas]
live_processes = "unlimited"
launches_per_minute = "unlimited"
"""


def until(what: str, holds):
    """Waits until something holds; returns what it returned."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = holds()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {PATIENCE} s: {what}")
        time.sleep(0.05)


class Engine:
    """A running engine with a policy, whose page is behind a proxy of ours: its address stays when it restarts."""

    def __init__(self, folder: Path, amqp: str, name: str) -> None:
        self.folder = folder
        self.storage = folder / "storage"
        self.amqp = amqp
        self.queues = {queue: f"{name}-{queue}" for queue in ("launch", "message", "event", "result", "dead-letter")}
        policy = folder / "policy.toml"
        policy.write_text(POLICY)
        self.options = ["--policy", str(policy), "--http-listen", "0"]
        for queue, own in self.queues.items():
            self.options += [f"--{queue}-queue", own]
        for exchange in ("notice", "cancel", "result"):
            self.options += [f"--{exchange}-exchange", f"{name}-x{exchange}"]
        self.proxy = Proxy()
        self.url = f"http://127.0.0.1:{self.proxy.port}"
        self.start()
        self.token = (self.storage / "http-token").read_text().strip()

    def start(self) -> None:
        log = self.folder / "log"
        with log.open("w") as out:
            command = [os.environ["BUREAUCRAT"], "-f", "--storage", str(self.storage), "--amqp", self.amqp]
            self.process = subprocess.Popen(command + self.options, stdout=out, stderr=out, stdin=subprocess.DEVNULL)

        def address():
            if self.process.poll() is not None:
                raise AssertionError(f"the engine has ended: {log.read_text()}")
            text = log.read_text()
            found = re.search(r"http://127\.0\.0\.1:(\d+)", text)
            return found if "bureaucrat is running" in text else None

        self.proxy.target = int(until("the engine runs", address)[1])
        until("the engine is ready", self.is_ready)

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + "/api/v1/ready", timeout=10):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def end(self) -> None:
        self.stop()
        self.proxy.listener.close()

    def send(self, method: str, path: str, body=None, kind: str = "application/json"):
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        request = urllib.request.Request(self.url + "/api/v1" + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def deploy(self, text: str) -> None:
        self.send("POST", "/definitions", text.encode(), "application/xml")

    def launch(self, definition: str, key: str | None = None) -> str:
        body = {"definition": definition}
        if key:
            body["key"] = key
        return self.send("POST", "/processes", body)["process"]

    def state(self, process: str) -> str:
        return self.send("GET", f"/processes/{process}")["state"]

    def command(self, *arguments: str) -> str:
        command = [os.environ["BUREAUCRAT"], *arguments, "--storage", str(self.storage)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def publish(self, queue: str, body: bytes) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self.amqp))
        connection.channel().basic_publish("", self.queues[queue], body)
        connection.close()


class Proxy:
    """Forwards connections to the engine, until they are cut."""

    def __init__(self) -> None:
        self.target = 0
        self.is_cut = False
        self.pairs: set[socket.socket] = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                if self.is_cut:
                    raise ConnectionRefusedError
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self.pairs |= {client, server}
            for source, to in ((client, server), (server, client)):
                threading.Thread(target=self.forward, args=(source, to), daemon=True).start()

    def forward(self, source: socket.socket, to: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                to.sendall(data)
        except OSError:
            pass
        for end in (source, to):
            self.pairs.discard(end)
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def cut(self) -> None:
        self.is_cut = True
        for end in list(self.pairs):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def restore(self) -> None:
        self.is_cut = False


class Worker:
    """Does the tasks of participants: at once, when it is let, or wrongly."""

    def __init__(self, engine: Engine, participants: dict) -> None:
        self.participants = participants
        self.message_queue = engine.queues["message"]
        self.broken: set[str] = set()
        self.held: set[str] = set()
        self.let = threading.Condition()
        self.connection = pika.BlockingConnection(pika.URLParameters(engine.amqp))
        self.channel = self.connection.channel()
        self.channel.basic_qos(prefetch_count=1)
        for name in participants:
            self.channel.queue_declare("worker_" + name, durable=True)
            self.channel.queue_purge("worker_" + name)
            self.channel.basic_consume("worker_" + name, self.work)
        self.thread = threading.Thread(target=self.channel.start_consuming, daemon=True)
        self.thread.start()

    def work(self, channel, method, _properties, body) -> None:
        name = method.routing_key.removeprefix("worker_")
        with self.let:
            self.let.wait_for(lambda: name not in self.held, timeout=PATIENCE)
        task = json.loads(body)
        if name in self.broken:
            fault = {"code": "PrinterOnFire", "message": f"{name} cannot print: the printer is on fire"}
            task = {"header": task["header"], "fault": fault}
        else:
            self.participants[name](task["fields"])
        channel.basic_publish("", self.message_queue, json.dumps(task), pika.BasicProperties(delivery_mode=2))
        channel.basic_ack(method.delivery_tag)

    def hold(self, *names: str) -> None:
        self.held |= set(names)

    def release(self, *names: str) -> None:
        with self.let:
            self.held -= set(names)
            self.let.notify_all()

    def end(self) -> None:
        self.release(*self.held)
        self.connection.add_callback_threadsafe(self.channel.stop_consuming)
        self.thread.join(10)
        # Other tests with the same broker begin without them.
        channel = self.connection.channel()
        for name in self.participants:
            channel.queue_delete("worker_" + name)
        self.connection.close()
