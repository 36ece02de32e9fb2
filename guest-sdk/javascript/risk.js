// The worked example in JavaScript: nested fields, a loop over a list, a comparison of texts, two errors.
// A thrown text or Error becomes the condition's error.
import { get } from "bureaucrat:condition/fields@1.0.0";

const integer = (pointer) => {
  const found = get(pointer);
  return found?.tag === "integer" ? found.val : null;
};

export function isHigh() {
  let total = integer("/order/amount");
  if (total === null) throw "KeyError: no integer at /order/amount";
  const items = get("/order/items");
  const count = items?.tag === "list" ? items.val : 0;
  for (let index = 0; index < count; index++) {
    const price = integer(`/order/items/${index}/price`);
    if (price === null) throw "TypeError: a price is no integer";
    total += price;
  }
  return total > 10000n;
}

export function isForeign() {
  const country = get("/order/country");
  return country?.tag === "text" && country.val !== "NL";
}
