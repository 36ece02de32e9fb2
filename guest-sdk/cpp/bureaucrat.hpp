// Conditions for bureaucrat in C++17: reads the fields of a process, and returns verdicts, values
// and faults. This header and bureaucrat.h, the C header next to it, are the whole package. They
// need no standard library, no exceptions, no run-time types, and no constructors of globals.
//
// A reader returns a Maybe. It is false if the reader cannot read what its name says; the fault is
// prepared then, and the condition ends with `return failed();`. Faults, limits and what each
// function allocates are the C header's.
#pragma once
#include "bureaucrat.h"

namespace bureaucrat {

// A text: UTF-8, no zero byte at its end. "NL" in your source is one.
struct Text : text {
  constexpr Text() : text{nullptr, 0} {}
  constexpr Text(struct text from) : text(from) {}
  template <uint32_t N> constexpr Text(const char (&literal)[N]) : text{literal, N - 1} {}
};
inline bool operator==(Text left, Text right) { return text_equals(left, right); }
inline bool operator!=(Text left, Text right) { return !text_equals(left, right); }

// Leaves some words for people who look into an evaluation that fails; see `log_text`.
inline void log(Text words) { log_text(words); }
// Ends the evaluation with the fault sandbox.trap, whose message ends with the words.
[[noreturn]] inline void panic(Text words) { ::panic(words); }

// What was read, or nothing.
template <class T> class [[nodiscard]] Maybe {
  T value;
  bool there;

public:
  Maybe() : value(), there(false) {}
  Maybe(T value) : value(value), there(true) {}
  explicit operator bool() const { return there; }
  const T &operator*() const { return value; }
  T otherwise(T other) const { return there ? value : other; }
};

template <class T> Maybe<T> read(bool (*reader)(struct text, T *), Text pointer) {
  T value;
  return reader(pointer, &value) ? Maybe<T>(value) : Maybe<T>();
}

// A value of any kind; see `struct value`.
inline struct value get(Text pointer) { return field_get(pointer); }
// Whether anything but null is at a pointer.
inline bool is_set(Text pointer) { return field_is_set(pointer); }
inline Maybe<bool> boolean(Text pointer) { return read(field_boolean, pointer); }
// An integer of 64 bits.
inline Maybe<int64_t> integer(Text pointer) { return read(field_integer, pointer); }
// A float, or an integer of at most 2^53.
inline Maybe<double> number(Text pointer) { return read(field_number, pointer); }
// The digits of an integer of any size.
inline Maybe<Text> digits(Text pointer) {
  struct text found;
  return field_digits(pointer, &found) ? Maybe<Text>(found) : Maybe<Text>();
}
inline Maybe<Text> text(Text pointer) {
  struct text found;
  return field_text(pointer, &found) ? Maybe<Text>(found) : Maybe<Text>();
}
// How many items a list has.
inline Maybe<uint32_t> items(Text pointer) { return read(field_items, pointer); }
// The value at a pointer as JSON text, unchanged.
inline Maybe<Text> json(Text pointer) {
  struct text found;
  return field_json(pointer, &found) ? Maybe<Text>(found) : Maybe<Text>();
}

// The keys of a record, in order: for (Text key : *keys).
struct Keys : texts {
  struct Iterator {
    const struct text *at;
    Text operator*() const { return *at; }
    Iterator &operator++() { return ++at, *this; }
    bool operator!=(Iterator other) const { return at != other.at; }
  };
  Iterator begin() const { return {items}; }
  Iterator end() const { return {items + count}; }
};
inline Maybe<Keys> keys(Text pointer) {
  Keys found;
  return field_keys(pointer, &found) ? Maybe<Keys>(found) : Maybe<Keys>();
}

// A JSON Pointer that is assembled, on the stack: Path("/order/items").item(3).key("a/b") is
// /order/items/3/a~1b. It becomes a Text where one is wanted.
class Path {
  struct path path;

public:
  Path(Text pointer = "") { path_start(&path, pointer); }
  // An index of a list, from 0.
  Path &item(uint32_t index) { return path_item(&path, index), *this; }
  // A key of a record; `~` and `/` are escaped.
  Path &key(Text key) { return path_key(&path, key), *this; }
  // How many bytes it has, and its first bytes alone.
  uint32_t length() const { return path.length; }
  Path &cut(uint32_t length) { return path_cut(&path, length), *this; }
  operator Text() const { return path_text(&path); }
};

// Text that is assembled, on the heap; `quoted` adds JSON.
class Builder {
  struct builder builder = {nullptr, 0, 0};

public:
  Builder &raw(Text text) { return build(&builder, text), *this; }
  Builder &integer(int64_t number) { return build_integer(&builder, number), *this; }
  Builder &quoted(Text text) { return build_quoted(&builder, text), *this; }
  operator Text() const { return built(&builder); }
};

} // namespace bureaucrat
