"""The worked example in Python: nested fields, a loop over a list, a comparison of texts, two errors.

`raise Err(text)` becomes the condition's error; any other exception is a trap.
"""

from componentize_py_types import Err
from wit_world.imports.fields import Value_Integer, Value_List, Value_Text, get


def integer(pointer):
    found = get(pointer)
    return found.value if isinstance(found, Value_Integer) else None


class WitWorld:
    def is_high(self):
        total = integer("/order/amount")
        if total is None:
            raise Err("KeyError: no integer at /order/amount")
        items = get("/order/items")
        count = items.value if isinstance(items, Value_List) else 0
        for index in range(count):
            price = integer(f"/order/items/{index}/price")
            if price is None:
                raise Err("TypeError: a price is no integer")
            total += price
        return total > 10000

    def is_foreign(self):
        country = get("/order/country")
        return isinstance(country, Value_Text) and country.value != "NL"
