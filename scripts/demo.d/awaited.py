"""Exits with 0 if a process awaits the event. Reads the output of `bureaucrat list --json`."""

import json
import sys


def waits(value, name):
    """Whether a `waits_for` anywhere in `value` names the event."""
    if isinstance(value, dict):
        return value.get("waits_for") == {"kind": "event", "event": name} or any(waits(inner, name) for inner in value.values())
    return isinstance(value, list) and any(waits(inner, name) for inner in value)


text = sys.stdin.read()
try:
    listing = json.loads(text)
except json.JSONDecodeError:  # one JSON value per line
    listing = [json.loads(line) for line in text.splitlines() if line.strip()]
sys.exit(0 if waits(listing, sys.argv[1]) else 1)
