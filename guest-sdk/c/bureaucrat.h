/* Conditions for bureaucrat in C: reads the fields of a process, and returns verdicts, values and
 * faults.
 *
 * The header is the whole package: copy it, and include it in as many files as you like. It needs
 * no C library. Its README says how to build.
 *
 * Every function whose name begins with `field_`, except `field_get`, returns false if it cannot
 * read what its name says. It then has prepared the fault, and the condition ends with
 * `return failed();`. The faults are the same in all languages:
 *   KeyError       nothing is at the pointer
 *   TypeError      something else is at the pointer
 *   OverflowError  the number does not fit the type
 *
 * Memory is never freed, because every evaluation runs in a new instance. Each function says what
 * it allocates; an evaluation that needs more than the engine's limit ends with a trap. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BUREAUCRAT_C extern "C"
#define BUREAUCRAT_EXTERN extern "C"
#else
#define BUREAUCRAT_C
#define BUREAUCRAT_EXTERN extern
#endif
#define BUREAUCRAT_IMPORT_OF(interface, name)                                                     \
  __attribute__((import_module("bureaucrat:condition/" interface "@1.1.0"), import_name(name)))   \
  BUREAUCRAT_C
#define BUREAUCRAT_IMPORT(name) BUREAUCRAT_IMPORT_OF("fields", name)
#define BUREAUCRAT_CHECKED __attribute__((warn_unused_result)) static inline

/* ---- Texts ---------------------------------------------------------------------------------- */

/* A text: UTF-8, `length` bytes, no zero byte at its end. It may contain zero bytes. */
struct text {
  const char *bytes;
  uint32_t length;
};

/* A constant text: TEXT("NL"). */
#ifdef __cplusplus
using bureaucrat_text = struct text;
#define TEXT(literal) (bureaucrat_text{literal, sizeof(literal) - 1})
#else
#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})
#endif

static inline bool text_equals(struct text left, struct text right) {
  if (left.length != right.length) return false;
  for (uint32_t at = 0; at < left.length; at++)
    if (left.bytes[at] != right.bytes[at]) return false;
  return true;
}

/* ---- Words for people -----------------------------------------------------------------------*/

BUREAUCRAT_IMPORT_OF("log", "write") void bureaucrat_log(const char *bytes, uint32_t length);

/* Leaves some words for people who look into an evaluation that fails; `bureaucrat module run` shows
 * them. About 4,000 bytes are kept. */
static inline void log_text(struct text words) { bureaucrat_log(words.bytes, words.length); }

/* Ends the evaluation with the fault sandbox.trap. Its message ends with the words. */
__attribute__((noreturn)) static inline void panic(struct text words) {
  log_text(words);
  __builtin_trap();
}

/* ---- Memory --------------------------------------------------------------------------------- */

/* The linker says where the heap begins. */
BUREAUCRAT_EXTERN char __heap_base;
__attribute__((weak)) uintptr_t bureaucrat_heap;

/* The host allocates memory for texts and lists here. The last allocation grows in its place. */
__attribute__((weak, export_name("cabi_realloc"))) BUREAUCRAT_C void *
cabi_realloc(void *old, size_t old_size, size_t alignment, size_t size) {
  if (!bureaucrat_heap) bureaucrat_heap = (uintptr_t)&__heap_base;
  bool is_last = old_size && (uintptr_t)old + old_size == bureaucrat_heap;
  uintptr_t start =
      is_last ? (uintptr_t)old : (bureaucrat_heap + alignment - 1) & ~(uintptr_t)(alignment - 1);
  uintptr_t end = start + size;
  size_t have = __builtin_wasm_memory_size(0) << 16;
  if (end < start) __builtin_trap();
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 0xffff) >> 16) == (size_t)-1)
    __builtin_trap();
  bureaucrat_heap = end;
  if (!is_last)
    for (size_t at = 0; at < old_size && at < size; at++)
      ((char *)start)[at] = ((const char *)old)[at];
  return (void *)start;
}

/* clang calls these for large structs, whatever the flags say. Without `no_builtin` it would turn
 * their loops into calls of themselves. */
__attribute__((weak, no_builtin)) BUREAUCRAT_C void *memcpy(void *into, const void *from,
                                                            size_t length) {
  for (size_t at = 0; at < length; at++) ((char *)into)[at] = ((const char *)from)[at];
  return into;
}
__attribute__((weak, no_builtin)) BUREAUCRAT_C void *memmove(void *into, const void *from,
                                                             size_t length) {
  if ((uintptr_t)into - (uintptr_t)from >= length) return memcpy(into, from, length);
  while (length-- > 0) ((char *)into)[length] = ((const char *)from)[length];
  return into;
}
__attribute__((weak, no_builtin)) BUREAUCRAT_C void *memset(void *into, int byte, size_t length) {
  for (size_t at = 0; at < length; at++) ((char *)into)[at] = (char)byte;
  return into;
}
__attribute__((weak, no_builtin)) BUREAUCRAT_C int memcmp(const void *left, const void *right,
                                                          size_t length) {
  for (size_t at = 0; at < length; at++) {
    int difference = ((const uint8_t *)left)[at] - ((const uint8_t *)right)[at];
    if (difference) return difference;
  }
  return 0;
}

