/* Exposes what the bindings read, for the table ../../bindings.json. */
#include "bureaucrat.h"

/* The place that a case names: by a pointer in /place, or by keys and indexes in /steps. */
static bool find_place(struct path *place) {
  struct text pointer, steps = TEXT("/steps");
  uint32_t count;
  path_start(place, TEXT(""));
  if (!field_get(steps).is_there) {
    if (!field_text(TEXT("/place"), &pointer)) return false;
    path_start(place, pointer);
    return true;
  }
  if (!field_items(steps, &count)) return false;
  for (uint32_t index = 0; index < count; index++) {
    struct path step = {0}; /* clang calls memset */
    path_start(&step, steps);
    path_item(&step, index);
    struct value found = field_get(path_text(&step));
    if (found.kind == IS_INTEGER) path_item(place, (uint32_t)found.integer);
    else path_key(place, found.text);
  }
  return true;
}

static void build_bits(struct builder *to, double number) {
  union { double real; uint64_t bits; } both = {number};
  build_byte(to, '"');
  for (int shift = 60; shift >= 0; shift -= 4)
    build_byte(to, "0123456789abcdef"[both.bits >> shift & 15]);
  build_byte(to, '"');
}

#define PLACE                                                                                     \
  struct path path;                                                                               \
  struct builder json = {0};                                                                      \
  if (!find_place(&path)) return failed();                                                        \
  struct text place = path_text(&path)

VALUE("read-path", read_path) {
  PLACE;
  build_quoted(&json, place);
  return value(built(&json));
}

VALUE("read-value", read_value) {
  PLACE;
  struct value found = field_get(place);
  if (!found.is_there) return value(TEXT("[\"nothing\"]"));
  switch ((enum kind)found.kind) {
  case IS_NULL: build(&json, TEXT("[\"null\"")); break;
  case IS_BOOLEAN:
    build(&json, TEXT("[\"boolean\","));
    build(&json, found.boolean ? TEXT("true") : TEXT("false"));
    break;
  case IS_INTEGER:
    build(&json, TEXT("[\"integer\","));
    build_integer(&json, found.integer);
    break;
  case IS_BIG_INTEGER:
    build(&json, TEXT("[\"big-integer\","));
    build_quoted(&json, found.text);
    break;
  case IS_FLOAT:
    build(&json, TEXT("[\"float\","));
    build_bits(&json, found.real);
    break;
  case IS_TEXT:
    build(&json, TEXT("[\"text\","));
    build_quoted(&json, found.text);
    break;
  case IS_LIST:
    build(&json, TEXT("[\"list\","));
    build_integer(&json, found.length);
    break;
  case IS_RECORD:
    build(&json, TEXT("[\"record\","));
    build_integer(&json, found.length);
    break;
  }
  build_byte(&json, ']');
  return value(built(&json));
}

CONDITION("read-boolean", read_boolean) {
  PLACE;
  bool found;
  (void)json;
  return field_boolean(place, &found) ? verdict(found) : failed();
}

CONDITION("is-set", is_set) {
  PLACE;
  (void)json;
  return verdict(field_is_set(place));
}

VALUE("read-integer", read_integer) {
  PLACE;
  int64_t found;
  if (!field_integer(place, &found)) return failed();
  build_integer(&json, found);
  return value(built(&json));
}

VALUE("read-digits", read_digits) {
  PLACE;
  struct text found;
  if (!field_digits(place, &found)) return failed();
  build_quoted(&json, found);
  return value(built(&json));
}

VALUE("read-number", read_number) {
  PLACE;
  double found;
  if (!field_number(place, &found)) return failed();
  build_bits(&json, found);
  return value(built(&json));
}

VALUE("read-text", read_text) {
  PLACE;
  struct text found;
  if (!field_text(place, &found)) return failed();
  build_quoted(&json, found);
  return value(built(&json));
}

/* How many characters a text has, and a hash of every 16th. */
VALUE("measure", measure) {
  PLACE;
  struct text found;
  uint32_t hash = 0, count = 0;
  if (!field_text(place, &found)) return failed();
  for (uint32_t at = 0; at < found.length; count++) {
    uint8_t first = (uint8_t)found.bytes[at++];
    uint32_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t character = more ? first & (0x3f >> more) : first;
    while (more-- > 0) character = character << 6 | (found.bytes[at++] & 0x3f);
    if (count % 16 == 0) hash = hash * 31 + character;
  }
  build_byte(&json, '[');
  build_integer(&json, count);
  build_byte(&json, ',');
  build_integer(&json, hash);
  build_byte(&json, ']');
  return value(built(&json));
}

VALUE("read-items", read_items) {
  PLACE;
  uint32_t found;
  if (!field_items(place, &found)) return failed();
  build_integer(&json, found);
  return value(built(&json));
}

VALUE("read-keys", read_keys) {
  PLACE;
  struct texts found;
  if (!field_keys(place, &found)) return failed();
  build_byte(&json, '[');
  for (uint32_t at = 0; at < found.count; at++) {
    if (at > 0) build_byte(&json, ',');
    build_quoted(&json, found.items[at]);
  }
  build_byte(&json, ']');
  return value(built(&json));
}

VALUE("read-json", read_json) {
  PLACE;
  struct text found;
  (void)json;
  return field_json(place, &found) ? value(found) : failed();
}

VALUE("sum-items", sum_items) {
  PLACE;
  uint32_t count, mark = place.length;
  int64_t sum = 0, item;
  if (!field_items(place, &count)) return failed();
  for (uint32_t index = 0; index < count; index++) {
    path_cut(&path, mark);
    path_item(&path, index);
    if (!field_integer(path_text(&path), &item)) return failed();
    sum += item;
  }
  build_integer(&json, sum);
  return value(built(&json));
}

VALUE("sum-values", sum_values) {
  PLACE;
  struct texts keys;
  int64_t sum = 0, item;
  if (!field_keys(place, &keys)) return failed();
  for (uint32_t at = 0; at < keys.count; at++) {
    struct path longer = path; /* clang calls memcpy */
    path_key(&longer, keys.items[at]);
    if (!field_integer(path_text(&longer), &item)) return failed();
    sum += item;
  }
  build_integer(&json, sum);
  return value(built(&json));
}

CONDITION("log-words", log_words) {
  uint32_t count;
  if (!field_items(TEXT("/words"), &count)) return failed();
  for (uint32_t index = 0; index < count; index++) {
    struct path path = {0};
    struct text words;
    path_start(&path, TEXT("/words"));
    path_item(&path, index);
    if (!field_text(path_text(&path), &words)) return failed();
    log_text(words);
  }
  return fault(TEXT("Logged: all of them"));
}

CONDITION("panics", panics) { panic(TEXT("no rates")); }
