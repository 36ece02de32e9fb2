"""Prints the final fields, and checks that they are what definitions/example1.xml describes.

Reads the output of `bureaucrat launch --wait --json`; the last line is
{"status": …, "process": …, "fields": {…}}.
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
    sys.exit(f"demo: unexpected fields; expected {EXPECTED} and some_process")
