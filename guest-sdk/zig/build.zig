//! The package: a module `bureaucrat` for guests.
const std = @import("std");

pub fn build(b: *std.Build) void {
    _ = b.addModule("bureaucrat", .{ .root_source_file = b.path("bureaucrat.zig") });
}
