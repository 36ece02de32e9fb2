"""What AMQP has no messages for, over the engine's HTTP API: results by id, searches, orders.

Needs nothing but the standard library. Each call is one request, so a client can be shared by threads.
Launches and events go over AMQP as well; see `Client`.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import BureaucratError, ConnectError, ProcessFailed, Rejected, TimedOut
from .values import plain

WAIT_MAX = 300
"""The longest wait for an end in one request, in seconds."""


class Refused(BureaucratError):
    """The API refused a request. `code` says why, for a program; the text says it for a person."""

    def __init__(self, code: str, status: int, detail: str, outcome: Any = None) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.outcome = outcome
        """Of an order: what the command line prints as its outcome."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Refused, (self.code, self.status, str(self), self.outcome)


class HttpClient:
    """Asks a running engine over HTTP.

    `url` is where it listens (`http://127.0.0.1:8017`), `token` a token of it; `HttpClient.local` takes
    the token of this machine from the engine's storage.
    """

    def __init__(
        self, url: str, token: str, *, timeout: float = 30.0, tls: ssl.SSLContext | None = None
    ) -> None:
        scheme = urllib.parse.urlsplit(url).scheme
        if scheme not in ("http", "https"):
            raise ValueError(f"the URL must begin with http:// or https://, and is {url!r}")
        self._url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._tls = tls

    @classmethod
    def local(cls, url: str, storage: str | Path, *, timeout: float = 30.0) -> HttpClient:
        """A client with this machine's token, from the storage of the engine."""
        token = (Path(storage) / "http-token").read_text().strip()
        return cls(url, token, timeout=timeout)

    def __repr__(self) -> str:
        return f"HttpClient({self._url!r})"

    def launch(
        self,
        definition: str,
        fields: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        message_id: str | None = None,
    ) -> str:
        """Launches a deployed definition by its name, or one by its XML; returns the id of the process.

        It is durable then. A repeat with the same `message_id` takes no effect, and returns the first id.
        """
        body: dict[str, Any] = {}
        if definition.lstrip().startswith("<"):
            body["source"] = definition
        else:
            body["definition"] = definition
        if fields:
            body["fields"] = plain(dict(fields), "fields", 1)
        if key is not None:
            body["key"] = key
        headers = {} if message_id is None else {"Idempotency-Key": message_id}
        answer = self._send("POST", "/processes", body=body, headers=headers)
        return str(answer["process"])

    def result(self, process: str, timeout: float = 0.0) -> dict[str, Any]:
        """The final fields of a process, waiting up to `timeout` seconds for its end.

        Raises `ProcessFailed` if it failed, and `TimedOut` if it still runs.
        """
        left = timeout
        while True:
            wait = min(int(left + 0.999), WAIT_MAX) if left > 0 else 0
            path = f"/processes/{_quoted(process)}/result"
            answer = self._send("GET", path, {"wait": wait}, patience=self._timeout + wait)
            if answer["status"] == "completed":
                return dict(answer["fields"])
            if answer["status"] == "failed":
                fault = answer["fault"]
                raise ProcessFailed(
                    answer["process"],
                    fault["code"],
                    fault["message"],
                    fault["activity"],
                    fault["line"],
                    fault.get("data"),
                )
            left -= wait
            if left <= 0:
                raise TimedOut(f"process {process} has not ended within {timeout} seconds")

    def show(self, process: str, *, history: bool = False) -> dict[str, Any]:
        """A process as `bureaucrat show --json` prints it."""
        path = f"/processes/{_quoted(process)}"
        return self._send("GET", f"{path}/history" if history else path)

    def why(self, process: str) -> dict[str, Any]:
        """Why a process does not continue, as `bureaucrat why --json` prints it."""
        return self._send("GET", f"/processes/{_quoted(process)}/why")

    def search(self, **search: Any) -> Iterator[dict[str, Any]]:
        """The processes that fit, newest first: `state`, `definition`, `key`, `user`, `participant`, `event`,
        `fault`, `activity`, `launched_from`, `launched_before`, `where`. Lists mean any of several states,
        and all of several fields. `where` is `"NAME=VALUE"`.
        """
        after = None
        while True:
            page = self._send("GET", "/processes", {**search, "after": after, "limit": 500})
            yield from page["processes"]
            after = page["next"]
            if after is None:
                return

    def count(self, by: str | None = None, **search: Any) -> dict[str, Any]:
        """How many processes fit, and with `by` how many have each value: `{"count", "values"}`."""
        return self._send("GET", "/counts", {**search, "by": by})

    def order(self, process: str, order: str, reason: str = "no reason given", **facts: Any) -> Any:
        """Gives an order: `cancel`, `retry`, `suspend`, `resume`, `terminate`, `skip`, `set`, `move`, `migrate`.

        `facts` are those of the order: `activity`, `part`, `fields`, `remove`, `to`, `dry_run`. Returns the
        outcome once it is durable; raises `Refused` with the outcome if the engine does not do it.
        """
        body = {"order": order, "reason": reason, **plain(facts, "facts", 1)}
        return self._send("POST", f"/processes/{_quoted(process)}/orders", body=body)["outcome"]

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        patience: float | None = None,
    ) -> dict[str, Any]:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        suffix = f"?{urllib.parse.urlencode(given, doseq=True)}" if given else ""
        request = urllib.request.Request(
            f"{self._url}/api/v1{path}{suffix}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", **(headers or {})},
            method=method,
        )
        if body is not None:
            request.add_header("Content-Type", "application/json")
        patience = self._timeout if patience is None else patience
        try:
            with urllib.request.urlopen(request, timeout=patience, context=self._tls) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            raise _problem(error) from None
        except TimeoutError:
            raise TimedOut(f"{self._url} has not answered within {patience} seconds") from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise ConnectError(f"cannot reach {self._url}: {reason}") from error


def _quoted(process: str) -> str:
    return urllib.parse.quote(process, safe="")


def _problem(error: urllib.error.HTTPError) -> BureaucratError:
    with error:
        try:
            body = json.load(error)
        except ValueError:
            body = {}
    detail = body.get("detail", f"status {error.code}")
    if body.get("reasons"):
        return Rejected(body["reasons"])
    return Refused(body.get("code", ""), error.code, detail, body.get("outcome"))
