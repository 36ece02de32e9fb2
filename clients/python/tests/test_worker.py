"""The worker with a real engine."""

from __future__ import annotations

import asyncio
import json
import math
import struct
import threading
from dataclasses import replace
from pathlib import Path

import pika
import pytest

from bureaucrat import AnswerStore, Fault, ProcessFailed, Task, Worker

ACTION = '<process name="{0}"><action participant="{0}"/></process>'


def start(worker):
    """Starts a worker; its queues exist when this returns."""
    worker.start()
    worker.wait_ready(30)


def failure(process):
    """The fault of a process."""
    with pytest.raises(ProcessFailed) as failed:
        process.result(30)
    return failed.value


def test_a_function_changes_the_fields(bureaucrat_client, bureaucrat_worker, unique):
    worker = bureaucrat_worker()

    @worker.participant(unique)
    def work(task: Task):
        assert task.process == task.activity.split("_")[0] and task.id.startswith(task.activity + "~")
        del task.fields["gone"]
        task.fields["greeting"] = "Grüße, " + task.fields["name"]
        return {"big": 2**63, "list": [1, 2.5, None, {"ключ": "😀"}]}

    start(worker)
    process = bureaucrat_client.launch(ACTION.format(unique), {"name": "Adä 😀", "gone": 1, "kept": [1]})
    assert process.result(30) == {
        "name": "Adä 😀",
        "kept": [1],
        "greeting": "Grüße, Adä 😀",
        "big": 2**63,
        "list": [1, 2.5, None, {"ключ": "😀"}],
    }


def test_an_async_function_is_awaited(bureaucrat_client, bureaucrat_worker, unique):
    worker = bureaucrat_worker()

    @worker.participant(unique)
    async def work(task: Task):
        await asyncio.sleep(0)
        return {"done": True}

    start(worker)
    assert bureaucrat_client.launch(ACTION.format(unique)).result(30) == {"done": True}


class NotThere(Exception):
    pass


class Größe(Exception):
    pass


def raises(problem):
    def function(task):
        raise problem

    return function


@pytest.mark.parametrize(
    ("function", "code", "message"),
    [
        (raises(Fault("shop.Declined", "no money", data={"left": 3})), "shop.Declined", "no money"),
        (raises(KeyError("customer")), "KeyError", "'customer'"),
        (raises(NotThere("weg")), "test_worker.NotThere", "weg"),
        (raises(Größe("zu groß")), "ActionError", "test_worker.Größe: zu groß"),
        (raises(SystemExit(3)), "SystemExit", "3"),
        (lambda task: Fault("not a code!"), "ActionError", "cannot be the code of a fault"),
        (lambda task: {"rate": math.nan}, "ActionError", "fields.rate is nan"),
        (lambda task: {"rates": [1, {"x": math.inf}]}, "ActionError", "fields.rates[1].x is inf"),
        (lambda task: {"o": object()}, "ActionError", "fields.o is a object"),
        (lambda task: {"half": "\ud800"}, "ActionError", "half of a surrogate pair"),
        (lambda task: {"inst:now": 1}, "ActionError", "inst:now"),
        (lambda task: {"large": "x" * (17 << 20)}, "ActionError", "the engine accepts at most"),
        (lambda task: {"huge": 10**5000}, "ActionError", "cannot be written as JSON"),
        (lambda task: [1], "ActionError", "returned a list"),
        (raises(NotThere("\ud800" * 10_000)), "test_worker.NotThere", "???"),
        (raises(ValueError("x" * 9000)), "ValueError", "xxx"),
        (lambda task: Fault("Odd", data="x" * 5000), "ActionError", "at most 4,096"),
    ],
)
def test_what_goes_wrong_is_the_fault_of_the_process(
    bureaucrat_client, bureaucrat_worker, unique, function, code, message
):
    worker = bureaucrat_worker(concurrency=1)
    worker.participant(unique)(function)
    start(worker)
    failed = failure(bureaucrat_client.launch(ACTION.format(unique)))
    assert failed.code == code
    assert message in failed.message
    if code == "shop.Declined":
        assert failed.data == {"left": 3}
    else:
        assert failed.data["traceback"].startswith(("Traceback", "…"))


def test_retry_after_replaces_the_pause_of_a_retry(bureaucrat_client, bureaucrat_worker, unique):
    worker, attempts = bureaucrat_worker(), []

    @worker.participant(unique)
    def work(task: Task):
        attempts.append(task.id)
        if len(attempts) < 3:
            raise Fault("Busy", data={"left": 1}, retry_after="20ms")
        return {"attempts": len(attempts)}

    start(worker)
    definition = f'<process><action participant="{unique}"><retry attempts="3" delay="1h"/></action></process>'
    assert bureaucrat_client.launch(definition).result(30) == {"attempts": 3}
    assert len(set(attempts)) == 3


