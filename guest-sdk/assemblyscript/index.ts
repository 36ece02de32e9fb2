/**
 * Conditions for bureaucrat in AssemblyScript: reads the fields of a process, and returns verdicts,
 * values and faults.
 *
 * AssemblyScript has no exceptions. A reader that cannot read what its name says remembers a fault
 * and returns 0, false or an empty text. `verdict` and `value` then return the first of these
 * faults, so a condition may read everything and end with its verdict. Ask `failed()` before you
 * do something that 0 or an empty text would break. The faults are the same in all languages:
 *   KeyError       nothing is at the pointer
 *   TypeError      something else is at the pointer
 *   OverflowError  the number does not fit the type
 *
 * Memory is never freed, because every evaluation runs in a new instance. A text takes 3 to 4 bytes
 * for each character: the host's UTF-8, and the UTF-16 of AssemblyScript. A pointer takes as much.
 * An evaluation that needs more than the engine's limit ends with a trap.
 */

// @ts-ignore: decorator
@external("bureaucrat:condition/fields@1.1.0", "get")
declare function importedGet(pointer: usize, length: usize, into: usize): void;
// @ts-ignore: decorator
@external("bureaucrat:condition/fields@1.1.0", "keys")
declare function importedKeys(pointer: usize, length: usize, into: usize): void;
// @ts-ignore: decorator
@external("bureaucrat:condition/fields@1.1.0", "json")
declare function importedJson(pointer: usize, length: usize, into: usize): void;

// @ts-ignore: decorator
@external("bureaucrat:condition/log@1.1.0", "write")
declare function importedWrite(words: usize, length: usize): void;

/**
 * Leaves some words for people who look into an evaluation that fails; `bureaucrat module run` shows
 * them. About 4,000 bytes are kept.
 */
export function log(words: string): void {
  const bytes = String.UTF8.encode(words);
  importedWrite(changetype<usize>(bytes), bytes.byteLength);
}

/** What `throw` calls, by the option `--use abort=` of the template: the fault sandbox.trap, whose
 * message ends with the error's. */
export function abort(words: string | null, file: string | null, line: u32, column: u32): void {
  const place = (file ? file : "") + ":" + line.toString() + ":" + column.toString();
  log((words ? words : "abort") + ", at " + place);
  unreachable();
}

/** `Nothing`: nothing is at the pointer. */
export enum Kind { Nothing = -1, Null, Boolean, Integer, BigInteger, Float, Text, List, Record }

/** A value of any kind. */
export class Value {
  kind: Kind = Kind.Nothing;
  boolean: bool = false;
  integer: i64 = 0;
  /** May be infinite, never NaN. */
  float: f64 = 0;
  /** A text, or the digits of a big integer. */
  text: string = "";
  /** Items of a list, keys of a record. */
  length: i32 = 0;
}

const found = memory.data(24, 8);
const result = memory.data(12, 4);
let fault: string | null = null;

// ---- Results ----

/** Ends a condition: a verdict, or the fault of the first reader that failed. */
export function verdict(holds: bool): usize {
  if (fault !== null) return error(fault!);
  store<u8>(result, 0);
  store<u8>(result, holds ? 1 : 0, 4);
  return result;
}

/**
 * Ends a function that returns a value: one JSON text, at most 64 KiB by default; or the fault of
 * the first reader that failed. A module with values is built with `bureaucrat module build --wit`.
 */
export function value(json: string): usize {
  if (fault !== null) return error(fault!);
  return returned(0, json);
}

/** Ends with a fault: `CODE: message`, at most 4,096 bytes by default. */
export function error(message: string): usize {
  return returned(1, message);
}

/** Whether a reader has failed. */
export function failed(): bool {
  return fault !== null;
}

/** The sum of two integers. Remembers an OverflowError if it does not fit 64 bits. */
export function add(left: i64, right: i64): i64 {
  const sum = left + right;
  if (((left ^ sum) & (right ^ sum)) < 0) fail("OverflowError: a sum does not fit 64 bits");
  return sum;
}

/** Remembers a fault, unless there is one. */
export function fail(message: string): void {
  if (fault === null) fault = message;
}

function returned(isError: u8, text: string): usize {
  const bytes = String.UTF8.encode(text);
  store<u8>(result, isError);
  store<u32>(result, <u32>changetype<usize>(bytes), 4);
  store<u32>(result, bytes.byteLength, 8);
  return result;
}

// ---- Fields ----

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
    case Kind.Text: { value.text = textAt(found + 16); break; }
    case Kind.List:
    case Kind.Record: { value.length = load<i32>(found, 16); break; }
    default: {}
  }
  return value;
}

/** Whether anything but null is at a pointer. */
export function isSet(pointer: string): bool {
  const kind = get(pointer).kind;
  return kind != Kind.Nothing && kind != Kind.Null;
}