/* ---- Text that is assembled, and JSON ------------------------------------------------------- */

/* Grows on the heap. Begin with `struct builder built = {0};`. */
struct builder {
  char *bytes;
  uint32_t length, room;
};

static inline void build_byte(struct builder *to, char byte) {
  if (to->length == to->room) {
    uint32_t room = to->room ? to->room * 2 : 64;
    to->bytes = (char *)cabi_realloc(to->bytes, to->room, 1, room);
    to->room = room;
  }
  to->bytes[to->length++] = byte;
}

/* Adds a text as it is. */
static inline void build(struct builder *to, struct text text) {
  for (uint32_t at = 0; at < text.length; at++) build_byte(to, text.bytes[at]);
}

/* The digits of a number, at the end of `into`, which has room for 20 bytes. */
static inline struct text bureaucrat_digits(uint64_t number, bool is_negative, char *into) {
  uint32_t at = 20;
  do into[--at] = (char)('0' + number % 10);
  while (number /= 10);
  if (is_negative) into[--at] = '-';
  struct text digits = {into + at, 20 - at};
  return digits;
}

/* Adds an integer. */
static inline void build_integer(struct builder *to, int64_t number) {
  char digits[20];
  uint64_t size = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  build(to, bureaucrat_digits(size, number < 0, digits));
}

/* Adds a text as JSON, with quotes and escapes. */
static inline void build_quoted(struct builder *to, struct text text) {
  build_byte(to, '"');
  for (uint32_t at = 0; at < text.length; at++) {
    uint8_t byte = (uint8_t)text.bytes[at];
    if (byte < 0x20) {
      build(to, TEXT("\\u00"));
      build_byte(to, (char)('0' + (byte >> 4)));
      build_byte(to, "0123456789abcdef"[byte & 15]);
    } else {
      if (byte == '"' || byte == '\\') build_byte(to, '\\');
      build_byte(to, (char)byte);
    }
  }
  build_byte(to, '"');
}

/* What was assembled. It stays valid; adding more may move the builder away from it. */
static inline struct text built(const struct builder *from) {
  struct text text = {from->bytes, from->length};
  return text;
}

/* ---- Pointers ------------------------------------------------------------------------------- */

/* The longest JSON Pointer, in bytes. The engine's default limit is the same. */
#ifndef BUREAUCRAT_PATH_MAX
#define BUREAUCRAT_PATH_MAX 1024
#endif

/* A JSON Pointer that is assembled, on the stack: nothing is allocated. Longer ones trap.
 *
 *   struct path path = path_of(TEXT("/order/items"));
 *   path_item(&path, 3);                     // /order/items/3
 *   path_key(&path, TEXT("a/b"));            // /order/items/3/a~1b
 *   path_text(&path)                         // the pointer
 */
struct path {
  uint32_t length;
  char bytes[BUREAUCRAT_PATH_MAX];
};

static inline void bureaucrat_path_byte(struct path *path, char byte) {
  if (path->length == BUREAUCRAT_PATH_MAX) panic(TEXT("a pointer is too long"));
  path->bytes[path->length++] = byte;
}

/* Begins with a pointer; TEXT("") is the record of all fields. */
static inline void path_start(struct path *path, struct text pointer) {
  path->length = 0;
  for (uint32_t at = 0; at < pointer.length; at++) bureaucrat_path_byte(path, pointer.bytes[at]);
}

/* Adds a key of a record; `~` and `/` are escaped. */
static inline void path_key(struct path *path, struct text key) {
  bureaucrat_path_byte(path, '/');
  for (uint32_t at = 0; at < key.length; at++) {
    char byte = key.bytes[at];
    bureaucrat_path_byte(path, byte == '/' ? '~' : byte);
    if (byte == '~') bureaucrat_path_byte(path, '0');
    if (byte == '/') bureaucrat_path_byte(path, '1');
  }
}

/* Adds an index of a list, from 0. */
static inline void path_item(struct path *path, uint32_t index) {
  char digits[20];
  struct text text = bureaucrat_digits(index, false, digits);
  bureaucrat_path_byte(path, '/');
  for (uint32_t at = 0; at < text.length; at++) bureaucrat_path_byte(path, text.bytes[at]);
}

