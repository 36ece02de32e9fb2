//go:build !wasip1

package bureaucrat

import (
	"bytes"
	encoding "encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

var fields = encoding.RawMessage("{}")

// SetFields sets the fields that native tests read, as a JSON object. They are read as the engine
// reads them: numbers, texts and keys exactly as they are written. Only in native builds.
func SetFields(object string) {
	text := strings.TrimSpace(object)
	if !encoding.Valid([]byte(text)) || text[0] != '{' {
		panic("fields are a JSON object")
	}
	fields = encoding.RawMessage(text)
}

// Log leaves some words for people who look into an evaluation that fails; `bureaucrat module run`
// shows them. About 4,000 bytes are kept. In native builds they go to standard error.
func Log(words string) { fmt.Fprintln(os.Stderr, words) }

type entry struct {
	key   string
	value encoding.RawMessage
}

// The entries of a record in order; a key that occurs twice has its last value.
func entries(record encoding.RawMessage) []entry {
	var found []entry
	decoder := encoding.NewDecoder(bytes.NewReader(record))
	must(decoder.Token())
	for decoder.More() {
		next := entry{key: must(decoder.Token()).(string)}
		if err := decoder.Decode(&next.value); err != nil {
			panic(err)
		}
		isKnown := false
		for place := range found {
			if found[place].key == next.key {
				found[place].value, isKnown = next.value, true
			}
		}
		if !isKnown {
			found = append(found, next)
		}
	}
	return found
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err) // the text was checked when it was set
	}
	return value
}

func decoded[T any](raw encoding.RawMessage) T {
	var value T
	if err := encoding.Unmarshal(raw, &value); err != nil {
		panic(err)
	}
	return value
}

func find(pointer string) (encoding.RawMessage, bool) {
	found := fields
	if pointer == "" {
		return found, true
	}
	tokens, isPointer := strings.CutPrefix(pointer, "/")
	if !isPointer {
		return nil, false
	}
	for _, token := range strings.Split(tokens, "/") {
		rest := strings.NewReplacer("~0", "", "~1", "").Replace(token)
		if strings.Contains(rest, "~") {
			return nil, false
		}
		token = strings.NewReplacer("~0", "~", "~1", "/").Replace(token)
		isThere := false
		switch found[0] {
		case '{':
			for _, entry := range entries(found) {
				if entry.key == token {
					found, isThere = entry.value, true
				}
			}
		case '[':
			items := decoded[[]encoding.RawMessage](found)
			index, err := strconv.ParseUint(token, 10, 32)
			isIndex := err == nil && strconv.FormatUint(index, 10) == token
			if isIndex && index < uint64(len(items)) {
				found, isThere = items[index], true
			}
		}
		if !isThere {
			return nil, false
		}
	}
	return found, true
}

func get(pointer string) (Value, bool) {
	raw, isThere := find(pointer)
	if !isThere {
		return Value{}, false
	}
	switch raw[0] {
	case 'n':
		return Value{Kind: Null}, true
	case 't', 'f':
		return Value{Kind: Boolean, Boolean: raw[0] == 't'}, true
	case '"':
		return Value{Kind: Text, Text: decoded[string](raw)}, true
	case '[':
		return Value{Kind: List, Length: uint32(len(decoded[[]encoding.RawMessage](raw)))}, true
	case '{':
		return Value{Kind: Record, Length: uint32(len(entries(raw)))}, true
	}
	number := string(raw)
	if strings.ContainsAny(number, ".eE") {
		float, _ := strconv.ParseFloat(number, 64) // infinite if it is too large
		return Value{Kind: Float, Float: float}, !math.IsNaN(float)
	}
	if integer, err := strconv.ParseInt(number, 10, 64); err == nil {
		return Value{Kind: Integer, Integer: integer}, true
	}
	return Value{Kind: BigInteger, Text: number}, true
}

func keys(pointer string) ([]string, bool) {
	raw, isThere := find(pointer)
	if !isThere || raw[0] != '{' {
		return nil, false
	}
	names := []string{}
	for _, entry := range entries(raw) {
		names = append(names, entry.key)
	}
	return names, true
}

func json(pointer string) (string, bool) {
	raw, isThere := find(pointer)
	return string(raw), isThere
}
