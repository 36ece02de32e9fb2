"""The clients with a real engine."""

from __future__ import annotations

import asyncio
import configparser
import json
import math
import pickle

import pytest

from bureaucrat import (
    AsyncClient,
    DefinitionError,
    FieldError,
    Launcher,
    ProcessFailed,
    Rejected,
    TimedOut,
    Unroutable,
)

WAITS = '<process name="{0}"><await event="{0}"/></process>'
FIELDS = {
    "text": "Adä 😀 <&>\"'",
    "padded": " x \n",
    "control": "\x01\r\n",
    "empty": "",
    "yes": True,
    "int": -(2**63),
    "large": 2**63,
    "larger": -(10**30),
    "float": 0.1,
    "whole": 1.0,
    "tiny": 5e-324,
    "none": None,
    "list": [1, "a", {"b": []}],
    "ключ 😀 <&>": 1,
}


def test_fields_arrive_as_they_are(bureaucrat_client, unique):
    for definition in (
        "<process/>",
        '<process><context><property name="x" type="int">1</property></context></process>',
    ):
        fields = bureaucrat_client.launch(definition, FIELDS).result(30)
        fields.pop("x", None)
        assert fields == FIELDS
        assert [type(fields[name]) for name in FIELDS] == [type(value) for value in FIELDS.values()]
    bureaucrat_client.deploy(f'<process name="{unique}"/>')
    assert bureaucrat_client.launch(unique, FIELDS).result(30) == FIELDS
    outcome = bureaucrat_client.deploy(f'<process name="{unique}"/>')
    assert (outcome.name, outcome.version, outcome.outcome) == (unique, 1, "unchanged")


def test_declared_types_hold(bureaucrat_client):
    definition = """<process><context>
        <property name="f" type="float">0</property>
        <property name="s" type="str">x</property>
        <property name="b" type="bool">1</property>
        <property name="i" type="int">1</property></context></process>"""
    fields = {"f": 3, "s": 7, "b": False, "i": 2**70}
    assert bureaucrat_client.launch(definition, fields).result(30) == {"f": 3.0, "s": "7", "b": False, "i": 2**70}
    for wrong in ({"i": 1.5}, {"i": "1"}, {"i": True}, {"b": 1}, {"s": None}, {"f": "1"}, {"f": False}):
        with pytest.raises(FieldError, match="but its property is of type"):
            bureaucrat_client.launch(definition, wrong)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"x": math.nan}, "fields.x is nan, which JSON does not have"),
        ({"x": [math.inf]}, r"fields.x\[0\] is inf"),
        ({"x": "\ud800"}, "half of a surrogate pair"),
        ({"\udc00": 1}, "half of a surrogate pair"),
        ({"x": {1, object()}}, "is a object"),
        ({"x": 10**5000}, "cannot be written as JSON"),
        ({"inst:now": 1}, "belong to the engine"),
        ({"a\nb": 1}, "cannot be written in XML"),
        ([], "a mapping of names to values is expected"),
        ({"x": "x" * (17 << 20)}, "the engine accepts at most"),
    ],
)
def test_fields_that_cannot_be_sent_are_refused_at_once(bureaucrat_client, fields, words):
    with pytest.raises(FieldError, match=words):
        bureaucrat_client.launch("<process/>", fields or [1] if fields == [] else fields)


def test_fields_that_are_too_deep_are_refused_at_once(bureaucrat_client):
    deep: list = []
    for _ in range(200):
        deep = [deep]
    with pytest.raises(FieldError, match="nested"):
        bureaucrat_client.launch("<process/>", {"x": deep})


def test_a_refusal_has_every_reason(bureaucrat_client):
    with pytest.raises(Rejected) as refused:
        bureaucrat_client.launch('<process>\n<acton/>\n<delay duration="soon"/></process>')
    assert len(refused.value.reasons) == 2
    assert "2:1: unknown element `acton`" in refused.value.reasons[0]
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)
    with pytest.raises(Rejected, match="no definition `nobody-deployed-this` is deployed"):
        bureaucrat_client.launch("nobody-deployed-this")
    with pytest.raises(Rejected, match="acton"):
        bureaucrat_client.deploy('<process name="x"><acton/></process>')


