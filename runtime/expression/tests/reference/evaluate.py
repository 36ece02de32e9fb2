"""The reference: evaluates expressions in CPython, one JSON line in, one JSON line out.

In: {"fields": JSON text, "expression": text, "watch": whether its parts are watched}. Out: {"value": JSON text or null, "truth": bool or null, "code": error's
name or null, "message": its text, "big": whether an integer outside 64 bits occurs, "order": whether the order of a set
may show, "rounded": how many powers of floats the C library rounds otherwise, "seen": [[what, gave a value]…],
"pairs": [[operator, left kind, right kind, gave a value]…]}. The first line out is the version of this Python.

A watched expression is evaluated twice: as it is, and with every part of it watched, which gives the last four.
"""
import ast
import datetime
import fractions
import json
import math
import os
import resource
import sys
import time
import warnings

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from watch import Watch, has_big


class WorkItem:
    def __init__(self, fields):
        self.fields = fields


class State:
    """What the functions below note beside their results."""

    big = False
    rounded = 0


def power(base, exponent):
    """`**`, rounded to the nearest where the C library may miss that by a bit."""
    result = base**exponent
    if isinstance(result, float) and math.isfinite(result) and exponent in (2, -1, 0.5) and base and math.isfinite(base):
        exact = fractions.Fraction(base)
        nearest = math.sqrt(base) if exponent == 0.5 else float(exact**2 if exponent == 2 else 1 / exact)
        if isinstance(base, int):
            nearest = math.sqrt(float(base)) if exponent == 0.5 else float(1 / fractions.Fraction(float(base)))
        State.rounded += result != nearest
        return nearest
    return result


def total(iterable, /, start=0):
    """`sum`, whose parts count when it is asked for integers outside 64 bits."""
    if isinstance(start, str):
        raise TypeError("sum() can't sum strings")
    for item in iterable:
        start = start + item
        State.big = State.big or has_big(start)
    return start


def duration(delta):
    """The ISO text of a timedelta, as it leaves an expression."""
    micros = delta // datetime.timedelta(microseconds=1)
    seconds, micros, sign = abs(micros) // 10**6, abs(micros) % 10**6, "-" if micros < 0 else ""
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    clock = "".join(f"{number}{letter}" for number, letter in ((hours, "H"), (minutes, "M")) if number)
    if seconds % 60 or micros or not (days or clock):
        clock += f"{seconds % 60}" + (f".{micros:06}".rstrip("0") if micros else "") + "S"
    return f"{sign}P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def leaving(value):
    """What a date is in JSON."""
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return duration(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def dates(now):
    """The names of dates; `now` is the field that `now()` reads."""
    names = {name: getattr(datetime, name) for name in ("datetime", "date", "time", "timedelta", "timezone")}
    return names | {"now": lambda: datetime.datetime.fromtimestamp(now["inst:now"], datetime.timezone.utc)}


class Powers(ast.NodeTransformer):
    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow):
            return node
        call = ast.Call(ast.Name("pow", ast.Load()), [node.left, node.right], [])
        return ast.copy_location(call, node)


def run(tree, names):
    return eval(compile(ast.fix_missing_locations(ast.Expression(tree)), "", "eval"), names)


def answer(request):
    fields = json.loads(request["fields"])
    source = "(" + request["expression"] + "\n)"
    result = {"value": None, "truth": None, "code": None, "message": ""}
    State.big, State.rounded = has_big(fields), 0

    def names():
        own = json.loads(request["fields"])
        now = {"inst:now": own.pop("inst:now")} if "inst:now" in own else {}
        return dates(now) | {"workitem": WorkItem(own), "context": own, "pow": power, "sum": total}

    try:
        value = run(Powers().visit(ast.parse(source, mode="eval")).body, names())
        result["truth"] = bool(value)
        result["value"] = json.dumps(value, ensure_ascii=False, default=leaving)
    except Exception as error:
        result["code"] = type(error).__name__
        result["message"] = str(error)
    result["rounded"] = State.rounded
    if not request["watch"]:
        return result
    watch = Watch(ast.parse(source, mode="eval").body)
    try:
        run(Powers().visit(watch.tree), names() | watch.names)
    except Exception:
        pass
    result["big"] = State.big or watch.big
    result["order"] = watch.order
    result["seen"] = watch.seen()
    result["pairs"] = watch.pairs()
    return result


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    warnings.simplefilter("ignore")
    # Local time is UTC in expressions.
    os.environ["TZ"] = "UTC"
    time.tzset()
    print(json.dumps(list(sys.version_info[:2])), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=False)
