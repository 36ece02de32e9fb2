//! What people call things in other languages and formats, and what is written here instead.

/// What does here what an element of another language does.
pub(crate) fn element(name: &str, parent: &str) -> Option<&'static str> {
    let local = name.rsplit(':').next().unwrap_or(name);
    Some(match &*local.to_ascii_lowercase() {
        "if" | "elseif" | "elif" | "exclusivegateway" | "choose" | "choice" | "branch" | "when" => {
            "write a `switch` with a `case` for each branch"
        }
        "else" | "otherwise" => "write `default` as the last in a `switch`",
        "try" | "catch" | "except" | "rescue" | "boundaryevent" | "onerror" | "faulthandler"
        | "faulthandlers" | "handler" | "handlers" | "scope" => {
            "write `<context><faults><case code=\"CODE\">` in the element whose faults are handled"
        }
        "throw" | "raise" | "error" | "fail" | "terminate" => {
            "write `<fault code=\"CODE\" message=\"TEXT\"/>`"
        }
        "let" | "script-assign" | "setvariable" => {
            "write `<assign property=\"NAME\">EXPRESSION</assign>`"
        }
        "for" | "loop" | "repeat" | "until" | "dowhile" => "write a `while` with a `condition`",
        "parallel" | "fork" | "split" | "parallelgateway" | "flow" | "and" => {
            "write `all` for activities at the same time"
        }
        "timeout" => {
            "write `timeout` on the `action` or `await`, or `<after duration=\"30s\">` in `pick` or \
             `events`"
        }
        "wait" | "timer" | "sleep" | "pause" => "write `<delay duration=\"SECONDS\"/>`",
        "event" | "receive" | "on" | "signal" | "receivetask" | "catchevent" | "listen" => {
            "write `<await event=\"NAME\"/>`"
        }
        "task" | "step" | "activity" | "servicetask" | "usertask" | "invoke" | "participant"
        | "worker" | "job" | "do" | "execute" | "run" => "write `<action participant=\"NAME\"/>`",
        "subprocess" | "callactivity" | "include" | "workflow" => {
            "write `<call process=\"NAME\"/>`"
        }
        "variable" | "var" | "field" | "param" | "parameter" | "input" | "set" | "data"
        | "variables" => {
            if parent == "context" {
                "write `<property name=\"NAME\" type=\"str\">VALUE</property>`"
            } else {
                "write a `property` in the `context` of the process"
            }
        }
        "start" | "end" | "startevent" | "endevent" | "stop" | "exit" | "sequenceflow" => {
            "a process starts at its first activity and ends after its last; leave this out"
        }
        "expression" | "expr" | "test" | "conditionexpression" => {
            "write `<condition>EXPRESSION</condition>`"
        }
        "script" | "code" => "a participant or a module does what a script would",
        _ => return None,
    })
}

