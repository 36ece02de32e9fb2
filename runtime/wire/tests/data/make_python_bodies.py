"""Writes python_bodies.txt: bodies as Python's json.dumps makes them, one a line, hex-encoded, with a name.

Run by hand when a case is added: python3 make_python_bodies.py > python_bodies.txt
"""

import json

PID = "0190b6a8-7c3e-8a12-9f00-0123456789ab"


def workitem(fields):
    return {"header": {"message": "response", "target": PID + "_0_1", "origin": PID + "_0_1~7"}, "fields": fields}


def message(payload):
    return {"name": "response", "target": PID + "_0_1", "origin": PID + "_0_1~7", "payload": payload}


CASES = [
    ("plain", json.dumps(workitem({"a": 1, "b": 1.5, "c": None, "d": [True, {}]}))),
    ("ascii", json.dumps(workitem({"name": "J\u00fcrgen \U0001f600", "line": "a\nb\t\"c\"\\"}))),
    ("unicode", json.dumps(workitem({"name": "J\u00fcrgen \U0001f600"}), ensure_ascii=False)),
    ("compact", json.dumps(workitem({"a": [1, 2]}), separators=(",", ":"))),
    ("indented", json.dumps(workitem({"a": [1, 2]}), indent=2, sort_keys=True)),
    ("big", json.dumps(workitem({"i": 10**40, "f": 1e300, "g": 1e-07, "z": -0.0}))),
    ("nan", json.dumps(workitem({"a": float("nan")}))),
    ("infinity", json.dumps(workitem({"a": [1, float("-inf"), float("inf")]}))),
    ("surrogate", json.dumps(workitem({"a": "\ud800"}))),
    ("surrogate-name", json.dumps(workitem({"\udc00x": 1}))),
    ("message", json.dumps(message({"a": 1, "status": "done"}))),
    ("message-nan", json.dumps(message({"a": float("nan"), "status": "done"}))),
    ("fields-first", json.dumps({"fields": {"a": float("nan")}, "header": workitem({})["header"]})),
]

for name, body in CASES:
    print(name, body.encode("utf-8").hex())
