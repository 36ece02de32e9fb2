/* The worked example in C: nested fields, a loop over a list, a comparison of texts, errors. */
#include "bureaucrat.h"

CONDITION("is-high", is_high) {
  int64_t total, price;
  uint32_t count = 0;
  if (!field_integer(TEXT("/order/amount"), &total)) return failed();
  if (field_is_set(TEXT("/order/items")) && !field_items(TEXT("/order/items"), &count))
    return failed();
  struct path path;
  for (uint32_t index = 0; index < count; index++) {
    path_start(&path, TEXT("/order/items"));
    path_item(&path, index);
    path_key(&path, TEXT("price"));
    if (!field_integer(path_text(&path), &price)) return failed();
    if (__builtin_add_overflow(total, price, &total))
      return fault(TEXT("OverflowError: the total does not fit 64 bits"));
  }
  return verdict(total > 10000);
}

CONDITION("is-foreign", is_foreign) {
  struct text country;
  if (!field_is_set(TEXT("/order/country"))) return verdict(false);
  if (!field_text(TEXT("/order/country"), &country)) return failed();
  return verdict(!text_equals(country, TEXT("NL")));
}
