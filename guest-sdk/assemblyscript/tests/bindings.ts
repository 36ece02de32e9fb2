// Exposes what the bindings read, for the table ../../bindings.json.
import * as fields from "bureaucrat-guest-as";
import { Kind, quoted, value, verdict } from "bureaucrat-guest-as";
export { cabi_realloc } from "bureaucrat-guest-as";

/** The place that a case names: by a pointer in /place, or by keys and indexes in /steps. */
function place(): string {
  if (!fields.isSet("/steps")) return fields.text("/place");
  const count = fields.items("/steps");
  let path = "";
  for (let index = 0; index < count; index++) {
    const step = fields.get(fields.item("/steps", index));
    if (step.kind == Kind.Integer) path = fields.item(path, <u32>step.integer);
    else path = fields.key(path, step.text);
  }
  return path;
}

function bits(number: f64): string {
  const bits = reinterpret<u64>(number);
  let digits = "";
  for (let shift = 60; shift >= 0; shift -= 4) digits += (bits >> shift & 15).toString(16);
  return quoted(digits);
}

export function readPath(): usize { return value(quoted(place())); }

export function readValue(): usize {
  const found = fields.get(place());
  switch (found.kind) {
    case Kind.Nothing: return value('["nothing"]');
    case Kind.Null: return value('["null"]');
    case Kind.Boolean: return value(found.boolean ? '["boolean",true]' : '["boolean",false]');
    case Kind.Integer: return value('["integer",' + found.integer.toString() + "]");
    case Kind.BigInteger: return value('["big-integer",' + quoted(found.text) + "]");
    case Kind.Float: return value('["float",' + bits(found.float) + "]");
    case Kind.Text: return value('["text",' + quoted(found.text) + "]");
    case Kind.List: return value('["list",' + found.length.toString() + "]");
    default: return value('["record",' + found.length.toString() + "]");
  }
}

export function readBoolean(): usize { return verdict(fields.boolean(place())); }
export function isSet(): usize { return verdict(fields.isSet(place())); }
export function readInteger(): usize { return value(fields.integer(place()).toString()); }
export function readDigits(): usize { return value(quoted(fields.digits(place()))); }
export function readNumber(): usize { return value(bits(fields.number(place()))); }
export function readText(): usize { return value(quoted(fields.text(place()))); }
export function readItems(): usize { return value(fields.items(place()).toString()); }
export function readJson(): usize { return value(fields.json(place())); }

export function readKeys(): usize {
  const keys = fields.keys(place());
  for (let at = 0; at < keys.length; at++) keys[at] = quoted(keys[at]);
  return value("[" + keys.join(",") + "]");
}

/** How many characters a text has, and a hash of every 16th. */
export function measure(): usize {
  const text = fields.text(place());
  let count: u32 = 0, hash: u32 = 0;
  for (let at = 0; at < text.length; count++) {
    const character = text.codePointAt(at);
    at += character > 0xffff ? 2 : 1;
    if (count % 16 == 0) hash = hash * 31 + <u32>character;
  }
  return value("[" + count.toString() + "," + hash.toString() + "]");
}

export function sumItems(): usize {
  const list = place(), count = fields.items(list);
  let sum: i64 = 0;
  for (let index = 0; index < count; index++) sum += fields.integer(fields.item(list, index));
  return value(sum.toString());
}

export function sumValues(): usize {
  const record = place(), keys = fields.keys(record);
  let sum: i64 = 0;
  for (let at = 0; at < keys.length; at++) sum += fields.integer(fields.key(record, keys[at]));
  return value(sum.toString());
}

export function logWords(): usize {
  const count = fields.items("/words");
  for (let index = 0; index < count; index++) {
    const words = fields.text(fields.item("/words", index));
    if (fields.failed()) return verdict(false);
    fields.log(words);
  }
  fields.fail("Logged: all of them");
  return verdict(false);
}

export function panics(): usize { throw new Error("no rates"); }
