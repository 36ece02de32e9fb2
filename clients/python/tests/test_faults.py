"""Lost connections, brokers that restart, workers that die: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from broker import Broker

from bureaucrat import BrokerRefused, BureaucratError, Client, ConnectError, Process, Rejected, TimedOut, Worker
from bureaucrat.testing import Engine

ACTION = '<process name="{0}"><action participant="{0}"/></process>'


@pytest.fixture(scope="module")
def broker(tmp_path_factory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("rabbitmq"))
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def url(broker) -> str:
    return broker.start()


@pytest.fixture(scope="module")
def engine(url) -> Iterator[Engine]:
    engine = Engine(url)
    yield engine.start()
    engine.stop()


def restart(broker):
    broker.stop()
    broker.start()


def crash(broker):
    broker.kill()
    broker.start()


def close_connections(broker):
    broker.ctl("close_all_connections", "a test")


@pytest.mark.parametrize("trouble", [close_connections, restart, crash])
def test_trouble_while_tasks_run(broker, url, engine, unique, trouble):
    calls, begun, go = [], threading.Semaphore(0), threading.Event()
    worker = Worker(url, names=engine.names, concurrency=3)

    @worker.participant(unique)
    def work(task):
        calls.append(task.id)
        begun.release()
        assert go.wait(120)
        return {"done": task.fields["n"]}

    worker.start()
    worker.wait_ready(60)
    with Client(url, names=engine.names, reply_timeout=60) as client:
        notices = client.notices(unique, ["completed"])
        processes = [client.launch(ACTION.format(unique), {"n": n}) for n in range(6)]
        for _ in range(3):
            assert begun.acquire(timeout=60)
        # Launched while there is no broker; it answers once there is one.
        late = []
        launching = threading.Thread(
            target=lambda: late.append(client.launch(ACTION.format(unique), {"n": 6}, message_id=unique))
        )
        if trouble is not close_connections:
            broker.stop()
        launching.start()
        trouble(broker)
        go.set()
        assert [process.result(120)["done"] for process in processes] == [*range(6)]
        launching.join(60)
        assert late[0].result(120)["done"] == 6
        ids = {notices.next(60).process for _ in range(7)}
        assert ids == {process.id for process in [*processes, *late]}
    assert worker.stop()
    assert len(calls) == len(set(calls)) == 7


def test_an_engine_that_is_killed(url, engine, unique):
    begun, go = threading.Event(), threading.Event()
    worker = Worker(url, names=engine.names)

    @worker.participant(unique)
    def work(task):
        begun.set()
        assert go.wait(60)

    worker.start()
    worker.wait_ready(60)
    with Client(url, names=engine.names, reply_timeout=60) as client:
        process = client.launch(ACTION.format(unique), {"n": 1})
        assert begun.wait(60)
        engine.kill()
        launching = threading.Thread(target=lambda: late.append(client.launch("<process/>", {"n": 2})))
        late: list[Process] = []
        launching.start()
        go.set()
        engine.start()
        launching.join(60)
        assert process.result(60) == {"n": 1}
        assert late[0].result(60) == {"n": 2}
    assert worker.stop()


def test_a_message_that_the_broker_refuses_hurts_no_other(broker, url, engine, unique):
    """One over the broker's own limit closes the channel on which others are in flight."""
    broker.ctl("eval", "application:set_env(rabbit, max_message_size, 200000).")
    try:
        worker = Worker(url, names=engine.names, concurrency=9)
        go = threading.Barrier(9)

        @worker.participant(unique)
        def work(task):
            go.wait(60)
            return {"answer": "x" * 300_000} if task.fields["n"] % 3 == 0 else {}

        worker.start()
        worker.wait_ready(60)
        outcomes, definition = {}, ACTION.format(unique)
        with Client(url, names=engine.names) as client:

            def launch(n):
                try:
                    client.launch(definition, {"n": n, "large": "x" * 300_000 if n < 0 else ""})
                except BrokerRefused as problem:
                    outcomes[n] = str(problem)

            threads = [threading.Thread(target=launch, args=[-n]) for n in range(1, 4)]
            for thread in threads:
                thread.start()
            processes = [client.launch(definition, {"n": n}) for n in range(9)]
            for thread in threads:
                thread.join(60)
            assert len(outcomes) == 3 and "larger than configured max size" in outcomes[-1]
            endings = [process.wait(60) for process in processes]
        refused = [n for n, ending in enumerate(endings) if ending.fault is not None]
        assert refused == [0, 3, 6]
        assert "larger than configured max size" in endings[0].fault.message
        assert worker.stop()
    finally:
        broker.ctl("eval", "application:set_env(rabbit, max_message_size, 134217728).")


def test_tls(broker, url, engine, monkeypatch):
    with pytest.raises(ConnectError, match="(?i)certificate"):
        Client(broker.tls_url(), names=engine.names)
    with Client(f"{broker.tls_url()}?cacertfile={broker.tls}/ca.pem", names=engine.names) as client:
        assert client.launch("<process/>").result(60) == {}
    monkeypatch.setenv("BUREAUCRAT_AMQP_CA_FILE", str(broker.tls / "ca.pem"))
    with Client(broker.tls_url(), names=engine.names) as client:
        assert client.launch("<process/>").result(60) == {}
    with pytest.raises(ConnectError, match="(?i)hostname|IP address|certificate"):
        Client(broker.tls_url().replace("127.0.0.1", "localhost"), names=engine.names)


def test_a_broker_that_blocks_publishing_is_told(broker, url, engine, unique):
    with Client(url, names=engine.names, reply_timeout=1.0) as client:
        broker.ctl("set_vm_memory_high_watermark", "absolute", "1")
        try:
            with pytest.raises(TimedOut, match="blocks publishing"):
                for _ in range(100):  # the alarm reaches connections a moment later
                    client.launch("<process/>")
        finally:
            broker.ctl("set_vm_memory_high_watermark", "0.4")
        client.reply_timeout = 60
        assert client.launch("<process/>").result(60) == {}


