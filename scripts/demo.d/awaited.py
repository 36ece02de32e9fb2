"""Exits with 0 if a process awaits the event. Reads the output of `bureaucrat list --json`."""

import json
import sys


def waited(wanted, name):
    """Whether what is waited for is the event, with any key."""
    events = wanted.get("events", []) if isinstance(wanted, dict) else []
    return any(event["event"] == name for event in events)


def waits(value, name):
    """Whether a `waits_for` anywhere in `value` names the event."""
    if isinstance(value, dict):
        return waited(value.get("waits_for"), name) or any(waits(inner, name) for inner in value.values())
    return isinstance(value, list) and any(waits(inner, name) for inner in value)


text = sys.stdin.read()
try:
    listing = json.loads(text)
except json.JSONDecodeError:  # one JSON value per line
    listing = [json.loads(line) for line in text.splitlines() if line.strip()]
sys.exit(0 if waits(listing, sys.argv[1]) else 1)
