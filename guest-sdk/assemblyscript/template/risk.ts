// The worked example in AssemblyScript: nested fields, a loop over a list, a comparison of texts,
// errors. A reader that fails makes `verdict` return its fault.
import { add, integer, isSet, item, items, text, verdict } from "bureaucrat-guest-as";
export { cabi_realloc } from "bureaucrat-guest-as";

export function isHigh(): usize {
  let total = integer("/order/amount");
  const count = isSet("/order/items") ? items("/order/items") : 0;
  for (let index = 0; index < count; index++) {
    total = add(total, integer(item("/order/items", index) + "/price"));
  }
  return verdict(total > 10000);
}

export function isForeign(): usize {
  if (!isSet("/order/country")) return verdict(false);
  return verdict(text("/order/country") != "NL");
}
