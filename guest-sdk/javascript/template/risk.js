// The worked example in JavaScript: nested fields, a loop over a list, a comparison of texts,
// errors.
import { Fault, integer, isSet, item, items, text, verdict } from "bureaucrat-guest";

export const isHigh = verdict(() => {
  let total = integer("/order/amount");
  const count = isSet("/order/items") ? items("/order/items") : 0;
  for (let index = 0; index < count; index++) {
    total += integer(`${item("/order/items", index)}/price`);
  }
  if (BigInt.asIntN(64, total) !== total) {
    throw new Fault("OverflowError", "the total does not fit 64 bits");
  }
  return total > 10000n;
});

export const isForeign = verdict(
  () => isSet("/order/country") && text("/order/country") !== "NL",
);
