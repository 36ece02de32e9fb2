"""Remembers the answers of tasks by their ids, in a SQLite file, so that a task is not done twice.

When the broker delivers a task again, because the worker or its connection was lost before the
acknowledgement, the worker sends the stored answer and does not call the function. What this cannot
cover: a worker that dies after the function did something and before the answer is stored, and two
workers that have the same task at the same time. Pass `Task.id` to whatever the function changes, if
that can recognise a repeat.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time

KEEP_SECONDS = 7 * 86_400.0


class AnswerStore:
    """A file of answers, for any number of participants and threads; several workers may share it."""

    def __init__(self, path: str | os.PathLike[str], *, keep: float = KEEP_SECONDS) -> None:
        """`keep` is how many seconds an answer is remembered."""
        self._keep = keep
        self._lock = threading.Lock()
        self._file = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS answers"
            " (id TEXT PRIMARY KEY, body BLOB NOT NULL, at REAL NOT NULL) WITHOUT ROWID"
        )
        self._file.execute("CREATE INDEX IF NOT EXISTS answers_by_time ON answers (at)")

    def get(self, task_id: str) -> bytes | None:
        """The answer to a task, if it was done."""
        with self._lock:
            row = self._file.execute("SELECT body FROM answers WHERE id = ?", (task_id,)).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, task_id: str, body: bytes) -> bytes:
        """Stores an answer durably, and returns the one that counts: the first."""
        now = time.time()
        with self._lock:
            self._file.execute("DELETE FROM answers WHERE at < ?", (now - self._keep,))
            self._file.execute("INSERT OR IGNORE INTO answers VALUES (?, ?, ?)", (task_id, body, now))
            row = self._file.execute("SELECT body FROM answers WHERE id = ?", (task_id,)).fetchone()
        return bytes(row[0])

    def close(self) -> None:
        with self._lock:
            self._file.close()
