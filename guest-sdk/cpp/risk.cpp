// The worked example in C++: nested fields, a loop over a list, a comparison of texts, two errors.
#include "bureaucrat.hpp"

using namespace bureaucrat;

CONDITION("is-high", is_high) {
  auto amount = integer(TEXT("/order/amount"));
  if (!amount) return error(TEXT("KeyError: no integer at /order/amount"));
  int64_t total = *amount;
  uint32_t count = items(TEXT("/order/items"));
  for (uint32_t index = 0; index < count; index++) {
    auto price = integer(Pointer("/order/items").item(index).key("price"));
    if (!price) return error(TEXT("TypeError: a price is no integer"));
    total += *price;
  }
  return verdict(total > 10000);
}

CONDITION("is-foreign", is_foreign) {
  auto country = text_at(TEXT("/order/country"));
  return verdict(country && !(*country == TEXT("NL")));
}