@pytest.fixture
def program(engine, unique, tmp_path) -> Iterator[object]:
    """Starts workers in processes of their own."""
    running: list[subprocess.Popen[bytes]] = []
    path = Path(__file__).with_name("worker_program.py")

    def start() -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([sys.executable, path, unique], env={**os.environ, **engine.variables}))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_sigterm_finishes_what_has_begun(url, engine, unique, program, tmp_path, until):
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    worker = program()
    with Client(url, names=engine.names) as client:
        process = client.launch(ACTION.format(unique), {"begun": str(begun), "gate": str(gate)})
        until(begun.exists, "the task has begun")
        worker.send_signal(signal.SIGTERM)
        gate.touch()
        assert process.result(60)["by"] == worker.pid
    assert worker.wait(60) == 0


def test_a_second_sigterm_gives_the_task_to_another_worker(url, engine, unique, program, tmp_path, until):
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    worker = program()
    with Client(url, names=engine.names) as client:
        process = client.launch(ACTION.format(unique), {"begun": str(begun), "gate": str(gate)})
        until(begun.exists, "the task has begun")
        while worker.poll() is None:  # one signal may arrive before the one before it was seen
            worker.send_signal(signal.SIGTERM)
            threading.Event().wait(0.1)
        assert worker.returncode == 0
        other = program()
        gate.touch()
        assert process.result(60)["by"] == other.pid


def test_a_killed_worker_loses_no_task(url, engine, unique, program, tmp_path, until):
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    worker = program()
    with Client(url, names=engine.names) as client:
        process = client.launch(ACTION.format(unique), {"begun": str(begun), "gate": str(gate)})
        until(begun.exists, "the task has begun")
        worker.kill()
        other = program()
        gate.touch()
        assert process.result(60)["by"] == other.pid


POLICY = """
[default]
launches = true
participants = ["{0}"]
awaits = []
publishes = ["{0}"]
answers = ["{0}"]
reply_to = ["amq.gen-*"]
modules = "none"
calls = false

[users.bob]
launches = false
answers = []
publishes = []
"""


def test_users_under_a_policy(url, unique, tmp_path):
    (tmp_path / "policy.toml").write_text(POLICY.format(unique))
    engine = Engine(url, arguments=["--policy", str(tmp_path / "policy.toml")])
    alice, bob = (url.replace("guest:guest", f"{name}:{name}") for name in ("alice", "bob"))
    try:
        engine.start()
        worker = Worker(alice, names=engine.names)
        worker.participant(unique)(lambda task: {"by": "alice"})
        with Client(alice, names=engine.names) as client:
            process = client.launch(ACTION.format(unique))
            with pytest.raises(Rejected, match="participants|may not|policy"):
                client.launch(ACTION.format("another"))
            stranger = Worker(bob, names=engine.names)
            stranger.participant(unique)(lambda task: {"by": "bob"})
            stranger.start()
            stranger.wait_ready(60)
            with pytest.raises(TimedOut):
                process.wait(0.5)
            stranger.stop()
            process.cancel()
            worker.start()
            assert client.launch(ACTION.format(unique)).result(60) == {"by": "alice"}
            worker.stop()
            assert client.event(unique).taken == 0
            with pytest.raises(Rejected):
                client.event("other")
        with Client(bob, names=engine.names) as client:
            with pytest.raises(Rejected):
                client.launch(ACTION.format(unique))
            with pytest.raises(Rejected):
                client.event(unique)
            with pytest.raises(Rejected):
                client.cancel(process.id)
    finally:
        engine.remove()


def test_a_user_without_rights_at_the_broker_is_told(broker, url, engine, unique):
    alice = url.replace("guest:guest", "alice:alice")
    try:
        broker.ctl("set_permissions", "alice", "^amq[.]gen.*", "^amq[.]gen.*", ".*")
        with Client(alice, names=engine.names) as client:
            for ask in (lambda: client.launch("<process/>"), lambda: client.event(unique, wait=False)):
                with pytest.raises(BrokerRefused, match="ACCESS_REFUSED"):
                    ask()
            with pytest.raises(BureaucratError, match="cannot listen.*ACCESS_REFUSED|cannot listen.*access"):
                broker.ctl("set_permissions", "alice", "^amq[.]gen.*", "^amq[.]gen.*", "^amq[.]gen.*")
                client.notices()
        broker.ctl("set_permissions", "alice", "^$", ".*", ".*")
        with pytest.raises(ConnectError, match="no queue for replies: ACCESS_REFUSED"):
            Client(alice, names=engine.names)
        # A worker needs no right to make queues if its own exists; it only learns of no withdrawals.
        worker = Worker(alice, names=engine.names)
        worker.participant(unique)(lambda task: {"by": "alice"})
        with Client(url, names=engine.names) as client:
            process = client.launch(ACTION.format(unique))
            worker.start()
            with pytest.raises(TimedOut, match="cannot take tasks from the queue.*ACCESS_REFUSED"):
                worker.wait_ready(2)
            broker.ctl(
                "eval",
                f'rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, <<"worker_{unique}">>), '
                'true, false, [], none, <<"guest">>).',
            )
            assert process.result(60) == {"by": "alice"}
            with pytest.raises(TimedOut, match="cannot learn of withdrawn tasks.*ACCESS_REFUSED"):
                worker.wait_ready(0.1)
        assert worker.stop()
    finally:
        broker.ctl("set_permissions", "alice", ".*", ".*", ".*")
