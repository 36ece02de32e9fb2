// The worked example in AssemblyScript: nested fields, a loop over a list, a comparison of texts, two errors.
import { Kind, error, get, verdict } from "./bureaucrat";
export { cabi_realloc } from "./bureaucrat";

export function isHigh(): usize {
  const amount = get("/order/amount");
  if (amount.kind != Kind.Integer) return error("KeyError: no integer at /order/amount");
  let total = amount.integer;
  const items = get("/order/items");
  const count = items.kind == Kind.List ? items.length : 0;
  for (let index = 0; index < count; index++) {
    const price = get("/order/items/" + index.toString() + "/price");
    if (price.kind != Kind.Integer) return error("TypeError: a price is no integer");
    total += price.integer;
  }
  return verdict(total > 10000);
}

export function isForeign(): usize {
  const country = get("/order/country");
  return verdict(country.kind == Kind.Text && country.text != "NL");
}

