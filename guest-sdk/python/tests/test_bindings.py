"""The table of what all languages' bindings read, over mock fields."""

import json
import pathlib
import unittest

from bindings import WitWorld
from bureaucrat_guest import Fault, set_fields, verdict

CASES = json.loads((pathlib.Path(__file__).parents[2] / "bindings.json").read_text("utf-8"))


def repeated(text, case):
    for marker, (part, times) in case.get("repeat", {}).items():
        text = text.replace(marker, part * times)
    return text


def wanted(case):
    if "error" in case:
        return f"fault {case['error']}: {case['message']}"
    for outcome in ("verdict", "json"):
        if outcome in case:
            return case[outcome]
    value = case["value"]
    return repeated(value, case) if isinstance(value, str) else value


def outcome(case):
    try:
        found = getattr(WitWorld(), case["function"].replace("-", "_"))()
    except Fault as fault:
        return f"fault {fault.value}"
    return json.loads(found) if "value" in case else found


class Bindings(unittest.TestCase):
    def test_native_tests_read_what_guests_read(self):
        self.assertGreater(len(CASES), 200)
        for case in CASES:
            with self.subTest(case["name"]):
                set_fields(repeated(case["fields"], case))
                self.assertEqual(outcome(case), wanted(case))

    def test_any_exception_becomes_a_fault(self):
        set_fields("{}")
        for function, said in [
            (lambda: {}["missing"], "KeyError: 'missing'"),
            (lambda: 1, "TypeError: a condition returned int, not bool"),
            (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        ]:
            with self.assertRaises(Fault) as raised:
                verdict(function)()
            self.assertEqual(raised.exception.value, said)

    def test_fields_are_an_object(self):
        for text in ["[]", "null", "{", "NaN", '{"a": NaN}']:
            with self.assertRaises(ValueError):
                set_fields(text)
