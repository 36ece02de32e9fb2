"""The names of the engine's queues and exchanges, as its settings have them (docs/settings.md)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field


def _setting(name: str, default: str) -> str:
    return field(default_factory=lambda: os.environ.get(f"BUREAUCRAT_{name}") or default)


@dataclass(frozen=True)
class Names:
    """Each name defaults to the variable that the engine reads, such as `BUREAUCRAT_LAUNCH_QUEUE`."""

    launch_queue: str = _setting("LAUNCH_QUEUE", "bureaucrat")
    message_queue: str = _setting("MESSAGE_QUEUE", "bureaucrat_msgs")
    event_queue: str = _setting("EVENT_QUEUE", "bureaucrat_events")
    notice_exchange: str = _setting("NOTICE_EXCHANGE", "bureaucrat.processes")
    cancel_exchange: str = _setting("CANCEL_EXCHANGE", "bureaucrat.cancelled")


def broker_url(url: str | None) -> str:
    """The given address, or the one that the engine's variable names, or RabbitMQ's default."""
    return url or os.environ.get("BUREAUCRAT_AMQP") or "amqp://guest:guest@localhost:5672/%2f"
