//! Conditions for bureaucrat in Zig: reads the fields of a process, and returns verdicts, values
//! and faults.
//!
//! Readers fail with the same errors in all languages; `try` passes them on, and the fault names
//! the pointer:
//! - `KeyError`: nothing is at the pointer
//! - `TypeError`: something else is at the pointer
//! - `OverflowError`: the number does not fit the type
//!
//! Memory is never freed, because every evaluation runs in a new instance. Each function says what
//! it allocates; an evaluation that needs more than the engine's limit ends with a trap.
const std = @import("std");

pub const Kind = enum(u8) { null, boolean, integer, big_integer, float, text, list, record };

/// A value of any kind.
pub const Value = union(Kind) {
    null,
    boolean: bool,
    integer: i64,
    /// The digits of an integer beyond 64 bits, after `-` if it is negative.
    big_integer: []const u8,
    /// May be infinite, never NaN.
    float: f64,
    /// UTF-8.
    text: []const u8,
    /// How many items.
    list: u32,
    /// How many keys.
    record: u32,
};

pub const Error = error{ KeyError, TypeError, OverflowError, Fault };

// ---- Words for people ----

/// Leaves some words for people who look into an evaluation that fails; `bureaucrat module run` shows
/// them. About 4,000 bytes are kept.
pub fn log(words: []const u8) void {
    imported_log.write(words.ptr, words.len);
}

/// Has the words of a panic end the message of its fault, sandbox.trap. Say in your main file:
/// `pub const panic = bureaucrat.panic;`
pub const panic = std.debug.FullPanic(struct {
    fn panic(words: []const u8, _: ?usize) noreturn {
        log(words);
        @trap();
    }
}.panic);

// ---- Fields ----

/// The value at a JSON Pointer; null if nothing is there. Allocates a text's bytes.
pub fn get(pointer: []const u8) ?Value {
    var raw: Raw = undefined;
    imported.get(pointer.ptr, pointer.len, &raw);
    if (raw.is_there == 0) return null;
    const payload = raw.payload;
    return switch (@as(Kind, @enumFromInt(raw.kind))) {
        .null => .null,
        .boolean => .{ .boolean = payload.boolean != 0 },
        .integer => .{ .integer = payload.integer },
        .big_integer => .{ .big_integer = payload.text.slice() },
        .float => .{ .float = payload.float },
        .text => .{ .text = payload.text.slice() },
        .list => .{ .list = payload.length },
        .record => .{ .record = payload.length },
    };
}

/// Whether anything but null is at a pointer. Allocates a text's bytes.
pub fn isSet(pointer: []const u8) bool {
    const found = get(pointer) orelse return false;
    return found != .null;
}

pub fn boolean(pointer: []const u8) Error!bool {
    const found = get(pointer);
    if (found) |value| switch (value) {
        .boolean => |truth| return truth,
        else => {},
    };
    return wrong(pointer, found, "a boolean");
}

/// An integer of 64 bits; `OverflowError` beyond. A float is a `TypeError`, 7.0 as well.
pub fn integer(pointer: []const u8) Error!i64 {
    const found = get(pointer);
    if (found) |value| switch (value) {
        .integer => |whole| return whole,
        .big_integer => return overflow(pointer, "an integer beyond 64 bits"),
        else => {},
    };
    return wrong(pointer, found, "an integer");
}

/// The digits of an integer of any size, after `-` if it is negative. Allocates them.
pub fn digits(pointer: []const u8) Error![]const u8 {
    const found = get(pointer);
    if (found) |value| switch (value) {
        .integer => |whole| return print("{d}", .{whole}),
        .big_integer => |bytes| return bytes,
        else => {},
    };
    return wrong(pointer, found, "an integer");
}

/// A float, or an integer that a float holds exactly. `OverflowError` for a float that is too
/// large, and for an integer beyond 2^53.
pub fn number(pointer: []const u8) Error!f64 {
    const largest = 1 << 53;
    const found = get(pointer);
    if (found) |value| switch (value) {
        .float => |float| {
            if (std.math.isFinite(float)) return float;
            return overflow(pointer, "beyond the largest float");
        },
        .integer => |whole| {
            if (whole <= largest and whole >= -largest) return @floatFromInt(whole);
            return overflow(pointer, "an integer beyond 2^53");
        },
        .big_integer => return overflow(pointer, "an integer beyond 2^53"),
        else => {},
    };
    return wrong(pointer, found, "a number");
}

/// Allocates the text's bytes.
pub fn text(pointer: []const u8) Error![]const u8 {
    const found = get(pointer);
    if (found) |value| switch (value) {
        .text => |bytes| return bytes,
        else => {},
    };
    return wrong(pointer, found, "a text");
}

