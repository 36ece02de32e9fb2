"""A task, as the function of a participant sees it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .errors import BureaucratError
from .workitem import Workitem


class TaskCancelled(BureaucratError):
    """Raised by `Task.check` when nobody waits for the task any more. Let it pass: nothing is answered."""


class Task:
    """A task to do. Change `fields`, or return what changes; raise an exception to fail."""

    def __init__(self, participant: str, workitem: Workitem, redelivered: bool, report: Callable[[Any], None]) -> None:
        self.participant = participant
        self.fields: dict[str, Any] = dict(workitem.fields)
        """The fields of the process; they go back as the answer, so one that is removed is removed there."""
        self.id = workitem.origin
        """The id of this attempt, `PID_0_1~7`: the same whenever the broker delivers it again, so it is fit
        as a key for what must be done once."""
        self.activity = workitem.target
        """The id of the activity, `PID_0_1`: the same for all attempts."""
        self.redelivered = redelivered
        """Whether the broker may have delivered it before."""
        self._withdrawn = threading.Event()
        self._report = report
        self._on_withdrawal: Callable[[], object] | None = None

    def __repr__(self) -> str:
        return f"<Task {self.id} of {self.participant}>"

    @property
    def process(self) -> str:
        """The id of the process."""
        return self.activity.partition("_")[0]

    def progress(self, value: Any = None) -> None:
        """Tells the engine that the task is still being done, and how far it is: any JSON of at most 16 KiB.

        Returns at once. With the attribute `heartbeat`, an action fails when these calls stop.
        """
        self._report(value)

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._withdrawn.is_set()

    def check(self) -> None:
        """Raises TaskCancelled if nobody waits for the answer any more."""
        if self.cancelled:
            raise TaskCancelled(f"task {self.id} was withdrawn")

    def wait(self, seconds: float) -> None:
        """Sleeps, but raises TaskCancelled as soon as nobody waits for the answer any more."""
        self._withdrawn.wait(seconds)
        self.check()

    def _withdraw(self) -> None:
        self._withdrawn.set()
        if self._on_withdrawal is not None:
            self._on_withdrawal()
