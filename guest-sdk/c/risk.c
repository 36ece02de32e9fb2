/* The worked example in C: nested fields, a loop over a list, a comparison of texts, two errors. */
#include "bureaucrat.h"

/* The pointer /order/items/INDEX/price. */
static struct text price_at(uint32_t index) {
  static char pointer[32] = "/order/items/";
  uint32_t length = 13, digits = 1;
  for (uint32_t rest = index; rest >= 10; rest /= 10) digits++;
  for (uint32_t place = digits; place-- > 0; index /= 10) pointer[length + place] = '0' + index % 10;
  length += digits;
  for (const char *rest = "/price"; *rest; rest++) pointer[length++] = *rest;
  return (struct text){pointer, length};
}

CONDITION("is-high", is_high) {
  struct value amount = get(TEXT("/order/amount"));
  if (!amount.is_there || amount.kind != IS_INTEGER) return error(TEXT("KeyError: no integer at /order/amount"));
  int64_t total = amount.integer;
  struct value items = get(TEXT("/order/items"));
  if (items.is_there && items.kind == IS_LIST) {
    for (uint32_t index = 0; index < items.length; index++) {
      struct value price = get(price_at(index));
      if (!price.is_there || price.kind != IS_INTEGER) return error(TEXT("TypeError: a price is no integer"));
      total += price.integer;
    }
  }
  return verdict(total > 10000);
}

CONDITION("is-foreign", is_foreign) {
  struct value country = get(TEXT("/order/country"));
  if (!country.is_there || country.kind != IS_TEXT) return verdict(false);
  const struct text *text = &country.text;
  return verdict(!(text->length == 2 && text->bytes[0] == 'N' && text->bytes[1] == 'L'));
}
