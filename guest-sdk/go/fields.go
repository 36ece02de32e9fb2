// Package bureaucrat is for conditions of bureaucrat in Go: it reads the fields of a process, and
// returns verdicts, values and faults.
//
// The faults of the readers are the same in all languages: KeyError if nothing is at a pointer,
// TypeError if something else is, OverflowError for a number that does not fit the type. Nothing is
// rounded, except decimal fractions to the nearest float64.
//
// In native builds the same functions read what SetFields has set, so `go test` tests conditions
// without WebAssembly.
package bureaucrat

import (
	"math"
	"strconv"
	"strings"
)

type Kind uint8

const (
	Null Kind = iota
	Boolean
	Integer
	BigInteger
	Float
	Text
	List
	Record
)

// Value is a value of any kind. Only the field that its Kind names has a meaning.
type Value struct {
	Kind    Kind
	Boolean bool
	Integer int64
	Float   float64 // may be infinite, never NaN
	Text    string  // also the digits of a big integer
	Length  uint32  // items of a list, keys of a record
}

// Fault is why a reader failed. Return one of your own for a fault of the process.
type Fault struct {
	Code    string
	Message string
}

func (fault Fault) Error() string { return fault.Code + ": " + fault.Message }

// Get returns the value at a JSON Pointer; false if nothing is there.
func Get(pointer string) (Value, bool) { return get(pointer) }

// IsSet is whether anything but null is at a pointer.
func IsSet(pointer string) bool {
	found, isThere := get(pointer)
	return isThere && found.Kind != Null
}

// GetBoolean returns the boolean at a pointer.
func GetBoolean(pointer string) (bool, error) {
	found, isThere := get(pointer)
	if !isThere || found.Kind != Boolean {
		return false, wrong(pointer, found, isThere, "a boolean")
	}
	return found.Boolean, nil
}

// GetInteger returns the integer at a pointer; OverflowError beyond 64 bits. A float is a
// TypeError, 7.0 as well.
func GetInteger(pointer string) (int64, error) {
	found, isThere := get(pointer)
	if isThere && found.Kind == BigInteger {
		return 0, overflow(pointer, "an integer beyond 64 bits")
	}
	if !isThere || found.Kind != Integer {
		return 0, wrong(pointer, found, isThere, "an integer")
	}
	return found.Integer, nil
}

// GetDigits returns the digits of an integer of any size, after "-" if it is negative.
func GetDigits(pointer string) (string, error) {
	found, isThere := get(pointer)
	if isThere && found.Kind == Integer {
		return strconv.FormatInt(found.Integer, 10), nil
	}
	if !isThere || found.Kind != BigInteger {
		return "", wrong(pointer, found, isThere, "an integer")
	}
	return found.Text, nil
}

// GetNumber returns a float, or an integer that a float64 holds exactly; OverflowError for a float
// that is too large, and for an integer beyond 2^53.
func GetNumber(pointer string) (float64, error) {
	const largest = 1 << 53
	found, isThere := get(pointer)
	switch {
	case isThere && found.Kind == Float && math.IsInf(found.Float, 0):
		return 0, overflow(pointer, "beyond the largest float")
	case isThere && found.Kind == Float:
		return found.Float, nil
	case isThere && found.Kind == Integer && -largest <= found.Integer && found.Integer <= largest:
		return float64(found.Integer), nil
	case isThere && (found.Kind == Integer || found.Kind == BigInteger):
		return 0, overflow(pointer, "an integer beyond 2^53")
	}
	return 0, wrong(pointer, found, isThere, "a number")
}

// GetText returns the text at a pointer.
func GetText(pointer string) (string, error) {
	found, isThere := get(pointer)
	if !isThere || found.Kind != Text {
		return "", wrong(pointer, found, isThere, "a text")
	}
	return found.Text, nil
}

// GetItems returns how many items the list at a pointer has.
func GetItems(pointer string) (int, error) {
	found, isThere := get(pointer)
	if !isThere || found.Kind != List {
		return 0, wrong(pointer, found, isThere, "a list")
	}
	return int(found.Length), nil
}

// GetKeys returns the keys of the record at a pointer, in order, without escapes.
func GetKeys(pointer string) ([]string, error) {
	found, isRecord := keys(pointer)
	if !isRecord {
		value, isThere := get(pointer)
		return nil, wrong(pointer, value, isThere, "a record")
	}
	return found, nil
}

// GetJSON returns the value at a pointer as JSON text, unchanged. Its only fault is KeyError.
// [encoding/json] reads the text into a type of your own.
func GetJSON(pointer string) (string, error) {
	found, isThere := json(pointer)
	if !isThere {
		return "", wrong(pointer, Value{}, false, "")
	}
	return found, nil
}

// Item is the pointer to an item of a list, from 0: Item("/order/items", 3) is "/order/items/3".
func Item(pointer string, index int) string {
	return pointer + "/" + strconv.Itoa(index)
}

var escapes = strings.NewReplacer("~", "~0", "/", "~1")

// Key is the pointer to a key of a record: Key("/order", "a/b") is "/order/a~1b".
func Key(pointer, name string) string {
	return pointer + "/" + escapes.Replace(name)
}

func overflow(pointer, what string) error {
	return Fault{"OverflowError", "`" + pointer + "` is " + what}
}

func wrong(pointer string, found Value, isThere bool, wanted string) error {
	if !isThere {
		return Fault{"KeyError", "nothing at `" + pointer + "`"}
	}
	what := [...]string{
		Null: "null", Boolean: "a boolean", Integer: "an integer", BigInteger: "an integer",
		Float: "a float", Text: "a text", List: "a list", Record: "a record",
	}[found.Kind]
	return Fault{"TypeError", "`" + pointer + "` is " + what + ", not " + wanted}
}
