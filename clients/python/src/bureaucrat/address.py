"""Addresses of brokers, as the engine reads them (docs/settings.md), for pika.

`amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` for TLS; several after commas, or several hosts of
one. The variables for passwords and certificates are those of the engine. No error shows a password.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pika
from pika.connection import Parameters
from pika.credentials import ExternalCredentials

from .errors import ConnectError

HEARTBEAT_SECONDS = 20
CONNECT_SECONDS = 10

_EXPECTED = "expected amqp://USER:PASSWORD@HOST:PORT/VHOST"
# Parameters that pika reads by itself.
_PIKA = frozenset(
    "heartbeat channel_max frame_max blocked_connection_timeout socket_timeout stack_timeout locale "
    "client_properties tcp_options".split()
)
_OURS = frozenset(
    "cacertfile certfile keyfile server_name_indication connection_timeout auth_mechanism connection_name".split()
)


def parse(url: str, name: str) -> list[Parameters]:
    """The brokers to try in turn. `name` is that of the connections, as the broker's operators see it."""
    try:
        return [
            broker for address in re.split(r"[,;]\s*(?=amqps?://)", url.strip()) for broker in _brokers(address, name)
        ]
    except ConnectError:
        raise
    except Exception as problem:  # pika raises many kinds
        raise ConnectError(f"the broker's address cannot be read ({problem}); {_EXPECTED}") from None


def _brokers(address: str, name: str) -> Iterator[Parameters]:
    parts = urlsplit(address)
    if parts.scheme not in ("amqp", "amqps"):
        raise ConnectError(f"the broker's address does not begin with amqp:// or amqps://; {_EXPECTED}")
    user_info, _, hosts = parts.netloc.rpartition("@")
    user, _, password = user_info.partition(":")
    login = f"{user or 'guest'}:{password or quote(_password(), safe='')}"
    given = dict(parse_qsl(parts.query))
    unknown = sorted(given.keys() - _PIKA - _OURS)
    if unknown:
        raise ConnectError(f"the broker's address has the parameter `{unknown[0]}`, which is not known; omit it")
    query = urlencode({key: value for key, value in given.items() if key in _PIKA})
    for host in hosts.split(","):
        broker = pika.URLParameters(f"{parts.scheme}://{login}@{host}{parts.path}?{query}")
        # As everywhere with the engine, and as Celery writes it, `amqp://mq//` means the virtual host `/`.
        broker.virtual_host = broker.virtual_host or "/"
        broker.heartbeat = broker.heartbeat if "heartbeat" in given else HEARTBEAT_SECONDS
        seconds = float(given.get("connection_timeout", CONNECT_SECONDS * 1000)) / 1000
        broker.socket_timeout = broker.stack_timeout = seconds
        broker.client_properties = {"connection_name": given.get("connection_name", name)}
        mechanism = given.get("auth_mechanism", "plain").lower()
        if mechanism == "external":
            broker.credentials = ExternalCredentials()
        elif mechanism != "plain":
            raise ConnectError(f"the parameter `auth_mechanism` is `{mechanism[:40]}`; expected `plain` or `external`")
        if parts.scheme == "amqps":
            context = _context(given)
            broker.ssl_options = pika.SSLOptions(context, given.get("server_name_indication", broker.host))
        yield broker


def _context(given: dict[str, str]) -> ssl.SSLContext:
    """TLS with the broker's certificate checked, always."""
    ca, certificate, key = (
        _file(given.get(parameter) or os.environ.get(f"BUREAUCRAT_AMQP_{variable}"))
        for parameter, variable in (("cacertfile", "CA_FILE"), ("certfile", "CERT_FILE"), ("keyfile", "KEY_FILE"))
    )
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as problem:
        raise ConnectError(f"cannot read the certificates {ca}, {certificate}, {key}: {problem}") from None
    return context


def _file(path: str | None) -> str | None:
    return os.path.expanduser(path) if path else None


def _password() -> str:
    """The password for an address without one."""
    path = _file(os.environ.get("BUREAUCRAT_AMQP_PASSWORD_FILE"))
    if path is None:
        return os.environ.get("BUREAUCRAT_AMQP_PASSWORD") or "guest"
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().rstrip("\r\n")
    except OSError as problem:
        raise ConnectError(f"cannot read the password file: {problem}") from None


def place(broker: Parameters) -> str:
    """Where a broker is, for a person."""
    return f"{broker.host}:{broker.port}, virtual host {broker.virtual_host}"
