"""What can go wrong. Every exception of the package is a `BureaucratError`, and says what to do.

Leaves to `faults` what a worker raises to fail a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class BureaucratError(Exception):
    """The base of all exceptions of this package."""


class FieldError(BureaucratError, ValueError):
    """A value that cannot be sent: JSON does not have it, or it is of another type than declared."""


class DefinitionError(BureaucratError, ValueError):
    """A text that is not XML, or not a process definition."""


class ConnectError(BureaucratError, ConnectionError):
    """The broker cannot be reached, or refuses the user."""


class Closed(BureaucratError):
    """The client was closed."""


class TimedOut(BureaucratError, TimeoutError):
    """No reply came in time. What was asked for may still happen; repeat it with the same message id."""


class Unroutable(BureaucratError):
    """No queue accepts the message: the engine never ran here, or the queue's name is wrong."""


class BrokerRefused(BureaucratError):
    """The broker refused the message; the text has its words."""


class RepliesLost(BureaucratError):
    """The queue for replies expired while the connection was away. The process itself continues."""


class Rejected(BureaucratError):
    """The engine refused the request."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("the engine refused it: " + "; ".join(reasons))
        self.reasons = list(reasons)
        """One sentence for each reason."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Rejected, (self.reasons,)


class ProcessFailed(BureaucratError):
    """The process ended with a fault."""

    def __init__(
        self, process: str, code: str, message: str, activity: str = "", line: int = 0, data: Any = None
    ) -> None:
        place = f" (line {line})" if line else ""
        super().__init__(f"process {process} failed: {code}: {message}{place}")
        self.process = process
        self.code = code
        self.message = message
        self.activity = activity
        """The id of the activity where it happened."""
        self.line = line
        """The line of the definition, from 1; 0 if it is unknown."""
        self.data = data

    def __reduce__(self) -> tuple[Any, ...]:
        return ProcessFailed, (self.process, self.code, self.message, self.activity, self.line, self.data)
