"""The reference: evaluates expressions in CPython, one JSON line in, one JSON line out.

In: {"fields": JSON text, "expression": text}. Out: {"value": JSON text or null, "truth": bool or null, "code": error's
name or null, "message": its text, "big": whether an integer outside 64 bits occurs, "version": [3, N]}.
"""
import ast
import json
import sys


class WorkItem:
    def __init__(self, fields):
        self.fields = fields


def has_big(value, depth=0):
    if isinstance(value, int):
        return not -(2**63) <= value < 2**63
    if depth > 20:
        return False
    if isinstance(value, (list, tuple, set)):
        return any(has_big(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return any(has_big(key) or has_big(item, depth + 1) for key, item in value.items())
    return False


def big_occurs(tree, names):
    """Whether a part of the expression is, or sums up to, an integer outside 64 bits."""
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and not isinstance(node, (ast.Starred, ast.Slice)):
            try:
                value = eval(compile(ast.Expression(node), "", "eval"), dict(names))
                if has_big(value):
                    return True
            except Exception:
                pass
    return False


def answer(request):
    fields = json.loads(request["fields"])
    names = {"workitem": WorkItem(fields), "context": fields}
    source = "(" + request["expression"] + "\n)"
    result = {"value": None, "truth": None, "code": None, "message": "", "big": False}
    tree = ast.parse(source, mode="eval")
    try:
        value = eval(compile(tree, "", "eval"), dict(names))
        result["truth"] = bool(value)
        result["value"] = json.dumps(value, ensure_ascii=False)
    except Exception as error:
        result["code"] = type(error).__name__
        result["message"] = str(error)
    result["big"] = has_big(fields) or big_occurs(tree.body, names)
    return result


sys.stdin.reconfigure(encoding="utf-8")
sys.stdout.reconfigure(encoding="utf-8")
import warnings
warnings.simplefilter("ignore")
for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=False)
