package main

import "unsafe"

// The contract of bureaucrat's conditions for Go: the interface `fields`, and results, in the canonical ABI.
// Everything passed to or from the host stays reachable to the end: every evaluation runs in a new instance.

//go:wasmimport bureaucrat:condition/fields@1.0.0 get
func importedGet(pointer unsafe.Pointer, length uint32, into unsafe.Pointer)

// Kind is the kind of a value.
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
	Nothing
)

// Value is a kind and its payload.
type Value struct {
	Kind    Kind
	Boolean bool
	Integer int64
	Float   float64
	Text    string // also the digits of a big integer
	Length  uint32 // items of a list, keys of a record
}

// Get returns the value at a JSON Pointer.
func Get(pointer string) Value {
	var found [3]uint64
	importedGet(unsafe.Pointer(unsafe.StringData(pointer)), uint32(len(pointer)), unsafe.Pointer(&found))
	if uint8(found[0]) == 0 {
		return Value{Kind: Nothing}
	}
	value := Value{Kind: Kind(uint8(found[1]))}
	payload := unsafe.Pointer(&found[2])
	switch value.Kind {
	case Boolean:
		value.Boolean = *(*uint8)(payload) != 0
	case Integer:
		value.Integer = *(*int64)(payload)
	case Float:
		value.Float = *(*float64)(payload)
	case BigInteger, Text:
		text := (*[2]uint32)(payload)
		if text[1] > 0 {
			value.Text = string(unsafe.Slice((*byte)(unsafe.Pointer(uintptr(text[0]))), text[1]))
		}
	case List, Record:
		value.Length = *(*uint32)(payload)
	}
	return value
}

var result [3]uint32
var resultText []byte

// Verdict is the result of a condition.
func Verdict(holds bool) unsafe.Pointer {
	result[0] = 0
	result[1] = 0
	if holds {
		result[1] = 1
	}
	return unsafe.Pointer(&result)
}

// Fault is a condition's error: `CODE: message`.
func Fault(text string) unsafe.Pointer {
	resultText = []byte(text)
	result[0] = 1
	result[1] = uint32(uintptr(unsafe.Pointer(unsafe.SliceData(resultText))))
	result[2] = uint32(len(resultText))
	return unsafe.Pointer(&result)
}

// What the host writes to memory; kept, so that none of it is collected.
var given [][]uint64

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, alignment, size uint32) unsafe.Pointer {
	place := make([]uint64, size/8+1)
	given = append(given, place)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(unsafe.Pointer(&place[0])), size), unsafe.Slice((*byte)(old), oldSize))
	}
	return unsafe.Pointer(&place[0])
}

func main() {}
