//! The contract of bureaucrat's conditions for Zig: the interface `fields`, and results, in the canonical ABI.
//! Memory is never freed: every evaluation runs in a new instance.

/// A kind of value.
pub const Kind = enum(u8) { null, boolean, integer, big_integer, float, text, list, record };

const Text = extern struct { bytes: [*]const u8, length: u32 };

const Raw = extern struct {
    is_there: u8,
    kind: u8 align(8),
    payload: extern union { boolean: u8, integer: i64, float: f64, text: Text, length: u32 } align(8),
};

/// A value: its kind and its payload.
pub const Value = union(Kind) {
    null,
    boolean: bool,
    integer: i64,
    /// Digits.
    big_integer: []const u8,
    float: f64,
    text: []const u8,
    /// How many items.
    list: u32,
    /// How many keys.
    record: u32,
};

const imported = struct {
    extern "bureaucrat:condition/fields@1.0.0" fn get(pointer: [*]const u8, length: usize, into: *Raw) void;
};

/// The value at a JSON Pointer; null if there is none.
pub fn get(pointer: []const u8) ?Value {
    var raw: Raw = undefined;
    imported.get(pointer.ptr, pointer.len, &raw);
    if (raw.is_there == 0) return null;
    const payload = raw.payload;
    const text = payload.text;
    return switch (@as(Kind, @enumFromInt(raw.kind))) {
        .null => .null,
        .boolean => .{ .boolean = payload.boolean != 0 },
        .integer => .{ .integer = payload.integer },
        .big_integer => .{ .big_integer = text.bytes[0..text.length] },
        .float => .{ .float = payload.float },
        .text => .{ .text = text.bytes[0..text.length] },
        .list => .{ .list = payload.length },
        .record => .{ .record = payload.length },
    };
}

/// The integer at a pointer.
pub fn integer(pointer: []const u8) ?i64 {
    const value = get(pointer) orelse return null;
    return switch (value) {
        .integer => |number| number,
        else => null,
    };
}

/// The result of a condition.
pub const Result = extern struct {
    is_error: u8,
    payload: extern union { verdict: u8, text: Text } align(4),
};

var result: Result = undefined;

/// A verdict.
pub fn verdict(holds: bool) *const Result {
    result = .{ .is_error = 0, .payload = .{ .verdict = @intFromBool(holds) } };
    return &result;
}

/// An error: `CODE: message`.
pub fn fault(text: []const u8) *const Result {
    result = .{ .is_error = 1, .payload = .{ .text = .{ .bytes = text.ptr, .length = text.len } } };
    return &result;
}

extern var __heap_base: u8;
var free: usize = 0;

/// The host allocates memory for texts here.
export fn cabi_realloc(old: [*]u8, old_size: usize, alignment: usize, size: usize) [*]u8 {
    if (free == 0) free = @intFromPtr(&__heap_base);
    const start = (free + alignment - 1) & ~(alignment - 1);
    const end = start + size;
    const have = @wasmMemorySize(0) << 16;
    if (end > have and @wasmMemoryGrow(0, (end - have + 0xffff) >> 16) < 0) @trap();
    free = end;
    const into: [*]u8 = @ptrFromInt(start);
    for (0..@min(old_size, size)) |at| into[at] = old[at];
    return into;
}
