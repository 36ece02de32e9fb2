// The worked example in Go: nested fields, a loop over a list, a comparison of texts, errors.
package main

import "bureaucrat.example/guest"

func isHigh() (bool, error) {
	total, err := bureaucrat.GetInteger("/order/amount")
	if err != nil {
		return false, err
	}
	count := 0
	if bureaucrat.IsSet("/order/items") {
		if count, err = bureaucrat.GetItems("/order/items"); err != nil {
			return false, err
		}
	}
	for index := range count {
		price, err := bureaucrat.GetInteger(bureaucrat.Item("/order/items", index) + "/price")
		if err != nil {
			return false, err
		}
		sum := total + price
		if (total^sum)&(price^sum) < 0 {
			return false, bureaucrat.Fault{Code: "OverflowError", Message: "the total does not fit 64 bits"}
		}
		total = sum
	}
	return total > 10000, nil
}

func isForeign() (bool, error) {
	if !bureaucrat.IsSet("/order/country") {
		return false, nil
	}
	country, err := bureaucrat.GetText("/order/country")
	return country != "NL", err
}

//go:wasmexport is-high
func exportIsHigh() bureaucrat.Result { return bureaucrat.Verdict(isHigh) }

//go:wasmexport is-foreign
func exportIsForeign() bureaucrat.Result { return bureaucrat.Verdict(isForeign) }

func main() {}