def test_progress_is_shown_and_keeps_a_heartbeat(
    bureaucrat_engine, bureaucrat_client, bureaucrat_worker, unique, until
):
    worker, go = bureaucrat_worker(), threading.Event()

    @worker.participant(unique)
    def work(task: Task):
        with pytest.raises(ValueError, match="16,384"):
            task.progress("x" * 20_000)
        for step in range(20_000):
            task.progress({"step": step})
        assert go.wait(30)

    start(worker)
    process = bureaucrat_client.launch(ACTION.format(unique))

    def shown():
        return '"step":19999' in bureaucrat_engine.command("show", process.id, "--json").stdout.replace(" ", "")

    until(shown, "the last progress is shown")
    go.set()
    assert process.result(30) == {}


def test_a_withdrawn_task_is_told_and_answers_nothing(bureaucrat_client, bureaucrat_worker, unique):
    worker, begun, ended = bureaucrat_worker(), threading.Event(), threading.Event()

    @worker.participant(unique)
    def work(task: Task):
        begun.set()
        try:
            task.wait(60)
        finally:
            if task.cancelled:
                ended.set()

    start(worker)
    process = bureaucrat_client.launch(ACTION.format(unique))
    assert begun.wait(30)
    assert process.cancel("not needed")
    assert ended.wait(30)
    assert failure(process).code == "Cancelled"


def test_a_withdrawn_async_task_is_cancelled(bureaucrat_client, bureaucrat_worker, unique):
    worker, begun, ended = bureaucrat_worker(), threading.Event(), threading.Event()

    @worker.participant(unique)
    async def work(task: Task):
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.set()
            raise

    start(worker)
    process = bureaucrat_client.launch(ACTION.format(unique))
    assert begun.wait(30)
    process.cancel()
    assert ended.wait(30)


def test_what_is_not_a_task_is_dropped_and_the_worker_continues(bureaucrat_client, bureaucrat_worker, channel, unique):
    worker, calls = bureaucrat_worker(), []
    worker.participant(unique)(lambda task: calls.append(task.id) or {"done": True})
    channel.queue_declare(f"worker_{unique}", durable=True)
    for body in (
        b"",
        b"\xff",
        b"{",
        b"[]",
        b"null",
        b'{"header": 3}',
        b'{"header": {}, "fields": {}}',
        b"[" * 100_000,
        b'{"header": {"target": "a", "origin": "b"}, "fields": {}}',
        b"NaN",
        b"<process/>",
        b"\0" * (40 << 20),
    ):
        channel.basic_publish("", f"worker_{unique}", body)
    start(worker)
    assert bureaucrat_client.launch(ACTION.format(unique)).result(30) == {"done": True}
    assert len(calls) == 1


def test_a_queue_that_is_deleted_is_made_again(bureaucrat_client, bureaucrat_worker, channel, unique):
    worker = bureaucrat_worker()
    worker.participant(unique)(lambda task: {"done": True})
    start(worker)
    channel.queue_delete(f"worker_{unique}")
    assert bureaucrat_client.launch(ACTION.format(unique)).result(30) == {"done": True}


class Raw(pika.BasicProperties):
    """Properties as bytes, as any publisher may send them."""

    def __init__(self, flag: int, encoded: bytes) -> None:
        super().__init__()
        self.raw = [struct.pack(">H", flag), encoded]

    def encode(self) -> list[bytes]:
        return self.raw


