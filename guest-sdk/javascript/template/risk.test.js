import assert from "node:assert/strict";
import test from "node:test";
import { setFields } from "bureaucrat-guest";
import { isForeign, isHigh } from "./risk.js";

function outcome(condition, fields) {
  setFields(fields);
  try {
    return condition();
  } catch (fault) {
    return fault;
  }
}

test("amounts and prices count", () => {
  for (const [fields, expected] of [
    ['{"order": {"amount": 10001}}', true],
    ['{"order": {"amount": 9999, "items": [{"price": 1}]}}', false],
    ['{"order": {"amount": 9007199254740993}}', true],
    ['{"order": {"amount": "9999"}}', "TypeError: `/order/amount` is a text, not an integer"],
    ['{"order": {}}', "KeyError: nothing at `/order/amount`"],
  ]) assert.equal(outcome(isHigh, fields), expected, fields);
});

test("countries are compared", () => {
  for (const [country, expected] of [['"NL"', false], ['"BE"', true], ["null", false]]) {
    assert.equal(outcome(isForeign, `{"order": {"country": ${country}}}`), expected, country);
  }
});
