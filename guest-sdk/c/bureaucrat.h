/* The contract of bureaucrat's conditions for C and C++: the interface `fields`, and results, in the canonical ABI.
 * Include it in one file of the guest; that file also gets the allocator that the host uses.
 * Memory is never freed: every evaluation runs in a new instance. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define BUREAUCRAT_C extern "C"
#else
#define BUREAUCRAT_C
#endif

/* A text: UTF-8, `length` bytes, no zero at its end. */
struct text {
  const char *bytes;
  uint32_t length;
};

/* A constant text. */
#ifdef __cplusplus
#define TEXT(literal) (text{literal, sizeof(literal) - 1})
#else
#define TEXT(literal) ((struct text){literal, sizeof(literal) - 1})
#endif

/* A kind of value. */
enum kind { IS_NULL, IS_BOOLEAN, IS_INTEGER, IS_BIG_INTEGER, IS_FLOAT, IS_TEXT, IS_LIST, IS_RECORD };

struct value {
  uint8_t is_there;               /* 0: nothing is there, and the rest is meaningless */
  uint8_t unused1[7];
  uint8_t kind;                   /* an `enum kind` */
  uint8_t unused2[7];
  union {
    bool boolean;
    int64_t integer;
    double real;
    struct text text;             /* also the digits of a big integer */
    uint32_t length;              /* items of a list, keys of a record */
  };
};

__attribute__((import_module("bureaucrat:condition/fields@1.0.0"), import_name("get")))
BUREAUCRAT_C void bureaucrat_get(const char *pointer, uint32_t length, struct value *into);

/* The value at a JSON Pointer. */
static inline struct value get(struct text pointer) {
  struct value found;
  bureaucrat_get(pointer.bytes, pointer.length, &found);
  return found;
}

/* The result of a condition. */
struct result {
  uint8_t is_error;
  uint8_t unused[3];
  union {
    bool verdict;
    struct text error;            /* `CODE: message` */
  };
};

/* A condition under its WIT name: CONDITION("is-high", is_high) { … return verdict(true); } */
#define CONDITION(name, function) \
  __attribute__((export_name(name))) BUREAUCRAT_C const struct result *function(void)

static struct result bureaucrat_result;

static inline const struct result *verdict(bool holds) {
  bureaucrat_result.is_error = 0;
  bureaucrat_result.verdict = holds;
  return &bureaucrat_result;
}

static inline const struct result *error(struct text message) {
  bureaucrat_result.is_error = 1;
  bureaucrat_result.error = message;
  return &bureaucrat_result;
}

/* The host allocates memory for texts here. The linker says where the heap begins; memory grows as necessary. */
extern char __heap_base;
static uintptr_t bureaucrat_free;

__attribute__((export_name("cabi_realloc")))
BUREAUCRAT_C void *cabi_realloc(void *old, size_t old_size, size_t alignment, size_t size) {
  if (!bureaucrat_free) bureaucrat_free = (uintptr_t)&__heap_base;
  uintptr_t start = (bureaucrat_free + alignment - 1) & ~(uintptr_t)(alignment - 1);
  uintptr_t end = start + size;
  size_t have = __builtin_wasm_memory_size(0) << 16;
  if (end < start) __builtin_trap();
  if (end > have && __builtin_wasm_memory_grow(0, (end - have + 0xffff) >> 16) == (size_t)-1) __builtin_trap();
  bureaucrat_free = end;
  for (size_t at = 0; at < old_size && at < size; at++) ((char *)start)[at] = ((char *)old)[at];
  return (void *)start;
}
