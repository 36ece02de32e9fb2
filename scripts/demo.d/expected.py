"""Whether a process ended with the fields that definitions/example1.xml promises; shows them.

Reads what `bureaucrat launch --wait --json` printed: {"status": …, "process": …, "fields": {…}}, on the last line.
"""

import json
import sys

EXPECTED = {
    "counter": 3,
    "ratio": 0.75,
    "title": "Example & first definition",
    "urgent": True,
    "items": [{"name": "pen", "price": 1.5}, {"name": "ink", "price": 12}],
    "greeting": "hello",
    "route": "second",
    "routed": True,
    "left": True,
    "right": True,
    "event": {"event": "decision", "approved": True},
    "inner": "ran",
    "inner_done": True,
}

fields = json.loads(sys.stdin.read().splitlines()[-1])["fields"]
print(json.dumps(fields, indent=2))
some_process = fields.pop("some_process", "")
if fields != EXPECTED or "<process" not in some_process:
    sys.exit(f"demo: these are not the fields that the definition promises: {EXPECTED} and some_process")