/// What is written here for an attribute of another language.
pub(crate) fn attribute(tag: &str, name: &str) -> Option<&'static str> {
    Some(match (tag, name) {
        ("action", "name" | "task" | "worker" | "type" | "service" | "activity") => {
            "write `participant`"
        }
        ("delay", "seconds" | "time" | "for" | "value" | "timeout" | "length" | "period") => {
            "write `duration`"
        }
        ("delay" | "after", "date" | "at" | "deadline") => "write `until`",
        ("await" | "on" | "emit", "name" | "message" | "signal" | "type") => "write `event`",
        ("await", "for") => "write `event`",
        ("await", "duration" | "within" | "deadline") => "write `timeout`",
        ("await" | "on" | "emit", "correlation" | "correlation-id" | "match") => "write `key`",
        ("on", "timeout" | "duration" | "within") => {
            "write `<after duration=\"30s\">` beside it: what is in that is done then"
        }
        ("pick", "timeout" | "duration" | "within") => {
            "write `<after duration=\"30s\">` as the last in it"
        }
        (
            "sequence" | "all" | "race" | "while" | "foreach",
            "timeout" | "duration" | "within" | "deadline",
        ) => {
            "write `<context><events><after duration=\"30s\" interrupt=\"yes\"/></events></context>` \
             in it"
        }
        ("process", "timeout" | "duration" | "within" | "ttl") => "write `deadline`",
        ("action" | "sequence", "retry" | "retries" | "attempts" | "max-attempts") => {
            "write `<retry attempts=\"3\"/>` in it"
        }
        (
            "action" | "call",
            "input" | "inputs" | "in" | "args" | "arguments" | "params" | "fields" | "data",
        ) => "write `<in name=\"FIELD\">EXPRESSION</in>` in it",
        (
            "action" | "call" | "await" | "on",
            "output" | "outputs" | "out" | "result" | "returns",
        ) => "write `into=\"FIELD\"`, or `<out name=\"FIELD\">EXPRESSION</out>` in it",
        ("emit", "field" | "fields" | "data" | "payload" | "body") => {
            "write `<field name=\"FIELD\">EXPRESSION</field>` in it"
        }
        ("send", "text" | "payload" | "data" | "message") => {
            "write `<body>EXPRESSION</body>` in it"
        }
        ("call", "name" | "definition" | "workflow" | "subprocess") => "write `process=\"NAME\"`",
        ("call", "field") => "write `process=\"$FIELD\"`",
        ("assign", "name" | "field" | "to" | "target" | "var" | "variable" | "into" | "key") => {
            "write `property`"
        }
        ("assign" | "in" | "out" | "field", "value" | "expr" | "expression" | "select") => {
            "the expression is the text between the tags"
        }
        ("property", "module" | "function") => {
            "write an `assign` with `module` as the first activity"
        }
        ("property", "key" | "id" | "field") => "write `name`",
        ("property", "value" | "default") => "the value is the text between the tags",
        ("property", "kind" | "datatype" | "class") => "write `type`",
        ("process" | "module", "id" | "key") => "write `name`",
        ("module", "ref" | "module" | "version" | "alias" | "uses" | "import" | "from") => {
            "write `use=\"NAME\"` or `use=\"NAME@4\"`"
        }
        ("module", "src" | "file" | "path" | "url" | "href") => {
            "a module is base64 text between the tags, or has a `hash`, or a `use` with its name"
        }
        (
            "case" | "while" | "await" | "switch",
            "condition" | "test" | "expression" | "expr" | "if" | "when" | "on" | "value",
        ) => "write `<condition>EXPRESSION</condition>` as a child",
        ("condition", "expression" | "expr" | "test" | "value") => {
            "the expression is the text between the tags"
        }
        (
            "sequence" | "switch" | "case" | "default" | "while" | "all" | "race" | "foreach"
            | "fault" | "delay",
            "name" | "label" | "key",
        ) => "write `id` for a name, `title` for a text",
        ("condition", "language" | "type") => "an expression is always Python's",
        _ => return None,
    })
}

/// The type that another language calls so.
pub(crate) fn property_type(found: &str) -> Option<&'static str> {
    Some(match &*found.to_ascii_lowercase() {
        "string" | "text" | "unicode" | "varchar" | "date" | "datetime" | "time" | "uuid" => "str",
        "integer" | "long" | "short" | "int32" | "int64" | "bigint" => "int",
        "number" | "double" | "decimal" | "real" | "numeric" => "float",
        "boolean" | "flag" | "bit" => "bool",
        "object" | "array" | "list" | "dict" | "map" | "null" | "any" => "json",
        _ => return None,
    })
}

/// The whole seconds of a duration with units, of a clock, or of ISO 8601.
pub(crate) fn duration(found: &str) -> Option<String> {
    let text = found.trim().to_ascii_lowercase();
    if text.is_empty() {
        return None;
    }
    if let Some(rest) = text.strip_prefix('p') {
        let (days, rest) = rest.split_once('t').unwrap_or((rest, ""));
        let days = match days {
            "" => 0,
            days => days
                .strip_suffix('d')?
                .parse::<u64>()
                .ok()?
                .checked_mul(86_400)?,
        };
        return Some(with_unit(days.checked_add(units(rest)?)?));
    }
    if text.contains(':') {
        let parts: Option<Vec<u64>> = text.split(':').map(|part| part.parse().ok()).collect();
        let parts = parts.filter(|parts| parts.len() == 3)?;
        return parts
            .into_iter()
            .try_fold(0_u64, |sum, part| sum.checked_mul(60)?.checked_add(part))
            .map(with_unit);
    }
    if let Some((whole, part)) = text.split_once(',')
        && !whole.is_empty()
        && [whole, part]
            .iter()
            .all(|part| part.bytes().all(|digit| digit.is_ascii_digit()))
    {
        return Some(format!("{whole}.{part}")).filter(|_| part.len() != 3);
    }
    if let Some(count) = text.strip_suffix("ms") {
        let count = count.trim().parse::<u64>().ok()?;
        return Some(format!("{count}ms"));
    }
    units(&text).map(with_unit)
}

/// So many seconds in the largest unit that counts them exactly.
fn with_unit(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let exact = |(size, _): &&(u64, &str)| seconds > 0 && seconds.is_multiple_of(*size);
    match units.iter().find(exact) {
        Some((size, unit)) => format!("{}{unit}", seconds / size),
        None => format!("{seconds}s"),
    }
}

