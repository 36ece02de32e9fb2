"""Connections of clients: closed, lost, never there, shared, forked."""

from __future__ import annotations

import os
import threading
import time

import pytest

from bureaucrat import BureaucratError, Client, Closed, ConnectError, Names, RepliesLost, TimedOut, Unroutable

WAITS = '<process name="{0}"><await event="{0}"/></process>'


def test_closing_ends_who_waits(bureaucrat_engine, unique):
    client = Client(bureaucrat_engine.url, names=bureaucrat_engine.names)
    process, notices = client.launch(WAITS.format(unique)), client.notices(unique)
    seen = []

    def wait():
        try:
            process.result(30)
        except BureaucratError as problem:
            seen.append(type(problem))

    threads = [threading.Thread(target=wait), threading.Thread(target=lambda: seen.extend(notices))]
    for thread in threads:
        thread.start()
    client.close()
    for thread in threads:
        thread.join(30)
    assert seen == [Closed]
    for call in (lambda: client.launch("<process/>"), lambda: client.event("x", wait=False)):
        with pytest.raises(Closed):
            call()
    client.close()


def test_closing_gives_up_what_the_broker_has_not_confirmed(bureaucrat_amqp, channel, unique, caplog):
    channel.queue_declare(unique, durable=True)
    client = Client(bureaucrat_amqp, names=Names(launch_queue=unique))
    seen = []

    def launch():
        try:
            client.launch("<process/>", {"large": "x" * (4 << 20)})
        except Closed:
            seen.append(1)

    threads = [threading.Thread(target=launch) for _ in range(20)]
    for thread in threads:
        thread.start()
    while channel.queue_declare(unique, passive=True).method.message_count < 1:
        pass
    client.close()
    for thread in threads:
        thread.join(30)
    assert len(seen) == 20 and "unexpectedly" not in caplog.text
    channel.queue_delete(unique)


def test_many_threads_share_a_client(bureaucrat_client):
    results, threads = [], []
    definition = '<process><assign property="y">context["x"] + 1</assign></process>'
    for number in range(40):
        work = lambda number=number: results.append(bureaucrat_client.launch(definition, {"x": number}).result(30)["y"])  # noqa: E731
        threads.append(threading.Thread(target=work))
        threads[-1].start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == list(range(1, 41))


def test_an_engine_that_is_away_is_told(bureaucrat_amqp, channel, unique):
    channel.queue_declare(unique, durable=True)
    names = Names(launch_queue=unique, event_queue=unique + "-nowhere")
    with Client(bureaucrat_amqp, names=names, reply_timeout=0.2) as client:
        with pytest.raises(TimedOut, match="did not confirm the launch within 0.2 s"):
            client.launch("<process/>")
        for wait in (True, False):
            with pytest.raises(Unroutable, match=f"no queue `{unique}-nowhere`"):
                client.event("x", wait=wait)
    names = Names(notice_exchange=unique + "-nowhere")
    with Client(bureaucrat_amqp, names=names) as client:
        with pytest.raises(BureaucratError, match=f"cannot listen .*no exchange '{unique}-nowhere'"):
            client.notices()
    channel.queue_delete(unique)


def test_a_broker_that_cannot_be_reached_is_told(bureaucrat_amqp):
    began = time.monotonic()
    with pytest.raises(ConnectError, match="127.0.0.1:9, virtual host /.*refused"):
        Client("amqp://guest:guest@127.0.0.1:9/%2f")
    wrong = bureaucrat_amqp.replace("guest:guest", "guest:secretword")
    with pytest.raises(ConnectError, match="(?i)access.refused") as refused:
        Client(wrong)
    assert "secretword" not in str(refused.value)
    with pytest.raises(ConnectError, match="no_such_host"):
        Client(bureaucrat_amqp.replace("%2f", "no_such_host"))
    assert time.monotonic() - began < 30
    with Client("amqp://guest:guest@127.0.0.1:9/%2f," + bureaucrat_amqp):
        pass


def test_replies_that_are_lost_are_told(bureaucrat_client, channel, unique):
    process = bureaucrat_client.launch(WAITS.format(unique))
    channel.queue_delete(bureaucrat_client._requests._publisher.reply_queue)
    with pytest.raises(RepliesLost, match="the process continues"):
        process.wait(30)
    assert bureaucrat_client.event(unique).taken == 1
    assert bureaucrat_client.launch("<process/>").result(30) == {}


def test_a_mistake_on_the_thread_of_the_connection_ends_nothing(bureaucrat_client, unique, caplog):
    process = bureaucrat_client.launch(WAITS.format(unique))
    bureaucrat_client._requests.link.call(lambda: 1 / 0)
    assert bureaucrat_client.event(unique).taken == 1
    assert process.result(30)["event"]["event"] == unique
    assert "failed unexpectedly" in caplog.text


def test_a_forked_process_makes_its_own_client(bureaucrat_client):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            bureaucrat_client.launch("<process/>")
        except Closed as problem:
            os.write(write, str(problem).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert b"before this process was forked" in os.read(read, 200)
