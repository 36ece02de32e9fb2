//! "Did you mean": the known name that is nearest to one that isn't known.

/// Longer names are nobody's slip, and comparing them costs time.
const UNKNOWN_BYTES_MAX: usize = 64;

/// The name that a person most likely meant, if any is near enough.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if unknown.len() > UNKNOWN_BYTES_MAX {
        return None;
    }
    let unknown = plain(unknown);
    let distance = |name: &str| {
        let name = plain(name);
        // A part that was left out or added: `amqp_url` for `amqp`, `queue` for `queue_type`.
        let longer = |long: &str, short: &str| {
            let rest = long
                .strip_prefix(short)
                .and_then(|rest| rest.strip_prefix('_'));
            let rest = rest.or_else(|| long.strip_suffix(short)?.strip_suffix('_'));
            rest.is_some()
        };
        if short_enough(&name) && (longer(&name, &unknown) || longer(&unknown, &name)) {
            return 2;
        }
        strsim::damerau_levenshtein(&unknown, &name)
    };
    known
        .into_iter()
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| *distance <= (name.len().max(unknown.len()) / 3).max(1))
        .min()
        .map(|(_, name)| name)
}

/// Cases and dashes are no difference.
fn plain(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', ' '], "_")
}

/// Only words are parts of words.
fn short_enough(name: &str) -> bool {
    name.len() >= 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found() {
        let known = [
            "amqp",
            "storage",
            "launch_queue",
            "event_queue",
            "prefetch",
            "log",
            "passwd",
        ];
        for (unknown, expected) in [
            ("AMQP_URL", Some("amqp")),
            ("strorage", Some("storage")),
            ("event-queue", Some("event_queue")),
            ("launch_que", Some("launch_queue")),
            ("password", Some("passwd")),
            ("colour", None),
            ("test_soak_hours", None),
        ] {
            assert_eq!(nearest(unknown, known), expected, "{unknown}");
        }
    }
}
