// Exposes what the bindings read, for the table ../../bindings.json.
#include "bureaucrat.hpp"

namespace fields = bureaucrat;
using bureaucrat::Builder;
using bureaucrat::Path;
using bureaucrat::Text;

// The place that a case names: by a pointer in /place, or by keys and indexes in /steps.
static bool find_place(Path &place) {
  if (!fields::get("/steps").is_there) {
    auto pointer = fields::text("/place");
    if (pointer) place = Path(*pointer);
    return bool(pointer);
  }
  auto count = fields::items("/steps");
  if (!count) return false;
  for (uint32_t index = 0; index < *count; index++) {
    auto step = fields::get(Path("/steps").item(index));
    if (step.kind == IS_INTEGER) place.item(uint32_t(step.integer));
    else place.key(Text(step.text));
  }
  return true;
}

static Builder &bits(Builder &to, double number) {
  uint64_t bits;
  __builtin_memcpy(&bits, &number, sizeof bits);
  to.raw("\"");
  for (int shift = 60; shift >= 0; shift -= 4)
    to.raw(Text({&"0123456789abcdef"[bits >> shift & 15], 1}));
  return to.raw("\"");
}

// A verdict is returned as such; the rest is built as JSON.
template <class T, class Write>
static const struct result *read_as(fields::Maybe<T> (*reader)(Text), Write write) {
  Path place;
  if (!find_place(place)) return failed();
  auto found = reader(place);
  if (!found) return failed();
  Builder json;
  write(json, *found);
  return value(Text(json));
}

static void quoted(Builder &to, const Text &text) { to.quoted(text); }
static void integer(Builder &to, const int64_t &number) { to.integer(number); }

VALUE("read-path", read_path) {
  Path place;
  if (!find_place(place)) return failed();
  return value(Text(Builder().quoted(place)));
}

VALUE("read-value", read_value) {
  Path place;
  Builder json;
  if (!find_place(place)) return failed();
  auto found = fields::get(place);
  if (!found.is_there) return value(Text("[\"nothing\"]"));
  switch (found.kind) {
  case IS_NULL: json.raw("[\"null\""); break;
  case IS_BOOLEAN:
    json.raw(found.boolean ? Text("[\"boolean\",true") : Text("[\"boolean\",false"));
    break;
  case IS_INTEGER: json.raw("[\"integer\",").integer(found.integer); break;
  case IS_BIG_INTEGER: json.raw("[\"big-integer\",").quoted(Text(found.text)); break;
  case IS_FLOAT: bits(json.raw("[\"float\","), found.real); break;
  case IS_TEXT: json.raw("[\"text\",").quoted(Text(found.text)); break;
  case IS_LIST: json.raw("[\"list\",").integer(found.length); break;
  case IS_RECORD: json.raw("[\"record\",").integer(found.length); break;
  }
  return value(Text(json.raw("]")));
}

CONDITION("read-boolean", read_boolean) {
  Path place;
  if (!find_place(place)) return failed();
  auto found = fields::boolean(place);
  return found ? verdict(*found) : failed();
}

CONDITION("is-set", is_set) {
  Path place;
  return find_place(place) ? verdict(fields::is_set(place)) : failed();
}

VALUE("read-integer", read_integer) { return read_as(fields::integer, integer); }
VALUE("read-digits", read_digits) { return read_as(fields::digits, quoted); }
VALUE("read-number", read_number) { return read_as(fields::number, bits); }
VALUE("read-text", read_text) { return read_as(fields::text, quoted); }
VALUE("read-items", read_items) {
  return read_as(fields::items, [](Builder &to, uint32_t count) { to.integer(count); });
}
VALUE("read-json", read_json) {
  return read_as(fields::json, [](Builder &to, Text json) { to.raw(json); });
}
VALUE("read-keys", read_keys) {
  return read_as(fields::keys, [](Builder &to, const fields::Keys &keys) {
    bool is_first = true;
    to.raw("[");
    for (Text key : keys) {
      if (!is_first) to.raw(",");
      is_first = false;
      to.quoted(key);
    }
    to.raw("]");
  });
}

// How many characters a text has, and a hash of every 16th.
VALUE("measure", measure) {
  return read_as(fields::text, [](Builder &to, Text text) {
    uint32_t hash = 0, count = 0;
    for (uint32_t at = 0; at < text.length; count++) {
      auto first = uint8_t(text.bytes[at++]);
      int more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
      uint32_t character = more ? first & (0x3f >> more) : first;
      while (more-- > 0) character = character << 6 | (text.bytes[at++] & 0x3f);
      if (count % 16 == 0) hash = hash * 31 + character;
    }
    to.raw("[").integer(count).raw(",").integer(hash).raw("]");
  });
}

VALUE("sum-items", sum_items) {
  Path place;
  if (!find_place(place)) return failed();
  auto count = fields::items(place);
  if (!count) return failed();
  int64_t sum = 0;
  for (uint32_t index = 0, length = place.length(); index < *count; index++) {
    auto item = fields::integer(place.cut(length).item(index));
    if (!item) return failed();
    sum += *item;
  }
  return value(Text(Builder().integer(sum)));
}

VALUE("sum-values", sum_values) {
  Path place;
  if (!find_place(place)) return failed();
  auto keys = fields::keys(place);
  if (!keys) return failed();
  int64_t sum = 0;
  for (Text key : *keys) {
    auto item = fields::integer(Path(place).key(key));
    if (!item) return failed();
    sum += *item;
  }
  return value(Text(Builder().integer(sum)));
}

CONDITION("log-words", log_words) {
  auto count = fields::items("/words");
  if (!count) return failed();
  for (uint32_t index = 0; index < *count; index++) {
    auto words = fields::text(Path("/words").item(index));
    if (!words) return failed();
    fields::log(*words);
  }
  return fault(Text("Logged: all of them"));
}

CONDITION("panics", panics) { fields::panic("no rates"); }
