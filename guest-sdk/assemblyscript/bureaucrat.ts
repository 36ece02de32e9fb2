// The contract of bureaucrat's conditions for AssemblyScript: the interface `fields`, and results, in the canonical ABI.
// Memory is never freed: every evaluation runs in a new instance.

// @ts-ignore: decorator
@external("bureaucrat:condition/fields@1.0.0", "get")
declare function importedGet(pointer: usize, length: usize, into: usize): void;

/** A kind of value. */
export enum Kind { Nothing = -1, Null, Boolean, Integer, BigInteger, Float, Text, List, Record }

const found = memory.data(24, 8);
const result = memory.data(12, 4);

/** A value: its kind and its payload. */
export class Value {
  kind: Kind = Kind.Nothing;
  boolean: bool = false;
  integer: i64 = 0;
  float: f64 = 0;
  /** A text, or the digits of a big integer. */
  text: string = "";
  /** Items of a list, keys of a record. */
  length: i32 = 0;
}

/** The value at a JSON Pointer. */
export function get(pointer: string): Value {
  const bytes = String.UTF8.encode(pointer);
  importedGet(changetype<usize>(bytes), bytes.byteLength, found);
  const value = new Value();
  if (load<u8>(found) == 0) return value;
  value.kind = <Kind>load<u8>(found, 8);
  switch (value.kind) {
    case Kind.Boolean: { value.boolean = load<u8>(found, 16) != 0; break; }
    case Kind.Integer: { value.integer = load<i64>(found, 16); break; }
    case Kind.Float: { value.float = load<f64>(found, 16); break; }
    case Kind.BigInteger:
    case Kind.Text: { value.text = String.UTF8.decodeUnsafe(load<u32>(found, 16), load<u32>(found, 20)); break; }
    case Kind.List:
    case Kind.Record: { value.length = load<i32>(found, 16); break; }
    default: {}
  }
  return value;
}

/** The result of a condition: the address of its result. */
export function verdict(holds: bool): usize {
  store<u8>(result, 0);
  store<u8>(result, holds ? 1 : 0, 4);
  return result;
}

/** An error: `CODE: message`. */
export function error(text: string): usize {
  const bytes = String.UTF8.encode(text);
  store<u8>(result, 1);
  store<u32>(result, <u32>changetype<usize>(bytes), 4);
  store<u32>(result, bytes.byteLength, 8);
  return result;
}

/** The host allocates memory for texts here. */
export function cabi_realloc(old: usize, oldSize: usize, alignment: usize, size: usize): usize {
  const start = heap.alloc(size);
  memory.copy(start, old, min(oldSize, size));
  return start;
}
