// Exposes what the bindings read, for the table ../../../bindings.json. It uses much of Go's
// standard library on purpose.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"regexp"
	"sort"
	"time"

	"bureaucrat.example/guest"
)

// The place that a case names: by a pointer in /place, or by keys and indexes in /steps.
func place() (string, error) {
	if !bureaucrat.IsSet("/steps") {
		return bureaucrat.GetText("/place")
	}
	count, err := bureaucrat.GetItems("/steps")
	path := ""
	for index := range count {
		step, _ := bureaucrat.Get(bureaucrat.Item("/steps", index))
		if step.Kind == bureaucrat.Integer {
			path = bureaucrat.Item(path, int(uint32(step.Integer)))
		} else {
			path = bureaucrat.Key(path, step.Text)
		}
	}
	return path, err
}

func bits(number float64) string { return fmt.Sprintf("%016x", math.Float64bits(number)) }

// A reader's result as JSON.
func reading[T any](reader func(string) (T, error)) func() (string, error) {
	return func() (string, error) {
		place, err := place()
		if err != nil {
			return "", err
		}
		found, err := reader(place)
		if err != nil {
			return "", err
		}
		return written(found)
	}
}

func written(value any) (string, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

func readValue(place string) ([]any, error) {
	found, isThere := bureaucrat.Get(place)
	if !isThere {
		return []any{"nothing"}, nil
	}
	return map[bureaucrat.Kind][]any{
		bureaucrat.Null:       {"null"},
		bureaucrat.Boolean:    {"boolean", found.Boolean},
		bureaucrat.Integer:    {"integer", found.Integer},
		bureaucrat.BigInteger: {"big-integer", found.Text},
		bureaucrat.Float:      {"float", bits(found.Float)},
		bureaucrat.Text:       {"text", found.Text},
		bureaucrat.List:       {"list", found.Length},
		bureaucrat.Record:     {"record", found.Length},
	}[found.Kind], nil
}

func readNumber(place string) (string, error) {
	found, err := bureaucrat.GetNumber(place)
	return bits(found), err
}

func readDigits(place string) (string, error) {
	digits, err := bureaucrat.GetDigits(place)
	if err != nil {
		return "", err
	}
	number, _ := new(big.Int).SetString(digits, 10)
	return number.String(), nil
}

// How many characters a text has, and a hash of every 16th.
func measure(place string) ([]uint32, error) {
	text, err := bureaucrat.GetText(place)
	var count, hash uint32
	for _, character := range text {
		if count%16 == 0 {
			hash = hash*31 + uint32(character)
		}
		count++
	}
	return []uint32{count, hash}, err
}

func sumItems(place string) (sum int64, err error) {
	count, err := bureaucrat.GetItems(place)
	for index := range count {
		item, err := bureaucrat.GetInteger(bureaucrat.Item(place, index))
		if err != nil {
			return 0, err
		}
		sum += item
	}
	return sum, err
}

func sumValues(place string) (sum int64, err error) {
	keys, err := bureaucrat.GetKeys(place)
	for _, key := range keys {
		item, err := bureaucrat.GetInteger(bureaucrat.Key(place, key))
		if err != nil {
			return 0, err
		}
		sum += item
	}
	return sum, err
}

// Packages that a guest of the standard library may use, though there is no system behind them.
func useLibrary() (string, error) {
	numbers := sort.IntSlice{3, 1, 2}
	sort.Sort(numbers)
	_, missing := os.ReadFile("/etc/passwd")
	fmt.Println("standard output is logged")
	found := regexp.MustCompile(`^(\w+)@(\w+)\.example$`).FindStringSubmatch("jan@bank.example")
	date, err := time.Parse(time.DateOnly, "2026-11-29")
	if err != nil {
		return "", err
	}
	return written([]any{found[2], date.AddDate(0, 0, 2).Weekday().String(), numbers, missing != nil})
}

func panics() (bool, error) { panic("no rates") }

func logWords() (bool, error) {
	count, err := bureaucrat.GetItems("/words")
	if err != nil {
		return false, err
	}
	for index := range count {
		words, err := bureaucrat.GetText(bureaucrat.Item("/words", index))
		if err != nil {
			return false, err
		}
		bureaucrat.Log(words)
	}
	return false, bureaucrat.Fault{Code: "Logged", Message: "all of them"}
}

// The table's functions, for the native test; the exports below call the same ones.
var functions = map[string]func() (string, error){
	"read-path":    reading(func(place string) (string, error) { return place, nil }),
	"read-value":   reading(readValue),
	"read-integer": reading(bureaucrat.GetInteger),
	"read-digits":  reading(readDigits),
	"read-number":  reading(readNumber),
	"read-text":    reading(bureaucrat.GetText),
	"measure":      reading(measure),
	"read-items":   reading(bureaucrat.GetItems),
	"read-keys":    reading(bureaucrat.GetKeys),
	"read-json":    readJSON,
	"sum-items":    reading(sumItems),
	"sum-values":   reading(sumValues),
}

func readJSON() (string, error) {
	place, err := place()
	if err != nil {
		return "", err
	}
	return bureaucrat.GetJSON(place)
}

func readBoolean() (bool, error) {
	place, err := place()
	if err != nil {
		return false, err
	}
	return bureaucrat.GetBoolean(place)
}

func isSet() (bool, error) {
	place, err := place()
	return bureaucrat.IsSet(place), err
}

func main() {}