export function boolean(pointer: string): bool {
  const value = get(pointer);
  if (value.kind != Kind.Boolean) wrong(value, pointer, "a boolean");
  return value.boolean;
}

/** An integer of 64 bits; OverflowError beyond. A float is a TypeError, 7.0 as well. */
export function integer(pointer: string): i64 {
  const value = get(pointer);
  if (value.kind == Kind.BigInteger) overflow(pointer, "an integer beyond 64 bits");
  else if (value.kind != Kind.Integer) wrong(value, pointer, "an integer");
  return value.integer;
}

/** The digits of an integer of any size, after `-` if it is negative. */
export function digits(pointer: string): string {
  const value = get(pointer);
  if (value.kind == Kind.Integer) return value.integer.toString();
  if (value.kind == Kind.BigInteger) return value.text;
  wrong(value, pointer, "an integer");
  return "";
}

/**
 * A float, or an integer that a float holds exactly. OverflowError for a float that is too large,
 * and for an integer beyond 2^53.
 */
export function number(pointer: string): f64 {
  const value = get(pointer), largest: i64 = 1 << 53;
  if (value.kind == Kind.Float) {
    if (isFinite(value.float)) return value.float;
    overflow(pointer, "beyond the largest float");
  } else if (value.kind == Kind.Integer && value.integer <= largest && value.integer >= -largest) {
    return <f64>value.integer;
  } else if (value.kind == Kind.Integer || value.kind == Kind.BigInteger) {
    overflow(pointer, "an integer beyond 2^53");
  } else {
    wrong(value, pointer, "a number");
  }
  return 0;
}

export function text(pointer: string): string {
  const value = get(pointer);
  if (value.kind == Kind.Text) return value.text;
  wrong(value, pointer, "a text");
  return "";
}

/** How many items a list has. */
export function items(pointer: string): i32 {
  const value = get(pointer);
  if (value.kind == Kind.List) return value.length;
  wrong(value, pointer, "a list");
  return 0;
}

/** The keys of a record, in order, without escapes. */
export function keys(pointer: string): string[] {
  const bytes = String.UTF8.encode(pointer);
  importedKeys(changetype<usize>(bytes), bytes.byteLength, found);
  if (load<u8>(found) == 0) {
    wrong(get(pointer), pointer, "a record");
    return [];
  }
  const texts = load<u32>(found, 4), names = new Array<string>(load<i32>(found, 8));
  for (let at = 0; at < names.length; at++) names[at] = textAt(texts + 8 * at);
  return names;
}

/** The value at a pointer as JSON text, unchanged; only KeyError. */
export function json(pointer: string): string {
  const bytes = String.UTF8.encode(pointer);
  importedJson(changetype<usize>(bytes), bytes.byteLength, found);
  if (load<u8>(found) != 0) return textAt(found + 4);
  wrong(new Value(), pointer, "");
  return "";
}

// ---- Pointers and JSON ----

/** The pointer to an item of a list, from 0: `item("/order/items", 3)` is "/order/items/3". */
export function item(pointer: string, index: u32): string {
  return pointer + "/" + index.toString();
}

/** The pointer to a key of a record: `key("/order", "a/b")` is "/order/a~1b". */
export function key(pointer: string, name: string): string {
  return pointer + "/" + name.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** A text as JSON, with quotes and escapes. */
export function quoted(text: string): string {
  let json = '"', from = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x20 && unit != 0x22 && unit != 0x5c) continue;
    json += text.substring(from, at);
    json += unit < 0x20 ? "\\u00" + (unit < 16 ? "0" : "") + unit.toString(16) : "\\";
    from = unit < 0x20 ? at + 1 : at;
  }
  return json + text.substring(from) + '"';
}

// ---- The canonical ABI ----

function textAt(place: usize): string {
  return String.UTF8.decodeUnsafe(load<u32>(place), load<u32>(place, 4));
}

function overflow(pointer: string, what: string): void {
  fail("OverflowError: `" + pointer + "` is " + what);
}

function wrong(value: Value, pointer: string, wanted: string): void {
  let what = "";
  switch (value.kind) {
    case Kind.Nothing: { fail("KeyError: nothing at `" + pointer + "`"); return; }
    case Kind.Null: { what = "null"; break; }
    case Kind.Boolean: { what = "a boolean"; break; }
    case Kind.Integer:
    case Kind.BigInteger: { what = "an integer"; break; }
    case Kind.Float: { what = "a float"; break; }
    case Kind.Text: { what = "a text"; break; }
    case Kind.List: { what = "a list"; break; }
    default: { what = "a record"; }
  }
  fail("TypeError: `" + pointer + "` is " + what + ", not " + wanted);
}

/** The host allocates memory for texts and lists here; your main file exports it. */
export function cabi_realloc(old: usize, oldSize: usize, alignment: usize, size: usize): usize {
  const start = heap.alloc(size);
  memory.copy(start, old, min(oldSize, size));
  return start;
}
