package main

import "bureaucrat.example/guest"

//go:wasmexport read-path
func exportReadPath() bureaucrat.Result { return bureaucrat.JSON(functions["read-path"]) }

//go:wasmexport read-value
func exportReadValue() bureaucrat.Result { return bureaucrat.JSON(functions["read-value"]) }

//go:wasmexport read-integer
func exportReadInteger() bureaucrat.Result { return bureaucrat.JSON(functions["read-integer"]) }

//go:wasmexport read-digits
func exportReadDigits() bureaucrat.Result { return bureaucrat.JSON(functions["read-digits"]) }

//go:wasmexport read-number
func exportReadNumber() bureaucrat.Result { return bureaucrat.JSON(functions["read-number"]) }

//go:wasmexport read-text
func exportReadText() bureaucrat.Result { return bureaucrat.JSON(functions["read-text"]) }

//go:wasmexport measure
func exportMeasure() bureaucrat.Result { return bureaucrat.JSON(functions["measure"]) }

//go:wasmexport read-items
func exportReadItems() bureaucrat.Result { return bureaucrat.JSON(functions["read-items"]) }

//go:wasmexport read-keys
func exportReadKeys() bureaucrat.Result { return bureaucrat.JSON(functions["read-keys"]) }

//go:wasmexport read-json
func exportReadJson() bureaucrat.Result { return bureaucrat.JSON(functions["read-json"]) }

//go:wasmexport sum-items
func exportSumItems() bureaucrat.Result { return bureaucrat.JSON(functions["sum-items"]) }

//go:wasmexport sum-values
func exportSumValues() bureaucrat.Result { return bureaucrat.JSON(functions["sum-values"]) }

//go:wasmexport read-boolean
func exportReadBoolean() bureaucrat.Result { return bureaucrat.Verdict(readBoolean) }

//go:wasmexport is-set
func exportIsSet() bureaucrat.Result { return bureaucrat.Verdict(isSet) }

//go:wasmexport log-words
func exportLogWords() bureaucrat.Result { return bureaucrat.Verdict(logWords) }

//go:wasmexport use-library
func exportUseLibrary() bureaucrat.Result { return bureaucrat.JSON(useLibrary) }

//go:wasmexport panics
func exportPanics() bureaucrat.Result { return bureaucrat.Verdict(panics) }