/* Removes all after the first `length` bytes. */
static inline void path_cut(struct path *path, uint32_t length) {
  if (length < path->length) path->length = length;
}

/* The pointer; valid until the path changes. */
static inline struct text path_text(const struct path *path) {
  struct text text = {path->bytes, path->length};
  return text;
}

/* ---- Results -------------------------------------------------------------------------------- */

struct result {
  uint8_t is_error;
  uint8_t unused[3];
  union {
    bool verdict;
    struct text text;
  };
};
__attribute__((weak)) struct result bureaucrat_result;

/* Exports a condition under its WIT name: CONDITION("is-high", is_high) { … }. Its body ends with
 * `return verdict(…)`, `return fault(…)` or `return failed()`. */
#define CONDITION(name, function)                                                                 \
  __attribute__((export_name(name))) BUREAUCRAT_C const struct result *function(void)
/* Exports a function that returns a value; its body ends with `return value(…)` or as above. Name
 * it "value:score", or build the module with `bureaucrat module build --wit`. */
#define VALUE(name, function) CONDITION(name, function)

static inline const struct result *verdict(bool holds) {
  bureaucrat_result.is_error = 0;
  bureaucrat_result.verdict = holds;
  return &bureaucrat_result;
}

/* A value: one JSON text, at most 64 KiB by default. */
static inline const struct result *value(struct text json) {
  bureaucrat_result.is_error = 0;
  bureaucrat_result.text = json;
  return &bureaucrat_result;
}

/* A fault: `CODE: message`, at most 4,096 bytes by default. */
static inline const struct result *fault(struct text message) {
  bureaucrat_result.is_error = 1;
  bureaucrat_result.text = message;
  return &bureaucrat_result;
}

/* The fault of the `field_` function that returned false last. */
static inline const struct result *failed(void) { return &bureaucrat_result; }

/* ---- Fields --------------------------------------------------------------------------------- */

enum kind {
  IS_NULL,
  IS_BOOLEAN,
  IS_INTEGER,
  IS_BIG_INTEGER,
  IS_FLOAT,
  IS_TEXT,
  IS_LIST,
  IS_RECORD,
};

struct value {
  uint8_t is_there; /* 0: nothing is at the pointer, and the rest has no meaning */
  uint8_t unused1[7];
  uint8_t kind; /* an `enum kind` */
  uint8_t unused2[7];
  union {
    bool boolean;
    int64_t integer;
    double real;
    struct text text; /* also the digits of a big integer */
    uint32_t length;  /* items of a list, keys of a record */
  };
};

struct texts {
  const struct text *items;
  uint32_t count;
};

struct bureaucrat_found {
  uint8_t is_there;
  uint8_t unused[3];
  union {
    struct text text;
    struct texts texts;
  };
};

BUREAUCRAT_IMPORT("get")
void bureaucrat_get(const char *pointer, uint32_t length, struct value *into);
BUREAUCRAT_IMPORT("keys")
void bureaucrat_keys(const char *pointer, uint32_t length, struct bureaucrat_found *into);
BUREAUCRAT_IMPORT("json")
void bureaucrat_json(const char *pointer, uint32_t length, struct bureaucrat_found *into);

/* The value at a JSON Pointer, of any kind. Allocates a text's bytes. */
static inline struct value field_get(struct text pointer) {
  struct value found;
  bureaucrat_get(pointer.bytes, pointer.length, &found);
  return found;
}

/* Prepares the fault CODE: `pointer` is WHAT, or CODE: nothing at `pointer`. */
static inline bool bureaucrat_fail(struct text code, struct text before, struct text pointer,
                                   struct text after, struct text wanted) {
  struct builder message = {0, 0, 0};
  build(&message, code);
  build(&message, before);
  build(&message, pointer);
  build(&message, after);
  build(&message, wanted);
  fault(built(&message));
  return false;
}

static inline bool bureaucrat_nothing(struct text pointer) {
  return bureaucrat_fail(TEXT("KeyError"), TEXT(": nothing at `"), pointer, TEXT("`"), TEXT(""));
}

static inline bool bureaucrat_overflow(struct text pointer, struct text what) {
  return bureaucrat_fail(TEXT("OverflowError"), TEXT(": `"), pointer, TEXT("` is "), what);
}

