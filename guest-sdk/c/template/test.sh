#!/bin/sh
# Tries the functions on fields, as the engine would. An outcome is a verdict, a value or a fault.
failed=0
try() { # FUNCTION FIELDS OUTCOME
    found=$(bureaucrat module run risk.wasm "$1" --fields "$2" 2>&1 | grep -v '^fuel: ')
    [ "$found" = "$3" ] || { echo "$1 of $2: $found, expected $3" >&2; failed=1; }
}

try is-high '{"order": {"amount": 10001}}' true
try is-high '{"order": {"amount": 9999, "items": [{"price": 1}]}}' false
try is-high '{"order": {"amount": "9999"}}' 'TypeError: `/order/amount` is a text, not an integer'
try is-high '{"order": {}}' 'KeyError: nothing at `/order/amount`'
try is-foreign '{"order": {"country": "BE"}}' true
try is-foreign '{"order": {"country": "NL"}}' false
exit $failed