def table(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def test_properties_that_pika_cannot_read_do_not_stop_a_worker(
    bureaucrat_client, bureaucrat_worker, channel, unique, caplog
):
    worker, deep = bureaucrat_worker(), b""
    for _ in range(3000):
        deep = b"\x01aF" + table(deep)
    worker.participant(unique)(lambda task: {"done": True})
    start(worker)
    content_type, headers, message_id = 1 << 15, 1 << 13, 1 << 7
    for flag, encoded in (
        (message_id, b"\x02\xff\xfe"),
        (content_type, b"\x02\xff\xfe"),
        (headers, table(b"\x01aS" + struct.pack(">I", 2) + b"\xff\xfe")),
        (headers, table(b"\x02\xff\xfeV")),
        (headers, table(b"\x01aT" + b"\xff" * 8)),
        (headers, table(deep)),
        (1 << 6, b"\xff" * 8),
    ):
        channel.basic_publish("", f"worker_{unique}", b"{}", Raw(flag, encoded))
    assert bureaucrat_client.launch(ACTION.format(unique)).result(30) == {"done": True}
    assert "no connection" not in caplog.text


def test_a_task_that_cannot_be_read_fails_its_process(bureaucrat_client, bureaucrat_worker, unique):
    worker = bureaucrat_worker()
    worker.participant(unique)(lambda task: {})
    start(worker)
    context = f'<context><property name="n" type="json">{"9" * 5000}</property></context>'
    definition = f'<process>{context}<action participant="{unique}"/></process>'
    failed = failure(bureaucrat_client.launch(definition))
    assert (failed.code, "cannot read the task" in failed.message) == ("ActionError", True)


def test_the_message_dialect_is_answered_in_kind(bureaucrat_client, bureaucrat_worker, unique):
    worker = bureaucrat_worker()

    @worker.participant(unique)
    def work(task: Task):
        assert "status" not in task.fields
        task.progress("half")
        if task.fields["fails"]:
            raise Fault("Odd", "told", data=[1])
        return {"seen": task.fields["n"]}

    start(worker)
    definition = f'<process><action participant="{unique}" via="message"/></process>'
    process = bureaucrat_client.launch(definition, {"n": 1, "fails": False})
    assert process.result(30) == {"n": 1, "fails": False, "seen": 1}
    failed = failure(bureaucrat_client.launch(definition, {"n": 1, "fails": True}))
    assert (failed.code, failed.message, failed.data) == ("Odd", "told", [1])


def test_a_task_that_comes_again_is_answered_without_the_work(
    bureaucrat_engine, bureaucrat_client, bureaucrat_worker, channel, unique
):
    worker, calls = bureaucrat_worker(), []

    @worker.participant(unique)
    def work(task: Task):
        calls.append(task.id)
        return {"n": len(calls)}

    start(worker)
    assert bureaucrat_client.launch(ACTION.format(unique)).result(30) == {"n": 1}
    task = {"header": {"message": "response", "target": calls[0].split("~")[0], "origin": calls[0]}, "fields": {}}
    for _ in range(3):
        channel.basic_publish("", f"worker_{unique}", json.dumps(task).encode())
    assert bureaucrat_client.launch(ACTION.format(unique)).result(30) == {"n": 2}
    assert worker.stop()
    assert len(calls) == 2
    assert channel.queue_declare(f"worker_{unique}", passive=True).method.message_count == 0


def test_a_remembered_answer_is_sent_without_calling_the_function(
    bureaucrat_engine, bureaucrat_client, bureaucrat_worker, channel, unique, tmp_path: Path
):
    worker, calls = bureaucrat_worker(), []
    answers = AnswerStore(tmp_path / "answers.db")

    @worker.participant(unique, answers=answers)
    def work(task: Task):
        calls.append(task.id)
        return {"n": len(calls)}

    start(worker)
    assert bureaucrat_client.launch(ACTION.format(unique)).result(30) == {"n": 1}
    worker.stop()
    # The same task again, at another worker that shares the file; its answer goes to a queue of ours.
    channel.queue_declare(unique + "-answers", durable=True)
    target = calls[0].split("~")[0]
    task = {"header": {"message": "response", "target": target, "origin": calls[0]}, "fields": {}}
    channel.basic_publish("", f"worker_{unique}", json.dumps(task).encode())
    other = Worker(bureaucrat_engine.url, names=replace(bureaucrat_engine.names, message_queue=unique + "-answers"))
    other.participant(unique, answers=answers)(work)
    start(other)
    for _method, _properties, body in channel.consume(unique + "-answers", inactivity_timeout=30):
        assert json.loads(body)["fields"] == {"n": 1}
        break
    other.stop()
    assert len(calls) == 1


def test_stopping_finishes_what_has_begun_and_gives_back_the_rest(bureaucrat_client, bureaucrat_worker, unique, until):
    first, second = bureaucrat_worker(concurrency=1), bureaucrat_worker()
    begun, go = threading.Event(), threading.Event()

    def work(task: Task):
        begun.set()
        assert go.wait(30)
        return {"by": 1}

    first.participant(unique)(work)
    start(first)
    processes = [bureaucrat_client.launch(ACTION.format(unique)) for _ in range(4)]
    assert begun.wait(30)
    stopping = threading.Thread(target=first.stop)
    stopping.start()
    second.participant(unique)(lambda task: {"by": 2})
    start(second)
    until(lambda: sum(process.done() for process in processes) == 3, "the second worker did the rest")
    go.set()
    stopping.join()
    assert sorted(process.result(30)["by"] for process in processes) == [1, 2, 2, 2]


def test_a_worker_is_used_rightly(bureaucrat_engine):
    worker = Worker(bureaucrat_engine.url)
    with pytest.raises(RuntimeError, match="no participants"):
        worker.start()
    worker.participant("a")(print)
    with pytest.raises(ValueError, match="registered before"):
        worker.participant("a")(print)
    with pytest.raises(ValueError, match="concurrency"):
        Worker(bureaucrat_engine.url, concurrency=0)
    with pytest.raises(ValueError, match="letters, digits"):
        Fault("no code")
    with pytest.raises(ValueError, match="4,096"):
        Fault("Code", data="x" * 5000)
