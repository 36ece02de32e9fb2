// Exposes what the bindings read, for the table ../../bindings.json.
import * as fields from "bureaucrat-guest";
import { value, verdict } from "bureaucrat-guest";

// The place that a case names: by a pointer in /place, or by keys and indexes in /steps.
function place() {
  if (!fields.isSet("/steps")) return fields.text("/place");
  let path = "";
  for (let index = 0; index < fields.items("/steps"); index++) {
    const step = fields.get(fields.item("/steps", index));
    if (step.tag === "integer") path = fields.item(path, Number(step.val));
    else path = fields.key(path, step.val);
  }
  return path;
}

function bits(number) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  return view.getBigUint64(0).toString(16).padStart(16, "0");
}

// An integer of 64 bits as JSON, which JSON.stringify refuses to write.
function exact(compute) {
  const quoted = value(() => String(compute()));
  return () => quoted().slice(1, -1);
}

export const readPath = value(place);
export const readBoolean = verdict(() => fields.boolean(place()));
export const isSet = verdict(() => fields.isSet(place()));
export const readInteger = exact(() => fields.integer(place()));
export const readDigits = value(() => BigInt(fields.digits(place())).toString());
export const readNumber = value(() => bits(fields.number(place())));
export const readText = value(() => fields.text(place()));
export const readItems = value(() => fields.items(place()));
export const readKeys = value(() => fields.keys(place()));
// Without `value`, a Fault is passed on as well.
export const readJson = () => fields.json(place());

export const readValue = () => {
  const found = fields.get(place());
  switch (found?.tag ?? "nothing") {
    case "nothing": return '["nothing"]';
    case "null": return '["null"]';
    case "integer": return `["integer",${found.val}]`;
    case "float": return JSON.stringify(["float", bits(found.val)]);
    default: return JSON.stringify([found.tag, found.val]);
  }
};

// How many characters a text has, and a hash of every 16th.
export const measure = value(() => {
  const characters = [...fields.text(place())], count = characters.length;
  let hash = 0;
  for (let at = 0; at < count; at += 16) {
    hash = (hash * 31 + characters[at].codePointAt(0)) >>> 0;
  }
  return [count, hash];
});

export const sumItems = exact(() => {
  const list = place();
  let sum = 0n;
  for (let index = 0, count = fields.items(list); index < count; index++) {
    sum += fields.integer(fields.item(list, index));
  }
  return sum;
});

export const sumValues = exact(() => {
  const record = place();
  return fields.keys(record).reduce((sum, key) => sum + fields.integer(fields.key(record, key)), 0n);
});

export const throws = verdict(() => { throw 42; });
export const stumbles = verdict(() => fields.get("/missing").val);
export const raises = () => { throw new RangeError("out of range"); };

export const logWords = verdict(() => {
  const count = fields.items("/words");
  for (let index = 0; index < count; index++) fields.log(fields.text(fields.item("/words", index)));
  throw new fields.Fault("Logged", "all of them");
});

export const panics = verdict(() => { throw new RangeError("no rates"); });
