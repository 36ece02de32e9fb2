//! The known name that somebody probably meant: for "did you mean" in messages.

use strsim::osa_distance;

/// The longest name, in bytes, that is compared with known ones.
const COMPARED_BYTES_MAX: usize = 24;

/// The known name nearest to `found`, if one is near: at most a third of its letters differ or
/// are exchanged, case aside.
pub fn nearest<'n>(found: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if found.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let found = found.to_ascii_lowercase();
    let near = known
        .into_iter()
        .filter(|name| name.len() <= COMPARED_BYTES_MAX);
    let near = near.map(|name| (osa_distance(&found, &name.to_ascii_lowercase()), name));
    let near = near.filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1));
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_letters_may_differ_and_exchanged_ones_are_one() {
        let known = ["participant", "delay", "on"];
        for (found, expected) in [
            ("participent", Some("participant")),
            ("Delay", Some("delay")),
            ("dealy", Some("delay")),
            ("dleya", None),
            ("no", Some("on")),
            ("an", Some("on")),
            ("kitten", None),
        ] {
            assert_eq!(nearest(found, known), expected, "{found}");
        }
    }
}
