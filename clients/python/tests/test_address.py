"""Addresses of brokers."""

from __future__ import annotations

import pytest

from bureaucrat import ConnectError
from bureaucrat.address import parse


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://mq", [("mq", 5672, "/", "guest", "guest")]),
        ("amqp://mq/", [("mq", 5672, "/", "guest", "guest")]),
        ("amqp://u:p@mq//", [("mq", 5672, "/", "u", "p")]),
        ("amqp://u:p@mq/%2f", [("mq", 5672, "/", "u", "p")]),
        ("amqp://a%40b:p%2Fq@[fd00::7]:5673/sh%2Fop", [("fd00::7", 5673, "sh/op", "a@b", "p/q")]),
        ("amqp://u@mq/shop", [("mq", 5672, "shop", "u", "s?c/r")]),
        ("amqp://u:p@mq1,mq2:5673/shop", [("mq1", 5672, "shop", "u", "p"), ("mq2", 5673, "shop", "u", "p")]),
        ("amqp://u:p@a/x; amqp://u:q@b/y", [("a", 5672, "x", "u", "p"), ("b", 5672, "y", "u", "q")]),
        ("amqps://u:p@mq", [("mq", 5671, "/", "u", "p")]),
    ],
)
def test_addresses_are_read_as_the_engine_reads_them(monkeypatch, url, expected):
    monkeypatch.setenv("BUREAUCRAT_AMQP_PASSWORD", "s?c/r" if "u@" in url else "guest")
    found = [
        (broker.host, broker.port, broker.virtual_host, broker.credentials.username, broker.credentials.password)
        for broker in parse(url, "test")
    ]
    assert found == expected


def test_parameters(monkeypatch, tmp_path):
    (broker,) = parse("amqp://u:p@mq/?heartbeat=7&connection_timeout=2500&connection_name=me&frame_max=8192", "test")
    assert (broker.heartbeat, broker.stack_timeout, broker.frame_max) == (7, 2.5, 8192)
    assert broker.client_properties["connection_name"] == "me"
    (broker,) = parse("amqps://mq/?auth_mechanism=external&server_name_indication=other", "test")
    assert (broker.credentials.TYPE, broker.ssl_options.server_hostname) == ("EXTERNAL", "other")
    (tmp_path / "password").write_text("from a file\n")
    monkeypatch.setenv("BUREAUCRAT_AMQP_PASSWORD_FILE", str(tmp_path / "password"))
    assert parse("amqp://u@mq", "test")[0].credentials.password == "from a file"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://u:secret@mq", "does not begin with amqp://"),
        ("", "does not begin with amqp://"),
        ("amqp://u:secret@mq:port", "cannot be read"),
        ("amqp://u:secret@mq/?hearbeat=7", "`hearbeat`, which is not known"),
        ("amqp://u:secret@mq/?heartbeat=x", "cannot be read"),
        ("amqp://u:secret@mq/?auth_mechanism=amqplain", "expected `plain` or `external`"),
        ("amqps://u:secret@mq/?cacertfile=/no/such", "cannot read the certificates"),
    ],
)
def test_what_is_wrong_with_an_address_is_told_without_its_password(url, words):
    with pytest.raises(ConnectError, match=words) as problem:
        parse(url, "test")
    assert "secret" not in str(problem.value)
