"""Has schemathesis send requests to an engine, and looks at how many operations succeeded.

Called by scripts/http-fuzz: the address, the file with the token, and about how many requests.
"""

import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

# Checks of schemathesis: what every answer must keep to.
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
]
# So many of the operations must reach a success.
REACHED_LEAST = 0.8

# More than are sent again and discarded.
LETTERS = 150
LETTER_OPERATIONS = ["show_letter", "resend_letter", "discard_letter"]

WAITS = '<process name="waits"><await event="never"/></process>'
# A definition, as schemathesis makes XML of objects.
ATTRIBUTE = {"type": "string", "xml": {"attribute": True}}
AWAIT = {"type": "object", "properties": {"event": ATTRIBUTE}, "required": ["event"]}
PROCESS = {
    "type": "object",
    "xml": {"name": "process"},
    "properties": {"name": ATTRIBUTE, "await": AWAIT},
    "required": ["name", "await"],
}
# Its message is returned by the broker, and becomes a dead letter.
SENDS = '<process><send routing-key="nobody-consumes-this"/></process>'
STUCK = '<process name="stuck" on-fault="incident"><fault code="NoStock"/></process>'


class Engine:
    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self.token = token

    def send(self, method: str, path: str, body: bytes, kind: str) -> dict:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def json(self, method: str, path: str, body: dict) -> dict:
        return self.send(method, path, json.dumps(body).encode(), "application/json")


    def letters(self, count: int) -> list:
        """The dead letters, once there are so many."""
        for _ in range(300):
            request = urllib.request.Request(
                f"{self.url}/api/v1/dead-letters", headers={"Authorization": f"Bearer {self.token}"}
            )
            with urllib.request.urlopen(request, timeout=60) as answer:
                letters = json.load(answer)["letters"]
            if len(letters) >= count:
                return letters
            time.sleep(0.1)
        raise SystemExit("there are no dead letters")


def examples(engine: Engine) -> dict:
    """Things that there are, so that paths can lead to them."""
    engine.send("POST", "/api/v1/definitions", WAITS.encode(), "application/xml")
    process = engine.json("POST", "/api/v1/processes", {"definition": "waits"})["process"]
    stuck = engine.json("POST", "/api/v1/processes?wait=1", {"source": STUCK})["process"]
    search = {"definition": "nothing", "state": ["running"]}
    job = engine.json("POST", "/api/v1/bulk", {"search": search, "order": {"order": "resume"}})["job"]
    for _ in range(LETTERS):
        engine.json("POST", "/api/v1/processes", {"source": SENDS})
    letters = [letter["letter"] for letter in engine.letters(LETTERS)]
    return {
        "process": {"enum": [process, stuck]},
        "name": {"const": "waits"},
        "version": {"const": 1},
        "job": {"const": job},
        "letter": {"enum": letters},
    }


def check_metrics(engine: Engine) -> None:
    """Whether Prometheus can read the metrics, and whether they are named as it wants."""
    request = urllib.request.Request(
        f"{engine.url}/api/v1/metrics", headers={"Authorization": f"Bearer {engine.token}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for family in families.values():
        assert family.documentation and family.samples, family
        assert family.type in ("counter", "gauge", "histogram"), family
        assert family.name.startswith("bureaucrat_"), family
        assert family.type != "histogram" or family.name.endswith("_seconds"), family
        assert len(family.samples) < 1_000, family
    assert families["bureaucrat_launches"].samples[0].value > 0, text
    assert families["bureaucrat_commit_seconds"].samples, text
    print(f"{len(families)} metrics")


def main() -> int:
    url, token_file, count = sys.argv[1:]
    engine = Engine(url, Path(token_file).read_text().strip())
    with urllib.request.urlopen(f"{url}/api/v1/openapi.json", timeout=60) as answer:
        document = json.load(answer)
    known = examples(engine)
    check_metrics(engine)
    operations = [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    for _, _, operation in operations:
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "path" and parameter["name"] in known:
                parameter["schema"] = known[parameter["name"]]
            if parameter["name"] == "letter":
                # What one operation uses up is not for the others.
                place = LETTER_OPERATIONS.index(operation["operationId"])
                letters = known["letter"]["enum"][place :: len(LETTER_OPERATIONS)]
                parameter["schema"] = {"enum": letters}
            # Nobody waits long, and there is one version.
            if parameter["name"] in ("wait", "against"):
                parameter["schema"]["maximum"] = 1
    bodies = document["paths"]["/api/v1/definitions"]["post"]["requestBody"]["content"]
    bodies["application/xml"] = {"schema": PROCESS, "example": {"name": "fuzzed", "await": {"event": "never"}}}
    bodies = document["paths"]["/api/v1/processes"]["post"]["requestBody"]["content"]
    bodies["application/json"]["example"] = {"source": WAITS}
    bodies = document["paths"]["/api/v1/session"]["post"]["requestBody"]["content"]
    bodies["application/json"]["example"] = {"token": engine.token}
    # It knows no modules, but bytes.
    bodies = document["paths"]["/api/v1/modules"]["post"]["requestBody"]["content"]
    bodies["application/octet-stream"] = bodies.pop("application/wasm")
    # A stream has no end.
    del document["paths"]["/api/v1/changes"]
    folder = Path(tempfile.mkdtemp(prefix="http-fuzz-"))
    (folder / "api.json").write_text(json.dumps(document))
    each = max(1, int(count) * 11 // (10 * len(operations)))
    command = [
        str(Path(sys.executable).parent / "schemathesis"), "run", str(folder / "api.json"),
        "--url", url, "--header", f"Authorization: Bearer {engine.token}",
        "--checks", ",".join(CHECKS), "--max-examples", str(each),
        "--phases", "examples,coverage,fuzzing", "--mode", "all", "--request-timeout", "60",
        "--report", "har", "--report-har-path", str(folder / "requests.har"), "--seed", "1",
        "--continue-on-failure", "--no-shrink",
    ]
    done = subprocess.run(command, check=False, cwd=folder)
    entries = json.loads((folder / "requests.har").read_text())["log"]["entries"]
    reached = {
        operation["operationId"]
        for entry in entries
        if 200 <= entry["response"]["status"] < 300
        for method, path, operation in operations
        if is_of(entry["request"], method, path)
    }
    wanted = {operation["operationId"] for _, path, operation in operations if path != "/api/v1/changes"}
    share = len(reached) / len(wanted)
    print(f"{len(entries)} requests; {len(reached)} of {len(wanted)} operations succeeded")
    for missing in sorted(wanted - reached):
        print(f"  never succeeded: {missing}")
    return 0 if done.returncode == 0 and share >= REACHED_LEAST else 1


def is_of(request: dict, method: str, path: str) -> bool:
    """Whether a request is of the operation with this method and path."""
    pattern = re.sub(r"\\{[^/]*\\}", "[^/]+", re.escape(path))
    found = urllib.parse.urlsplit(request["url"]).path
    return request["method"] == method.upper() and re.fullmatch(pattern, found) is not None


if __name__ == "__main__":
    sys.exit(main())
