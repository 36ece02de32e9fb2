// The contract for C++: the C header's types behind our own optionals, without the standard library.
#pragma once
#include "../c/bureaucrat.h"

namespace bureaucrat {

// A value that may be missing.
template <class T> struct Maybe {
  bool there;
  T value;
  explicit operator bool() const { return there; }
  const T &operator*() const { return value; }
};

inline Maybe<int64_t> integer(struct text pointer) {
  auto found = get(pointer);
  return {found.is_there && found.kind == IS_INTEGER, found.integer};
}
inline Maybe<struct text> text_at(struct text pointer) {
  auto found = get(pointer);
  return {found.is_there && found.kind == IS_TEXT, found.text};
}
// The number of items; none for anything but a list.
inline uint32_t items(struct text pointer) {
  auto found = get(pointer);
  return found.is_there && found.kind == IS_LIST ? found.length : 0;
}
inline bool operator==(const struct text &left, const struct text &right) {
  if (left.length != right.length) return false;
  for (uint32_t at = 0; at < left.length; at++)
    if (left.bytes[at] != right.bytes[at]) return false;
  return true;
}

// A pointer that is assembled: Pointer("/order/items").item(3).key("price").
class Pointer {
  char bytes[256];
  uint32_t length = 0;
  void add(char byte) {
    if (length == sizeof bytes) __builtin_trap();
    bytes[length++] = byte;
  }

public:
  explicit Pointer(const char *from) {
    while (*from) add(*from++);
  }
  Pointer &item(uint32_t index) {
    add('/');
    uint32_t unit = 1;
    while (index / unit >= 10) unit *= 10;
    for (; unit; unit /= 10) add('0' + index / unit % 10);
    return *this;
  }
  // A key without `~` and `/`.
  Pointer &key(const char *name) {
    add('/');
    while (*name) add(*name++);
    return *this;
  }
  operator struct text() const { return {bytes, length}; }
};

} // namespace bureaucrat
