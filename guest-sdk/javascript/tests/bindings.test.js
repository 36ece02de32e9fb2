// The table of what all languages' bindings read, over mock fields.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { setFields } from "bureaucrat-guest";
import * as guest from "./bindings.js";

const table = readFileSync(new URL("../../bindings.json", import.meta.url), "utf8");
const lines = table.split("\n").slice(1); // one case per line

function repeated(text, repeat) {
  for (const [marker, [part, times]] of Object.entries(repeat ?? {})) {
    text = text.replaceAll(marker, part.repeat(times));
  }
  return text;
}

// What a case wants. The JSON text of a value is compared, because JSON.parse rounds integers.
function wanted(found, line) {
  if (found.error !== undefined) return { fault: `${found.error}: ${found.message}` };
  if (found.verdict !== undefined) return { verdict: found.verdict };
  if (found.json !== undefined) return { json: found.json };
  if (typeof found.value === "string") return { text: repeated(found.value, found.repeat) };
  return { json: line.slice(line.lastIndexOf('"value": ') + 9).replace(/},?$/, "") };
}

function outcome(name, isText) {
  try {
    const found = guest[name]();
    if (typeof found === "boolean") return { verdict: found };
    return isText ? { text: JSON.parse(found) } : { json: found };
  } catch (error) {
    return { fault: error.message ?? error };
  }
}

test("native tests read what guests read", () => {
  const cases = JSON.parse(table);
  assert.ok(cases.length > 200);
  cases.forEach((found, index) => {
    const name = found.function.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase());
    const expected = wanted(found, lines[index]);
    setFields(repeated(found.fields, found.repeat));
    assert.deepEqual(outcome(name, "text" in expected), expected, found.name);
  });
});

test("whatever is thrown becomes a fault", () => {
  setFields("{}");
  assert.throws(guest.throws, (error) => error === "Error: 42");
  assert.throws(guest.stumbles, (error) => error.startsWith("TypeError: "));
});

test("fields are an object", () => {
  for (const text of ["[]", "null", "{", "1"]) assert.throws(() => setFields(text), TypeError);
});