static inline bool bureaucrat_wrong(struct value found, struct text pointer, struct text wanted) {
  if (!found.is_there) return bureaucrat_nothing(pointer);
  struct text after;
  switch ((enum kind)found.kind) {
  case IS_NULL: after = TEXT("` is null, not "); break;
  case IS_BOOLEAN: after = TEXT("` is a boolean, not "); break;
  case IS_INTEGER:
  case IS_BIG_INTEGER: after = TEXT("` is an integer, not "); break;
  case IS_FLOAT: after = TEXT("` is a float, not "); break;
  case IS_TEXT: after = TEXT("` is a text, not "); break;
  case IS_LIST: after = TEXT("` is a list, not "); break;
  default: after = TEXT("` is a record, not "); break;
  }
  return bureaucrat_fail(TEXT("TypeError"), TEXT(": `"), pointer, after, wanted);
}

/* Whether anything but null is at a pointer. Allocates a text's bytes. */
static inline bool field_is_set(struct text pointer) {
  struct value found = field_get(pointer);
  return found.is_there && found.kind != IS_NULL;
}

BUREAUCRAT_CHECKED bool field_boolean(struct text pointer, bool *into) {
  struct value found = field_get(pointer);
  if (!found.is_there || found.kind != IS_BOOLEAN)
    return bureaucrat_wrong(found, pointer, TEXT("a boolean"));
  *into = found.boolean;
  return true;
}

/* An integer of 64 bits. OverflowError beyond. A float is a TypeError, 7.0 as well. */
BUREAUCRAT_CHECKED bool field_integer(struct text pointer, int64_t *into) {
  struct value found = field_get(pointer);
  if (found.is_there && found.kind == IS_BIG_INTEGER)
    return bureaucrat_overflow(pointer, TEXT("an integer beyond 64 bits"));
  if (!found.is_there || found.kind != IS_INTEGER)
    return bureaucrat_wrong(found, pointer, TEXT("an integer"));
  *into = found.integer;
  return true;
}

/* The digits of an integer of any size, after `-` if it is negative. Allocates them. */
BUREAUCRAT_CHECKED bool field_digits(struct text pointer, struct text *into) {
  struct value found = field_get(pointer);
  if (found.is_there && found.kind == IS_INTEGER) {
    struct builder digits = {0, 0, 0};
    build_integer(&digits, found.integer);
    *into = built(&digits);
    return true;
  }
  if (!found.is_there || found.kind != IS_BIG_INTEGER)
    return bureaucrat_wrong(found, pointer, TEXT("an integer"));
  *into = found.text;
  return true;
}

/* A float, or an integer that a float holds exactly. OverflowError for a float that is too large
 * and for an integer beyond 2^53. */
BUREAUCRAT_CHECKED bool field_number(struct text pointer, double *into) {
  const int64_t largest = (int64_t)1 << 53;
  struct value found = field_get(pointer);
  if (found.is_there && found.kind == IS_FLOAT) {
    if (found.real - found.real != 0)
      return bureaucrat_overflow(pointer, TEXT("beyond the largest float"));
    *into = found.real;
    return true;
  }
  bool is_integer = found.is_there && found.kind == IS_INTEGER;
  if (is_integer && found.integer <= largest && found.integer >= -largest) {
    *into = (double)found.integer;
    return true;
  }
  if (is_integer || (found.is_there && found.kind == IS_BIG_INTEGER))
    return bureaucrat_overflow(pointer, TEXT("an integer beyond 2^53"));
  return bureaucrat_wrong(found, pointer, TEXT("a number"));
}

/* Allocates the text's bytes. */
BUREAUCRAT_CHECKED bool field_text(struct text pointer, struct text *into) {
  struct value found = field_get(pointer);
  if (!found.is_there || found.kind != IS_TEXT)
    return bureaucrat_wrong(found, pointer, TEXT("a text"));
  *into = found.text;
  return true;
}

/* How many items a list has. */
BUREAUCRAT_CHECKED bool field_items(struct text pointer, uint32_t *into) {
  struct value found = field_get(pointer);
  if (!found.is_there || found.kind != IS_LIST)
    return bureaucrat_wrong(found, pointer, TEXT("a list"));
  *into = found.length;
  return true;
}

/* The keys of a record, in order, without escapes. Allocates 8 bytes for each, and its bytes. */
BUREAUCRAT_CHECKED bool field_keys(struct text pointer, struct texts *into) {
  struct bureaucrat_found found;
  bureaucrat_keys(pointer.bytes, pointer.length, &found);
  if (!found.is_there) return bureaucrat_wrong(field_get(pointer), pointer, TEXT("a record"));
  *into = found.texts;
  return true;
}

/* The value at a pointer as JSON text, unchanged. KeyError alone. Allocates the text's bytes. */
BUREAUCRAT_CHECKED bool field_json(struct text pointer, struct text *into) {
  struct bureaucrat_found found;
  bureaucrat_json(pointer.bytes, pointer.length, &found);
  if (!found.is_there) return bureaucrat_nothing(pointer);
  *into = found.text;
  return true;
}
