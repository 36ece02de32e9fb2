//! The known name that somebody probably meant: for "did you mean" in messages.

/// The longest name, in bytes, that is compared with known ones.
const COMPARED_BYTES_MAX: usize = 24;

/// The known name nearest to `found`, if one is near: at most a third of its letters differ, case aside.
pub fn nearest<'n>(found: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    if found.len() > COMPARED_BYTES_MAX {
        return None;
    }
    let found = found.to_ascii_lowercase();
    let near = known
        .into_iter()
        .filter(|name| name.len() <= COMPARED_BYTES_MAX);
    let near = near.map(|name| (distance(&found, &name.to_ascii_lowercase()), name));
    let near = near.filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1));
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many insertions, removals and exchanges of letters lead from one text to the other (Levenshtein's distance).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (place, letter) in from.chars().enumerate() {
        let mut diagonal = place;
        let mut left = place + 1;
        for (slot, other) in row.iter_mut().skip(1).zip(&to) {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = *slot;
            left = changed.min(*slot + 1).min(left + 1);
            *slot = left;
        }
    }
    row.last().copied().map_or(0, |last| {
        if to.is_empty() {
            from.chars().count()
        } else {
            last
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (from, to, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("participent", "participant", 1),
            ("abc", "abc", 0),
        ] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }

    #[test]
    fn only_near_names_are_suggested() {
        let known = ["sequence", "switch", "all"];
        assert_eq!(nearest("Sequense", known), Some("sequence"));
        assert_eq!(nearest("al", known), Some("all"));
        assert_eq!(nearest("foreach", known), None);
        assert_eq!(nearest(&"s".repeat(1_000), known), None);
    }
}
