package bureaucrat

import "unsafe"

// Result is the address of a result, for functions that the engine calls.
type Result = unsafe.Pointer

var result [3]uint32
var resultText []byte

// Verdict runs a condition and returns its result:
//
//	//go:wasmexport is-high
//	func exportIsHigh() bureaucrat.Result { return bureaucrat.Verdict(isHigh) }
//
// An error becomes a fault with the error's text, at most 4,096 bytes by default: `CODE: message`,
// as a [Fault] has it. A panic becomes a fault with the code Panic.
func Verdict(condition func() (bool, error)) Result {
	var holds bool
	err := protected(func() (err error) {
		holds, err = condition()
		return err
	})
	if err != nil {
		return returned(1, err.Error())
	}
	result[0], result[1] = 0, 0
	if holds {
		result[1] = 1
	}
	return unsafe.Pointer(&result)
}

// JSON runs a function that returns a value: one JSON text, at most 64 KiB by default. Errors and
// panics are as in [Verdict].
func JSON(function func() (string, error)) Result {
	var json string
	err := protected(func() (err error) {
		json, err = function()
		return err
	})
	if err != nil {
		return returned(1, err.Error())
	}
	return returned(0, json)
}

func protected(call func() error) (err error) {
	defer func() {
		switch panicked := recover().(type) {
		case nil:
		case error:
			err = Fault{"Panic", panicked.Error()}
		case string:
			err = Fault{"Panic", panicked}
		default:
			err = Fault{"Panic", "a value that is neither an error nor a text"}
		}
	}()
	return call()
}

func returned(isError uint32, text string) Result {
	resultText = []byte(text)
	result[0] = isError
	result[1] = uint32(uintptr(unsafe.Pointer(unsafe.SliceData(resultText))))
	result[2] = uint32(len(resultText))
	return unsafe.Pointer(&result)
}
