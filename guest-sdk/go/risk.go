// The worked example in Go: nested fields, a loop over a list, a comparison of texts, two errors.
package main

import (
	"strconv"
	"unsafe"
)

//go:wasmexport is-high
func isHigh() unsafe.Pointer {
	amount := Get("/order/amount")
	if amount.Kind != Integer {
		return Fault("KeyError: no integer at /order/amount")
	}
	total := amount.Integer
	if items := Get("/order/items"); items.Kind == List {
		for index := range items.Length {
			price := Get("/order/items/" + strconv.Itoa(int(index)) + "/price")
			if price.Kind != Integer {
				return Fault("TypeError: a price is no integer")
			}
			total += price.Integer
		}
	}
	return Verdict(total > 10000)
}

//go:wasmexport is-foreign
func isForeign() unsafe.Pointer {
	country := Get("/order/country")
	return Verdict(country.Kind == Text && country.Text != "NL")
}
