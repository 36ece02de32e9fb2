package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"bureaucrat.example/guest"
)

type testCase struct {
	Name     string
	Function string
	Fields   string
	Repeat   map[string][2]any
	JSON     *string
	Verdict  *bool
	Error    string
	Message  string
}

func (test testCase) repeated(text string) string {
	for marker, repeat := range test.Repeat {
		part := strings.Repeat(repeat[0].(string), int(repeat[1].(float64)))
		text = strings.ReplaceAll(text, marker, part)
	}
	return text
}

func run(function string) (any, error) {
	switch function {
	case "read-boolean":
		return readBoolean()
	case "log-words":
		return logWords()
	case "is-set":
		return isSet()
	case "read-json":
		return readJSON()
	}
	text, err := functions[function]()
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var value any
	err = decoder.Decode(&value)
	return value, err
}

// The table of what all languages' bindings read, over mock fields.
func TestNativeTestsReadWhatGuestsRead(t *testing.T) {
	text, err := os.ReadFile("../../../bindings.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []testCase
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	if err := decoder.Decode(&cases); err != nil || len(cases) < 200 {
		t.Fatal(err, len(cases))
	}
	exact := json.NewDecoder(strings.NewReader(string(text)))
	exact.UseNumber() // the wanted values alone
	var values []struct{ Value any }
	if err := exact.Decode(&values); err != nil {
		t.Fatal(err)
	}
	for place, test := range cases {
		bureaucrat.SetFields(test.repeated(test.Fields))
		found, err := run(test.Function)
		wanted := values[place].Value
		if text, isText := wanted.(string); isText {
			wanted = test.repeated(text)
		}
		if test.JSON != nil {
			wanted = *test.JSON
		}
		if test.Verdict != nil {
			wanted = *test.Verdict
		}
		fault := ""
		if err != nil {
			fault, wanted, found = err.Error(), nil, nil
		}
		wantedFault := ""
		if test.Error != "" {
			wantedFault = test.Error + ": " + test.Message
		}
		if fault != wantedFault || !reflect.DeepEqual(found, wanted) {
			t.Errorf("%s: %v %q, wanted %v %q", test.Name, found, fault, wanted, wantedFault)
		}
	}
}
