import unittest

from bureaucrat_guest import Fault, set_fields
from risk import WitWorld


def outcome(condition, fields):
    set_fields(fields)
    try:
        return condition()
    except Fault as fault:
        return fault.value


class Risk(unittest.TestCase):
    def test_amounts_and_prices_count(self):
        for fields, expected in [
            ('{"order": {"amount": 10001}}', True),
            ('{"order": {"amount": 9999, "items": [{"price": 1}]}}', False),
            ('{"order": {"amount": "9999"}}', "TypeError: `/order/amount` is a text, not an integer"),
            ('{"order": {}}', "KeyError: nothing at `/order/amount`"),
        ]:
            self.assertEqual(outcome(WitWorld().is_high, fields), expected, fields)

    def test_countries_are_compared(self):
        for country, expected in [('"NL"', False), ('"BE"', True), ("null", False)]:
            fields = f'{{"order": {{"country": {country}}}}}'
            self.assertEqual(outcome(WitWorld().is_foreign, fields), expected, country)
