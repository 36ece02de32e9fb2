/**
 * Conditions for bureaucrat in JavaScript: reads the fields of a process, and returns verdicts,
 * values and faults. In Node, for tests, the same functions read what `setFields` has set.
 *
 * The faults of the readers are the same in all languages: `KeyError` if nothing is at a pointer,
 * `TypeError` if something else is, `OverflowError` for a number that does not fit the type.
 * Nothing is rounded, except decimal fractions to the nearest Number.
 */

/** A value of any kind; lists and records only by their length. */
export type Value =
  | { tag: "null" }
  | { tag: "boolean"; val: boolean }
  | { tag: "integer"; val: bigint }
  /** The digits of an integer beyond 64 bits. */
  | { tag: "big-integer"; val: string }
  /** May be infinite, never NaN. */
  | { tag: "float"; val: number }
  | { tag: "text"; val: string }
  | { tag: "list"; val: number }
  | { tag: "record"; val: number };

/** Why a function failed; throw it for a fault of the process. At most 4,096 bytes by default. */
export class Fault extends Error {
  constructor(code: string, message: string);
  readonly code: string;
}

/** The value at a JSON Pointer; null if nothing is there. */
export function get(pointer: string): Value | null;
/** Whether anything but null is at a pointer. */
export function isSet(pointer: string): boolean;
export function boolean(pointer: string): boolean;
/** An integer of 64 bits; `OverflowError` beyond. A float is a `TypeError`, 7.0 as well. */
export function integer(pointer: string): bigint;
/** The digits of an integer of any size, for BigInt. */
export function digits(pointer: string): string;
/** A float, or an integer of at most 2^53. `OverflowError` for larger ones, and for infinity. */
export function number(pointer: string): number;
export function text(pointer: string): string;
/** How many items a list has. */
export function items(pointer: string): number;
/** The keys of a record, in order, without escapes. */
export function keys(pointer: string): string[];
/**
 * The value at a pointer as JSON text, unchanged; only `KeyError`. JSON.parse rounds its integers
 * beyond 2^53.
 */
export function json(pointer: string): string;
/** The pointer to an item of a list, from 0: `item("/order/items", 3)` is "/order/items/3". */
export function item(pointer: string, index: number): string;
/** The pointer to a key of a record: `key("/order", "a/b")` is "/order/a~1b". */
export function key(pointer: string, name: string): string;

/**
 * Makes an export of a condition: `export const isHigh = verdict(() => …)`. Whatever it throws
 * becomes a fault whose code is the error's name. Without it, an exception that is neither a text
 * nor an Error is a trap.
 */
export function verdict(condition: () => boolean): () => boolean;
/** The same for a function that returns a value, of which JSON.stringify makes at most 64 KiB. */
export function value(compute: () => unknown): () => string;

/**
 * Leaves some words for people who look into an evaluation that fails; `bureaucrat module run` shows
 * them. About 4,000 bytes are kept. In native tests they go to standard error.
 */
export function log(words: string): void;

/** Sets the fields that native tests read, as a JSON object. Only in Node. */
export function setFields(object: string): void;