def test_what_is_no_definition_is_refused_at_once(bureaucrat_client, tmp_path):
    for wrong in ("order.xml", "a b", "", "name@x"):
        with pytest.raises(DefinitionError, match="pathlib.Path"):
            bureaucrat_client.launch(wrong)
    for wrong in ("<process>", "<a></b>", "<!DOCTYPE x []><process/>"):
        with pytest.raises(DefinitionError):
            bureaucrat_client.launch(wrong, {"x": 1})
    with pytest.raises(DefinitionError, match="deployed definition"):
        bureaucrat_client.launch("<process/>", key="k")
    (tmp_path / "latin.xml").write_bytes("<process name='ä'/>".encode("latin-1"))
    with pytest.raises(DefinitionError, match="not UTF-8"):
        bureaucrat_client.launch(tmp_path / "latin.xml")
    (tmp_path / "marked.xml").write_bytes(b"\xef\xbb\xbf<process name='x'/>")
    assert bureaucrat_client.launch(tmp_path / "marked.xml", {"x": 1}).result(30) == {"x": 1}


def test_a_fault_is_an_exception(bureaucrat_client):
    process = bureaucrat_client.launch(
        '<process>\n<fault code="shop.Declined" message="no money">{"left": 3}</fault></process>'
    )
    with pytest.raises(ProcessFailed) as failed:
        process.result(30)
    fault = pickle.loads(pickle.dumps(failed.value))
    assert (fault.process, fault.code, fault.message, fault.line) == (process.id, "shop.Declined", "no money", 2)
    assert (fault.data, fault.activity) == ({"left": 3}, process.id + "_0")
    assert process.wait(30).status == "failed"


def test_launches_with_a_message_id_count_once(bureaucrat_client, unique):
    definition = WAITS.format(unique)
    first = bureaucrat_client.launch(definition, message_id=unique)
    again = bureaucrat_client.launch(definition, message_id=unique)
    assert first.id == again.id
    assert bureaucrat_client.event(unique, {"n": 1}).taken == 1
    assert first.result(30)["event"] == {"event": unique, "n": 1}


def test_events(bureaucrat_client, unique):
    nobody = bureaucrat_client.event(unique)
    assert (nobody.status, nobody.waiting, nobody.taken) == ("delivered", 0, 0)
    definition = f'<process><await event="{unique}" key="A-17"/></process>'
    one, two = (bureaucrat_client.launch(definition) for _ in range(2))
    assert bureaucrat_client.event(unique, key="B").taken == 0
    assert bureaucrat_client.event(unique, key="A-17", process=two.id, message_id=unique).taken == 1
    assert bureaucrat_client.event(unique, key="A-17", process=two.id, message_id=unique).status == "repeated"
    assert two.result(30)["event"]["key"] == "A-17" and not one.done()
    assert bureaucrat_client.event(unique, key="A-17", wait=False).status == "sent"
    one.result(30)
    bureaucrat_client.event(unique, {"kept": True}, keep="1h")
    since = f'<process><await event="{unique}" since="1h"/></process>'
    assert bureaucrat_client.launch(since).result(30)["event"]["kept"] is True
    for wrong in ({"name": ""}, {"name": "x" * 256}, {"name": "x", "key": ""}, {"name": "x", "process": "y"}):
        with pytest.raises(FieldError):
            bureaucrat_client.event(**wrong)
    with pytest.raises(FieldError, match="both given"):
        bureaucrat_client.event("x", {"key": "a"}, key="b")


def test_cancelling(bureaucrat_client, unique):
    process = bureaucrat_client.launch(WAITS.format(unique))
    assert process.cancel("no longer needed") is True
    assert process.cancel() is False
    ending = process.wait(30)
    assert (ending.status, ending.fault.code) == ("failed", "Cancelled")
    assert "no longer needed" in ending.fault.message
    with pytest.raises(Rejected):
        bureaucrat_client.cancel("00000000-0000-8000-8000-000000000000")
    with pytest.raises(FieldError, match="36 characters"):
        bureaucrat_client.cancel(process.id[:4])


def test_business_keys(bureaucrat_client, unique):
    bureaucrat_client.deploy(WAITS.format(unique))
    first = bureaucrat_client.launch(unique, key="A-17")
    with pytest.raises(Rejected, match=first.id):
        bureaucrat_client.launch(unique, key="A-17")
    second = bureaucrat_client.launch(unique + "@1", key="A-17", duplicate="replace")
    assert first.wait(30).fault.code == "Cancelled" and not second.done()
    second.cancel()


