//! Exposes what the bindings read, for the table ../../bindings.json.
const std = @import("std");
const fields = @import("bureaucrat");

pub const panic = fields.panic;

/// The place that a case names: by a pointer in /place, or by keys and indexes in /steps.
fn findPlace() !fields.Path {
    if (!fields.isSet("/steps")) return .of(try fields.text("/place"));
    var place: fields.Path = .of("");
    for (0..try fields.items("/steps")) |index| {
        var step: fields.Path = .of("/steps");
        step.item(index);
        switch (fields.get(step.text()).?) {
            .integer => |number| place.item(@intCast(number)),
            .text => |key| place.key(key),
            else => unreachable,
        }
    }
    return place;
}

fn bits(number: f64) []const u8 {
    return std.fmt.allocPrint(fields.allocator, "{x:0>16}", .{@as(u64, @bitCast(number))}) catch
        @trap();
}

/// Exports a reader whose result is written as JSON.
fn exportReader(
    comptime name: []const u8,
    comptime T: type,
    comptime reader: fn ([]const u8) fields.Error!T,
) void {
    const exported = struct {
        fn call() ![]const u8 {
            const place = try findPlace();
            const found = try reader(place.text());
            return fields.jsonOf(if (T == f64) bits(found) else found);
        }
    };
    fields.exportValue(name, exported.call);
}

fn readPath() ![]const u8 {
    const place = try findPlace();
    return fields.jsonOf(place.text());
}

fn readValue() ![]const u8 {
    const place = try findPlace();
    const found = fields.get(place.text()) orelse return "[\"nothing\"]";
    return switch (found) {
        .null => "[\"null\"]",
        .boolean => |truth| fields.jsonOf(.{ "boolean", truth }),
        .integer => |number| fields.jsonOf(.{ "integer", number }),
        .big_integer => |digits| fields.jsonOf(.{ "big-integer", digits }),
        .float => |number| fields.jsonOf(.{ "float", bits(number) }),
        .text => |text| fields.jsonOf(.{ "text", text }),
        .list => |length| fields.jsonOf(.{ "list", length }),
        .record => |length| fields.jsonOf(.{ "record", length }),
    };
}

fn readBoolean() !bool {
    const place = try findPlace();
    return fields.boolean(place.text());
}

fn isSet() !bool {
    const place = try findPlace();
    return fields.isSet(place.text());
}

fn readJson() ![]const u8 {
    const place = try findPlace();
    return fields.json(place.text());
}

/// How many characters a text has, and a hash of every 16th.
fn measure() ![]const u8 {
    const place = try findPlace();
    var characters = (try std.unicode.Utf8View.init(try fields.text(place.text()))).iterator();
    var count: u32 = 0;
    var hash: u32 = 0;
    while (characters.nextCodepoint()) |character| {
        if (count % 16 == 0) hash = hash *% 31 +% character;
        count += 1;
    }
    return fields.jsonOf(.{ count, hash });
}

fn sumItems() ![]const u8 {
    var place = try findPlace();
    const length = place.length;
    var sum: i64 = 0;
    for (0..try fields.items(place.text())) |index| {
        place.cut(length);
        place.item(index);
        sum += try fields.integer(place.text());
    }
    return fields.jsonOf(sum);
}

fn sumValues() ![]const u8 {
    var place = try findPlace();
    const length = place.length;
    var sum: i64 = 0;
    for (try fields.keys(place.text())) |key| {
        place.cut(length);
        place.key(key);
        sum += try fields.integer(place.text());
    }
    return fields.jsonOf(sum);
}

fn logWords() !bool {
    for (0..try fields.items("/words")) |index| {
        var path: fields.Path = .of("/words");
        path.item(index);
        fields.log(try fields.text(path.text()));
    }
    return fields.fail("Logged: all of them");
}

fn panics() !bool {
    @panic("no rates");
}

comptime {
    fields.exportVerdict("log-words", logWords);
    fields.exportVerdict("panics", panics);
    fields.exportValue("read-path", readPath);
    fields.exportValue("read-value", readValue);
    fields.exportVerdict("read-boolean", readBoolean);
    fields.exportVerdict("is-set", isSet);
    exportReader("read-integer", i64, fields.integer);
    exportReader("read-digits", []const u8, fields.digits);
    exportReader("read-number", f64, fields.number);
    exportReader("read-text", []const u8, fields.text);
    exportReader("read-items", u32, fields.items);
    exportReader("read-keys", []const []const u8, fields.keys);
    fields.exportValue("read-json", readJson);
    fields.exportValue("measure", measure);
    fields.exportValue("sum-items", sumItems);
    fields.exportValue("sum-values", sumValues);
}