/// `1h 30m`, in seconds.
fn units(text: &str) -> Option<u64> {
    let mut sum = 0_u64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|found: char| !found.is_ascii_digit())?;
        let count: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?.trim_start();
        let end = rest
            .find(|found: char| !found.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let unit = match rest.get(..end)? {
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            "w" | "week" | "weeks" => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(count.checked_mul(unit)?)?;
        rest = rest.get(end..)?.trim_start();
    }
    Some(sum)
}

/// What is wrong with the text of a property of a type.
pub(crate) fn value(kind: &str, found: &str) -> Option<&'static str> {
    let digits = |found: char| found.is_ascii_digit();
    match kind {
        _ if found.is_empty() => Some("leave the property out, or write a value"),
        "bool"
            if found.eq_ignore_ascii_case("true")
                || matches!(found, "yes" | "on" | "Yes" | "YES") =>
        {
            Some("write `true`")
        }
        "bool"
            if found.eq_ignore_ascii_case("false")
                || matches!(found, "no" | "off" | "No" | "NO") =>
        {
            Some("write `false`")
        }
        "int" | "float"
            if found.contains(',')
                && found
                    .chars()
                    .all(|one| digits(one) || matches!(one, ',' | '.' | '-')) =>
        {
            Some("write the number without commas, with `.` before decimals")
        }
        "int" | "float" if found.starts_with("0x") => Some("write the number in decimal"),
        "int" if found.parse::<f64>().is_ok_and(f64::is_finite) => {
            Some("a number with decimals is of type `float`")
        }
        "float" if found.parse::<f64>().is_ok() => Some("fields hold finite numbers only"),
        "int" | "float" if found.starts_with(digits) && found.contains(char::is_alphabetic) => {
            Some("write the number without a unit")
        }
        "int" | "float" if found.starts_with(['"', '\'']) => {
            Some("write the number without quotes")
        }
        "int" | "float" if found.starts_with(['$', '{']) => {
            Some("a property cannot refer to another; a launch can give its value")
        }
        _ => None,
    }
}

/// What is wrong with a JSON text at an offset, in words; `theirs` is what the parser says.
pub(crate) fn json(text: &str, offset: usize, theirs: &str) -> String {
    if text.is_empty() {
        return "it is empty; the empty values of JSON are `null`, `\"\"`, `[]` and `{}`"
            .to_owned();
    }
    let here = text.get(offset..).unwrap_or_default();
    let before = text.get(..offset).unwrap_or_default().trim_end();
    let words = |words: &[&'static str]| words.iter().copied().find(|word| here.starts_with(word));
    if here.starts_with('\'') {
        return "a text is written in double quotes, `\"`".to_owned();
    }
    if here.starts_with(['“', '”', '„', '«']) {
        return "a text is written in straight double quotes, `\"`".to_owned();
    }
    if let Some(word) = words(&["True", "False"]) {
        return format!("`{word}` is written `{}`", word.to_lowercase());
    }
    if let Some(word) = words(&["None", "undefined", "nil", "NULL"]) {
        return format!("`{word}` is written `null`");
    }
    if let Some(word) = words(&["NaN", "Infinity", "-Infinity"]) {
        return format!("there is no `{word}` in JSON");
    }
    if here.starts_with(['/', '#']) {
        return "JSON has no comments".to_owned();
    }
    if theirs.starts_with("trailing comma")
        || (before.ends_with(',') && here.starts_with([']', '}']))
    {
        return "nothing follows the last comma; remove it".to_owned();
    }
    if theirs.starts_with("key must be a string") {
        return "a key is a text in double quotes".to_owned();
    }
    if theirs.starts_with("trailing characters") {
        return "one value is expected, and something follows it".to_owned();
    }
    if theirs.starts_with("EOF") {
        return "it ends too early; a bracket, a quote or a value is missing".to_owned();
    }
    if theirs.starts_with("expected value") && here.starts_with(char::is_alphabetic) {
        return "a text needs double quotes".to_owned();
    }
    theirs.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_other_formats_are_written_with_a_unit() {
        for (text, expected) in [
            ("5 sec", Some("5s")),
            ("5 minutes", Some("5m")),
            ("1h30m", Some("90m")),
            ("PT1H30M", Some("90m")),
            ("P1D", Some("1d")),
            ("P1DT1S", Some("86401s")),
            ("00:05:00", Some("5m")),
            ("1,5", Some("1.5")),
            ("1,000", None),
            ("250 ms", Some("250ms")),
            ("-1", None),
            ("soon", None),
            ("99999999999999999999h", None),
            ("9999999999999999999h", None),
        ] {
            assert_eq!(duration(text).as_deref(), expected, "{text}");
        }
    }
}