/// How many items a list has.
pub fn items(pointer: []const u8) Error!u32 {
    const found = get(pointer);
    if (found) |value| switch (value) {
        .list => |length| return length,
        else => {},
    };
    return wrong(pointer, found, "a list");
}

/// The keys of a record, in order, without escapes. Allocates 16 bytes for each, and its bytes.
pub fn keys(pointer: []const u8) Error![]const []const u8 {
    var raw: RawTexts = undefined;
    imported.keys(pointer.ptr, pointer.len, &raw);
    if (raw.is_there == 0) return wrong(pointer, get(pointer), "a record");
    const found = allocator.alloc([]const u8, raw.length) catch @trap();
    for (found, 0..) |*key, at| key.* = raw.texts[at].slice();
    return found;
}

/// The value at a pointer as JSON text, unchanged; only `KeyError`. Allocates the text's bytes.
/// `std.json.parseFromSliceLeaky(T, allocator, text, .{})` reads it as a type of your own.
pub fn json(pointer: []const u8) Error![]const u8 {
    var raw: RawText = undefined;
    imported.json(pointer.ptr, pointer.len, &raw);
    if (raw.is_there == 0) return wrong(pointer, null, "");
    return raw.text.slice();
}

// ---- Pointers ----

/// A JSON Pointer that is assembled, on the stack: nothing is allocated. Longer than 1,024 bytes,
/// which is also the engine's default limit, it traps.
///
///     var path = Path.of("/order/items");
///     path.item(3);
///     path.key("a/b");
///     path.text() // /order/items/3/a~1b
pub const Path = struct {
    bytes: [1024]u8 = undefined,
    length: usize = 0,

    /// Begins with a pointer; "" is the record of all fields.
    pub fn of(pointer: []const u8) Path {
        var path: Path = .{};
        for (pointer) |byte| path.add(byte);
        return path;
    }

    /// Adds an index of a list, from 0.
    pub fn item(path: *Path, index: u32) void {
        var buffer: [10]u8 = undefined;
        path.add('/');
        for (std.fmt.bufPrint(&buffer, "{d}", .{index}) catch unreachable) |byte| path.add(byte);
    }

    /// Adds a key of a record; `~` and `/` are escaped.
    pub fn key(path: *Path, name: []const u8) void {
        path.add('/');
        for (name) |byte| switch (byte) {
            '~' => path.addAll("~0"),
            '/' => path.addAll("~1"),
            else => path.add(byte),
        };
    }

    /// Removes all after the first `length` bytes.
    pub fn cut(path: *Path, length: usize) void {
        path.length = @min(path.length, length);
    }

    /// The pointer; valid until the path changes.
    pub fn text(path: *const Path) []const u8 {
        return path.bytes[0..path.length];
    }

    fn add(path: *Path, byte: u8) void {
        if (path.length == path.bytes.len) @trap();
        path.bytes[path.length] = byte;
        path.length += 1;
    }

    fn addAll(path: *Path, bytes: []const u8) void {
        for (bytes) |byte| path.add(byte);
    }
};

// ---- Results ----

/// Exports a condition under its WIT name, in a `comptime` block. An error that has no message is
/// a fault with the error's name as its code.
pub fn exportVerdict(comptime name: []const u8, comptime condition: fn () anyerror!bool) void {
    const exported = struct {
        fn call() callconv(.c) *const Result {
            const holds = condition() catch |err| return failure(err);
            result = .{ .is_error = 0, .payload = .{ .verdict = @intFromBool(holds) } };
            return &result;
        }
    };
    @export(&exported.call, .{ .name = name });
}

/// Exports a function that returns a value: one JSON text, at most 64 KiB by default. Name it
/// "value:score", or build the module with `bureaucrat module build --wit`.
pub fn exportValue(comptime name: []const u8, comptime function: fn () anyerror![]const u8) void {
    const exported = struct {
        fn call() callconv(.c) *const Result {
            const found = function() catch |err| return failure(err);
            result = .{ .is_error = 0, .payload = .{ .text = Text.from(found) } };
            return &result;
        }
    };
    @export(&exported.call, .{ .name = name });
}

/// A fault: `return fail("CODE: message")`, at most 4,096 bytes by default. It is not copied.
pub fn fail(message: []const u8) Error {
    fault = message;
    return error.Fault;
}

/// Something of yours as JSON text, for a value.
pub fn jsonOf(something: anytype) []const u8 {
    return std.json.Stringify.valueAlloc(allocator, something, .{}) catch @trap();
}

// ---- Memory ----

/// Allocates from the guest's memory, and frees nothing; the last allocation grows in its place.
pub const allocator: std.mem.Allocator = .{
    .ptr = undefined,
    .vtable = &.{ .alloc = alloc, .resize = resize, .remap = remap, .free = free },
};

