//! The worked example in Zig: nested fields, a loop over a list, a comparison of texts, two errors.
const std = @import("std");
const bureaucrat = @import("bureaucrat.zig");

fn isHigh() callconv(.c) *const bureaucrat.Result {
    var total = bureaucrat.integer("/order/amount") orelse
        return bureaucrat.fault("KeyError: no integer at /order/amount");
    const items = bureaucrat.get("/order/items") orelse bureaucrat.Value.null;
    const count = switch (items) {
        .list => |length| length,
        else => 0,
    };
    var buffer: [40]u8 = undefined;
    for (0..count) |index| {
        const pointer = std.fmt.bufPrint(&buffer, "/order/items/{d}/price", .{index}) catch unreachable;
        total += bureaucrat.integer(pointer) orelse
            return bureaucrat.fault("TypeError: a price is no integer");
    }
    return bureaucrat.verdict(total > 10000);
}

fn isForeign() callconv(.c) *const bureaucrat.Result {
    const country = bureaucrat.get("/order/country") orelse return bureaucrat.verdict(false);
    return bureaucrat.verdict(switch (country) {
        .text => |text| !std.mem.eql(u8, text, "NL"),
        else => false,
    });
}

comptime {
    @export(&isHigh, .{ .name = "is-high" });
    @export(&isForeign, .{ .name = "is-foreign" });
}