def test_waiting_has_an_end_and_can_be_repeated(bureaucrat_client, unique):
    process = bureaucrat_client.launch(WAITS.format(unique))
    with pytest.raises(TimedOut, match="has not ended within 0.05 s"):
        process.wait(0.05)
    bureaucrat_client.event(unique)
    assert process.wait(30).status == "completed" and process.done()


def test_notices(bureaucrat_engine, bureaucrat_client, unique):
    with bureaucrat_client.notices(unique) as all_of_one, bureaucrat_client.notices(statuses=["failed"]) as failed:
        process = bureaucrat_client.launch(f'<process name="{unique}"><fault code="Odd"/></process>')
        notice = all_of_one.next(30)
        assert (notice.status, notice.process, notice.name) == ("launched", process.id, unique)
        notice = next(all_of_one)
        assert (notice.status, notice.fault.code) == ("failed", "Odd")
        with pytest.raises(Rejected):
            bureaucrat_client.launch(f'<process name="{unique}"><acton/></process>')
        while (notice := failed.next(30)).process != process.id:
            pass
        with pytest.raises(TimedOut):
            all_of_one.next(0.01)
    assert list(all_of_one) == []
    with pytest.raises(ValueError, match="expected one of"):
        bureaucrat_client.notices(statuses=["ended"])


def test_asyncio(bureaucrat_engine, unique):
    async def main():
        async with AsyncClient(bureaucrat_engine.url, names=bureaucrat_engine.names) as client:
            deployed = await client.deploy(WAITS.format(unique))
            assert deployed.version == 1
            notices = client.notices(unique, ["completed"])
            ended = asyncio.create_task(anext(notices))
            processes = await asyncio.gather(*(client.launch(unique, {"n": n}) for n in range(20)))
            with pytest.raises(TimedOut):
                await processes[0].result(0.01)
            waiting = asyncio.gather(*(process.result(30) for process in processes))
            while not ended.done():  # until the notices are listened to and a process has ended
                for process in processes:
                    await client.event(unique, process=process.id)
            assert (await ended).name == unique
            assert sorted(fields["n"] for fields in await waiting) == list(range(20))
            await notices.aclose()
            with pytest.raises(Rejected):
                await client.launch("<process><acton/></process>")
            process = await client.launch(unique)
            assert await process.cancel() and not await client.cancel(process.id)
            with pytest.raises(ProcessFailed):
                await process.result(30)

    asyncio.run(main())


def test_the_launcher_of_the_original(bureaucrat_engine, bureaucrat_client, bureaucrat_amqp, unique, tmp_path):
    path = tmp_path / "process.xml"
    path.write_text(f'<process name="{unique}"><context><property name="a" type="int">1</property></context></process>')
    address = bureaucrat_amqp.split("@")[1].split("/")[0]
    config = configparser.ConfigParser()
    config["amqp"] = {"host": address, "launcher_routing_key": bureaucrat_engine.names.launch_queue}
    fields = {"a": "now a text", "yes": True, "f": 0.5, "n": 3, "list": [1, None]}
    with bureaucrat_client.notices(unique, ["completed"]) as notices:
        for section in (config["amqp"], dict(config["amqp"])):
            assert Launcher(section).launch(str(path), fields) is None
            assert notices.next(30).fields == fields
        with open(path) as file:
            Launcher(config["amqp"]).launch(file, {})
        assert notices.next(30).fields == {"a": 1}
    with pytest.raises(OSError):
        Launcher({}).launch(str(path) + "x", {})
    with pytest.raises(Unroutable):
        Launcher({**config["amqp"], "launcher_routing_key": unique}).launch(str(path), {})
    with pytest.raises(DefinitionError):
        path.write_text("<other/>")
        Launcher(config["amqp"]).launch(str(path), {"a": 1})


def test_the_engine_knows_the_user(bureaucrat_engine, bureaucrat_client, unique):
    process = bureaucrat_client.launch(f'<process><await event="{unique}"/></process>')
    shown = json.loads(bureaucrat_engine.command("show", process.id, "--json").stdout)
    assert shown["user"] == "guest"
    process.cancel()