extern var __heap_base: u8;
var heap_next: usize = 0;
/// Where the memory ends that the heap may use: another allocator may have memory behind it.
var heap_end: usize = 0;

fn alloc(_: *anyopaque, length: usize, alignment: std.mem.Alignment, _: usize) ?[*]u8 {
    if (heap_next == 0) {
        heap_next = @intFromPtr(&__heap_base);
        heap_end = @wasmMemorySize(0) << 16;
    }
    var start = alignment.forward(heap_next);
    if (start > heap_end or length > heap_end - start) {
        const before = @wasmMemoryGrow(0, (length >> 16) + 1);
        if (before < 0) return null;
        const grown = @as(usize, @intCast(before)) << 16;
        if (grown != heap_end) start = grown;
        heap_end = @wasmMemorySize(0) << 16;
    }
    heap_next = start + length;
    return @ptrFromInt(start);
}

fn resize(_: *anyopaque, memory: []u8, _: std.mem.Alignment, length: usize, _: usize) bool {
    const start = @intFromPtr(memory.ptr);
    if (start + memory.len != heap_next) return length <= memory.len;
    if (length > heap_end - start) return false;
    heap_next = start + length;
    return true;
}

fn remap(_: *anyopaque, memory: []u8, a: std.mem.Alignment, length: usize, at: usize) ?[*]u8 {
    return if (resize(undefined, memory, a, length, at)) memory.ptr else null;
}

fn free(_: *anyopaque, _: []u8, _: std.mem.Alignment, _: usize) void {}

/// The host allocates memory for texts and lists here.
export fn cabi_realloc(old: [*]u8, old_size: usize, alignment: usize, size: usize) [*]u8 {
    const into = alloc(undefined, size, .fromByteUnits(alignment), 0) orelse @trap();
    for (0..@min(old_size, size)) |at| into[at] = old[at];
    return into;
}

// ---- The canonical ABI ----

const Text = extern struct {
    bytes: [*]const u8,
    length: usize,

    fn slice(given: Text) []const u8 {
        return given.bytes[0..given.length];
    }
    fn from(bytes: []const u8) Text {
        return .{ .bytes = bytes.ptr, .length = bytes.len };
    }
};

const Raw = extern struct {
    is_there: u8,
    kind: u8 align(8),
    payload: extern union { boolean: u8, integer: i64, float: f64, text: Text, length: u32 } align(8),
};
const RawText = extern struct { is_there: u8, text: Text align(4) };
const RawTexts = extern struct { is_there: u8, texts: [*]const Text align(4), length: usize };

const imported = struct {
    extern "bureaucrat:condition/fields@1.1.0" fn get(pointer: [*]const u8, length: usize, into: *Raw) void;
    extern "bureaucrat:condition/fields@1.1.0" fn keys(pointer: [*]const u8, length: usize, into: *RawTexts) void;
    extern "bureaucrat:condition/fields@1.1.0" fn json(pointer: [*]const u8, length: usize, into: *RawText) void;
};

const imported_log = struct {
    extern "bureaucrat:condition/log@1.1.0" fn write(words: [*]const u8, length: usize) void;
};

const Result = extern struct {
    is_error: u8,
    payload: extern union { verdict: u8, text: Text } align(4),
};

var result: Result = undefined;
/// What the last failed reader or `fail` said.
var fault: ?[]const u8 = null;

fn failure(err: anyerror) *const Result {
    const said = switch (err) {
        error.KeyError, error.TypeError, error.OverflowError, error.Fault => fault,
        else => null,
    };
    result = .{ .is_error = 1, .payload = .{ .text = Text.from(said orelse @errorName(err)) } };
    return &result;
}

fn print(comptime format: []const u8, arguments: anytype) []const u8 {
    return std.fmt.allocPrint(allocator, format, arguments) catch @trap();
}

fn overflow(pointer: []const u8, what: []const u8) Error {
    fault = print("OverflowError: `{s}` is {s}", .{ pointer, what });
    return error.OverflowError;
}

fn wrong(pointer: []const u8, found: ?Value, wanted: []const u8) Error {
    const value = found orelse {
        fault = print("KeyError: nothing at `{s}`", .{pointer});
        return error.KeyError;
    };
    const what = switch (value) {
        .null => "null",
        .boolean => "a boolean",
        .integer, .big_integer => "an integer",
        .float => "a float",
        .text => "a text",
        .list => "a list",
        .record => "a record",
    };
    fault = print("TypeError: `{s}` is {s}, not {s}", .{ pointer, what, wanted });
    return error.TypeError;
}
