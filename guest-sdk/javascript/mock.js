// Fields for native tests, read as the engine reads them: numbers, texts and keys exactly as they
// are written. JSON.parse would round integers and merge what it reads.

let fields = "{}";

export function setFields(object) {
  let parsed;
  try {
    parsed = JSON.parse(object);
  } catch (error) {
    throw new TypeError(`fields are a JSON object: ${error.message}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new TypeError("fields are a JSON object");
  }
  fields = object.trim();
}

const SPACE = /[ \t\n\r]*/y;
const SCALAR = /"(?:[^"\\]|\\.)*"|[^\s,\]}]+/y;

function match(pattern, json, at) {
  pattern.lastIndex = at;
  pattern.exec(json);
  return pattern.lastIndex;
}

// Adds [key or index, JSON text] of each child of the list or record that begins at a place; returns
// where the container ends. The text was checked when it was set.
function scan(json, at, found) {
  const isRecord = json[at] === "{";
  at = match(SPACE, json, at + 1);
  while (json[at] !== "}" && json[at] !== "]") {
    let name = String(found.length);
    if (isRecord) {
      const from = at;
      at = match(SCALAR, json, at);
      name = JSON.parse(json.slice(from, at));
      at = match(SPACE, json, match(SPACE, json, at) + 1); // the colon
    }
    const from = at;
    at = end(json, at);
    found.push([name, json.slice(from, at)]);
    at = match(SPACE, json, at);
    if (json[at] === ",") at = match(SPACE, json, at + 1);
  }
  return at + 1;
}

function end(json, at) {
  return json[at] === "{" || json[at] === "[" ? scan(json, at, []) : match(SCALAR, json, at);
}

// The children of a container by name, in order. A key that occurs twice has its last value.
function children(json) {
  const found = [];
  scan(json, 0, found);
  return new Map(found);
}

function find(pointer) {
  if (pointer === "") return fields;
  if (!pointer.startsWith("/")) return null;
  let found = fields;
  for (const token of pointer.slice(1).split("/")) {
    if (/~(?![01])/.test(token) || !/^[{[]/.test(found)) return null;
    const name = token.replaceAll("~1", "/").replaceAll("~0", "~");
    found = children(found).get(name) ?? null;
    if (found === null) return null;
  }
  return found;
}

export function get(pointer) {
  const json = find(pointer);
  if (json === null) return null;
  switch (json[0]) {
    case "n": return { tag: "null" };
    case "t": return { tag: "boolean", val: true };
    case "f": return { tag: "boolean", val: false };
    case '"': return { tag: "text", val: JSON.parse(json) };
    case "[": return { tag: "list", val: children(json).size };
    case "{": return { tag: "record", val: children(json).size };
  }
  if (/[.eE]/.test(json)) return { tag: "float", val: Number(json) };
  const integer = BigInt(json);
  if (BigInt.asIntN(64, integer) === integer) return { tag: "integer", val: integer };
  return { tag: "big-integer", val: json };
}

export function keys(pointer) {
  const json = find(pointer);
  return json?.[0] === "{" ? [...children(json).keys()] : null;
}

export function json(pointer) {
  return find(pointer);
}
