"""The HTTP side of the client with a real engine."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator

import pytest

from bureaucrat import ConnectError, HttpClient, ProcessFailed, Refused, Rejected, TimedOut
from bureaucrat.testing import Engine

WAITS = '<process name="{0}"><await event="{0}"/></process>'


@pytest.fixture(scope="module")
def engine(bureaucrat_amqp: str) -> Iterator[Engine]:
    engine = Engine(bureaucrat_amqp, arguments=["--http-listen", "0"])
    engine.start()
    yield engine
    engine.remove()


@pytest.fixture(scope="module")
def client(engine: Engine) -> HttpClient:
    log = (engine.folder / "engine.log").read_text()
    url = re.search(r"the HTTP API is at (http://[0-9.:]+)", log)
    assert url is not None, log
    return HttpClient.local(url[1], engine.folder / "storage")


def test_a_result_is_there_by_its_id(client):
    process = client.launch('<process><assign property="n">6 * 7</assign></process>')
    assert client.result(process, 30) == {"n": 42}
    # By anybody, later, and by the beginning of the id.
    assert client.result(process[:12]) == {"n": 42}
    failed = client.launch('<process><fault code="NoStock" message="none left"/></process>')
    with pytest.raises(ProcessFailed, match="none left") as raised:
        client.result(failed, 30)
    assert raised.value.code == "NoStock"
    assert raised.value.line == 1


def test_a_repeat_is_the_same_process(client, unique):
    first = client.launch(WAITS.format(unique), message_id=unique)
    assert client.launch(WAITS.format(unique), message_id=unique) == first
    with pytest.raises(TimedOut):
        client.result(first)
    assert [found["process"] for found in client.search(definition=unique, state=["running"])] == [first]
    assert client.count(by="state", definition=unique) == {"count": 1, "values": [{"value": "running", "count": 1}]}


def test_orders_are_carried_out_or_refused(client, unique):
    process = client.launch(WAITS.format(unique))
    assert client.order(process, "suspend", "a test") == "done"
    assert client.show(process)["state"] == "suspended"
    with pytest.raises(Refused) as raised:
        client.order(process, "suspend")
    assert (raised.value.code, raised.value.outcome) == ("refused", "suspended")
    assert pickle.loads(pickle.dumps(raised.value)).outcome == "suspended"
    client.order(process, "resume")
    assert client.order(process, "skip", fields={"paid": True}) == "done"
    assert client.result(process, 30) == {"paid": True}
    events = [entry["event"] for entry in client.show(process, history=True)["history"]]
    assert "skipped" in events and events[-1] == "completed"
    assert client.why(process)["state"] == "completed"


def test_what_goes_wrong_is_told(client, engine):
    with pytest.raises(Rejected, match="unknown element"):
        client.launch("<process><nothing/></process>")
    with pytest.raises(Refused) as raised:
        client.show("ffffffff-1111-8222-9333-444455556666")
    assert (raised.value.code, raised.value.status) == ("not_found", 404)
    with pytest.raises(Refused, match="token"):
        HttpClient(client._url, "wrong").show("ffffffff-1111-8222-9333-444455556666")
    with pytest.raises(ConnectError):
        HttpClient("http://127.0.0.1:1", "wrong").count()
    with pytest.raises(ValueError, match="http"):
        HttpClient("127.0.0.1:8017", "wrong")
    assert "bureaucrat_" not in repr(client)
