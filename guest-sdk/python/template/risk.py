"""The worked example in Python: nested fields, a loop over a list, a comparison of texts, errors."""

from bureaucrat_guest import Fault, integer, is_set, item, items, text, verdict


class WitWorld:
    @verdict
    def is_high(self):
        total = integer("/order/amount")
        count = items("/order/items") if is_set("/order/items") else 0
        for index in range(count):
            total += integer(item("/order/items", index) + "/price")
        if not -(2**63) <= total < 2**63:
            raise Fault("OverflowError: the total does not fit 64 bits")
        return total > 10000

    @verdict
    def is_foreign(self):
        return is_set("/order/country") and text("/order/country") != "NL"
