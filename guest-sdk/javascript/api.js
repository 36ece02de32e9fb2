// What the package exports; index.d.ts describes it.

let host;
let write;

/** Says where fields come from and where words go: the engine, or a test. */
export function use(fields, logger) {
  host = fields;
  write = logger;
}

export function log(words) {
  write(utf8(String(words)));
}

// A text with half of a surrogate pair replaced: hosts take no other.
function wellFormed(text) {
  return text.replace(/[\ud800-\udfff]/gu, "\ufffd");
}

// There is no TextEncoder in a guest.
function utf8(text) {
  const bytes = [];
  for (const character of wellFormed(text)) {
    const code = character.codePointAt(0);
    const next = (shift) => 0x80 | ((code >> shift) & 0x3f);
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), next(0));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), next(6), next(0));
    else bytes.push(0xf0 | (code >> 18), next(12), next(6), next(0));
  }
  return Uint8Array.from(bytes);
}

export class Fault extends Error {
  constructor(code, message) {
    super(`${code}: ${message}`); // the host passes on an Error's message alone
    this.code = code;
  }
}

export function get(pointer) {
  const found = host.get(pointer);
  if (found?.tag !== "integer") return found ?? null;
  // Hosts give 64-bit integers as Numbers, which round them beyond 2^53; their JSON text is exact.
  const isExact = typeof found.val === "bigint" || Number.isSafeInteger(found.val);
  return { tag: "integer", val: BigInt(isExact ? found.val : host.json(pointer)) };
}

export function isSet(pointer) {
  const found = host.get(pointer);
  return (found ?? null) !== null && found.tag !== "null";
}

export function boolean(pointer) {
  const found = get(pointer);
  return found?.tag === "boolean" ? found.val : wrong(pointer, found, "a boolean");
}

export function integer(pointer) {
  const found = get(pointer);
  if (found?.tag === "big-integer") overflow(pointer, "an integer beyond 64 bits");
  return found?.tag === "integer" ? found.val : wrong(pointer, found, "an integer");
}

export function digits(pointer) {
  const found = get(pointer);
  if (found?.tag === "integer" || found?.tag === "big-integer") return String(found.val);
  return wrong(pointer, found, "an integer");
}

const LARGEST = 2n ** 53n;

export function number(pointer) {
  const found = get(pointer);
  if (found?.tag === "float") {
    return Number.isFinite(found.val) ? found.val : overflow(pointer, "beyond the largest float");
  }
  if (found?.tag === "integer" && -LARGEST <= found.val && found.val <= LARGEST) {
    return Number(found.val);
  }
  if (found?.tag === "integer" || found?.tag === "big-integer") {
    overflow(pointer, "an integer beyond 2^53");
  }
  return wrong(pointer, found, "a number");
}

export function text(pointer) {
  const found = get(pointer);
  return found?.tag === "text" ? found.val : wrong(pointer, found, "a text");
}

export function items(pointer) {
  const found = get(pointer);
  return found?.tag === "list" ? found.val : wrong(pointer, found, "a list");
}

export function keys(pointer) {
  return host.keys(pointer) ?? wrong(pointer, get(pointer), "a record");
}

export function json(pointer) {
  return host.json(pointer) ?? wrong(pointer, null, "");
}

export function item(pointer, index) {
  return `${pointer}/${index}`;
}

export function key(pointer, name) {
  return `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export function verdict(condition) {
  return protect(condition, (holds) => {
    if (typeof holds === "boolean") return holds;
    throw new Fault("TypeError", `a condition returned ${typeof holds}, not a boolean`);
  });
}

export function value(compute) {
  return protect(compute, (found) => {
    const json = JSON.stringify(found);
    if (json === undefined) throw new Fault("TypeError", `${typeof found} cannot be a value`);
    return json;
  });
}

// The contract's errors are texts.
function protect(call, finish) {
  return () => {
    try {
      return finish(call());
    } catch (error) {
      if (error instanceof Fault) throw wellFormed(error.message);
      if (error instanceof Error) throw wellFormed(`${error.name}: ${error.message}`);
      throw wellFormed(typeof error === "string" ? error : `Error: ${String(error)}`);
    }
  };
}

const KINDS = {
  null: "null",
  boolean: "a boolean",
  integer: "an integer",
  "big-integer": "an integer",
  float: "a float",
  text: "a text",
  list: "a list",
  record: "a record",
};

function overflow(pointer, what) {
  throw new Fault("OverflowError", `\`${pointer}\` is ${what}`);
}

function wrong(pointer, found, wanted) {
  if (found === null) throw new Fault("KeyError", `nothing at \`${pointer}\``);
  throw new Fault("TypeError", `\`${pointer}\` is ${KINDS[found.tag]}, not ${wanted}`);
}
