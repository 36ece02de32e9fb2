"""Says whether a process waits for an event: reads what `bureaucrat list --json` printed, exits 0 if one does."""

import json
import sys


def waits(value, name):
    """Whether a `waits_for` anywhere below tells of the event."""
    if isinstance(value, dict):
        return value.get("waits_for") == f"event {name}" or any(waits(inner, name) for inner in value.values())
    return isinstance(value, list) and any(waits(inner, name) for inner in value)


text = sys.stdin.read()
try:
    listing = json.loads(text)
except json.JSONDecodeError:  # one JSON value a line
    listing = [json.loads(line) for line in text.splitlines() if line.strip()]
sys.exit(0 if waits(listing, sys.argv[1]) else 1)
