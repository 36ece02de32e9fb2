package bureaucrat

import "unsafe"

// The interface `fields` in the canonical ABI. What is passed to or from the host stays reachable
// to the end, because every evaluation runs in a new instance.

//go:wasmimport bureaucrat:condition/fields@1.1.0 get
func importedGet(pointer unsafe.Pointer, length uint32, into unsafe.Pointer)

//go:wasmimport bureaucrat:condition/fields@1.1.0 keys
func importedKeys(pointer unsafe.Pointer, length uint32, into unsafe.Pointer)

//go:wasmimport bureaucrat:condition/fields@1.1.0 json
func importedJSON(pointer unsafe.Pointer, length uint32, into unsafe.Pointer)

//go:wasmimport bureaucrat:condition/log@1.1.0 write
func importedWrite(words unsafe.Pointer, length uint32)

// Log leaves some words for people who look into an evaluation that fails; `bureaucrat module run`
// shows them. About 4,000 bytes are kept. In native builds they go to standard error.
func Log(words string) {
	importedWrite(unsafe.Pointer(unsafe.StringData(words)), uint32(len(words)))
}

// Where wasi.wat collects what the program prints.
var printed [512]byte

//go:wasmimport wasi_snapshot_preview1 collect_lines
func collectLines(line unsafe.Pointer)

func init() {
	collectLines(unsafe.Pointer(&printed))
}

// A text in the host's memory layout.
type abiText struct{ address, length uint32 }

func (text abiText) String() string {
	if text.length == 0 {
		return ""
	}
	return string(unsafe.Slice((*byte)(unsafe.Pointer(uintptr(text.address))), text.length))
}

// Globals, because a stack may move while the host allocates.
var foundValue [3]uint64
var foundText struct {
	isThere uint32
	text    abiText
}

func get(pointer string) (Value, bool) {
	bytes := unsafe.Pointer(unsafe.StringData(pointer))
	importedGet(bytes, uint32(len(pointer)), unsafe.Pointer(&foundValue))
	if uint8(foundValue[0]) == 0 {
		return Value{}, false
	}
	value := Value{Kind: Kind(uint8(foundValue[1]))}
	payload := unsafe.Pointer(&foundValue[2])
	switch value.Kind {
	case Boolean:
		value.Boolean = *(*uint8)(payload) != 0
	case Integer:
		value.Integer = *(*int64)(payload)
	case Float:
		value.Float = *(*float64)(payload)
	case BigInteger, Text:
		value.Text = (*abiText)(payload).String()
	case List, Record:
		value.Length = *(*uint32)(payload)
	}
	return value, true
}

func keys(pointer string) ([]string, bool) {
	bytes := unsafe.Pointer(unsafe.StringData(pointer))
	importedKeys(bytes, uint32(len(pointer)), unsafe.Pointer(&foundText))
	if uint8(foundText.isThere) == 0 {
		return nil, false
	}
	names := make([]string, foundText.text.length)
	if len(names) > 0 {
		texts := (*abiText)(unsafe.Pointer(uintptr(foundText.text.address)))
		for place, text := range unsafe.Slice(texts, len(names)) {
			names[place] = text.String()
		}
	}
	return names, true
}

func json(pointer string) (string, bool) {
	bytes := unsafe.Pointer(unsafe.StringData(pointer))
	importedJSON(bytes, uint32(len(pointer)), unsafe.Pointer(&foundText))
	return foundText.text.String(), uint8(foundText.isThere) != 0
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
