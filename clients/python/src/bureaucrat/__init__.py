"""bureaucrat: durable workflows on RabbitMQ, from Python.

`Client` and `AsyncClient` launch processes, `Worker` serves participants, `bureaucrat.celery` does both
for Celery. `Launcher` is for code that was written for the original.
"""

from .aio import AsyncClient, AsyncProcess
from .answer_store import AnswerStore
from .calls import Deployed, EventOutcome
from .client import Client, Process
from .errors import (
    BrokerRefused,
    BureaucratError,
    Closed,
    ConnectError,
    DefinitionError,
    FieldError,
    ProcessFailed,
    Rejected,
    RepliesLost,
    TimedOut,
    Unroutable,
)
from .faults import Fault
from .http import HttpClient, Refused
from .launcher import Launcher
from .names import Names
from .notices import Notice, Notices
from .requests import Ending
from .task import Task, TaskCancelled
from .worker import Worker

__all__ = [
    "AnswerStore",
    "AsyncClient",
    "AsyncProcess",
    "BrokerRefused",
    "BureaucratError",
    "Client",
    "Closed",
    "ConnectError",
    "DefinitionError",
    "Deployed",
    "Ending",
    "EventOutcome",
    "Fault",
    "FieldError",
    "HttpClient",
    "Launcher",
    "Names",
    "Notice",
    "Notices",
    "Process",
    "ProcessFailed",
    "Refused",
    "Rejected",
    "RepliesLost",
    "Task",
    "TaskCancelled",
    "TimedOut",
    "Unroutable",
    "Worker",
]
