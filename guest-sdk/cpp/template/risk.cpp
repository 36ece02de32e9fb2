// The worked example in C++: nested fields, a loop over a list, a comparison of texts, errors.
#include "bureaucrat.hpp"

using namespace bureaucrat;

CONDITION("is-high", is_high) {
  auto amount = integer("/order/amount");
  if (!amount) return failed();
  int64_t total = *amount;
  if (is_set("/order/items")) {
    auto count = items("/order/items");
    if (!count) return failed();
    for (uint32_t index = 0; index < *count; index++) {
      auto price = integer(Path("/order/items").item(index).key("price"));
      if (!price) return failed();
      if (__builtin_add_overflow(total, *price, &total))
        return fault(Text("OverflowError: the total does not fit 64 bits"));
    }
  }
  return verdict(total > 10000);
}

CONDITION("is-foreign", is_foreign) {
  if (!is_set("/order/country")) return verdict(false);
  auto country = bureaucrat::text("/order/country");
  if (!country) return failed();
  return verdict(*country != "NL");
}
