//! The worked example in Zig: nested fields, a loop over a list, a comparison of texts, errors.
const std = @import("std");
const bureaucrat = @import("bureaucrat");

pub const panic = bureaucrat.panic;

fn isHigh() !bool {
    var total = try bureaucrat.integer("/order/amount");
    const count = if (bureaucrat.isSet("/order/items")) try bureaucrat.items("/order/items") else 0;
    for (0..count) |index| {
        var path = bureaucrat.Path.of("/order/items");
        path.item(index);
        path.key("price");
        total = std.math.add(i64, total, try bureaucrat.integer(path.text())) catch
            return bureaucrat.fail("OverflowError: the total does not fit 64 bits");
    }
    return total > 10000;
}

fn isForeign() !bool {
    if (!bureaucrat.isSet("/order/country")) return false;
    return !std.mem.eql(u8, try bureaucrat.text("/order/country"), "NL");
}

comptime {
    bureaucrat.exportVerdict("is-high", isHigh);
    bureaucrat.exportVerdict("is-foreign", isForeign);
}
