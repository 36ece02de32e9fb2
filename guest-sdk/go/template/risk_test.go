package main

import (
	"testing"

	"bureaucrat.example/guest"
)

func TestConditions(t *testing.T) {
	for _, test := range []struct {
		condition func() (bool, error)
		fields    string
		holds     bool
		fault     string
	}{
		{isHigh, `{"order": {"amount": 10001}}`, true, ""},
		{isHigh, `{"order": {"amount": 9999, "items": [{"price": 1}]}}`, false, ""},
		{isHigh, `{"order": {"amount": "9999"}}`, false, "TypeError: `/order/amount` is a text, not an integer"},
		{isHigh, `{"order": {"amount": 1, "items": [{}]}}`, false, "KeyError: nothing at `/order/items/0/price`"},
		{isForeign, `{"order": {"country": "BE"}}`, true, ""},
		{isForeign, `{"order": {"country": null}}`, false, ""},
	} {
		bureaucrat.SetFields(test.fields)
		holds, err := test.condition()
		fault := ""
		if err != nil {
			fault = err.Error()
		}
		if holds != test.holds || fault != test.fault {
			t.Errorf("%s: %v %q", test.fields, holds, fault)
		}
	}
}
