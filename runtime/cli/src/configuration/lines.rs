//! The lines of an INI file, which its parser does not tell: where each key is, and which lines have
//! no effect because of where they are.

use super::{
    ini::{NOWHERE, known_keys, uncommented},
    row::{AMQP_SECTION, OWN_SECTION},
    table,
};
use std::collections::BTreeMap;

/// What the lines of a file say, beside the values.
#[derive(Debug, Default)]
pub struct Lines {
    /// The line of each key, by section and key as they are written; that of a section under an
    /// empty key. Of two equal keys the last counts, for the parser as here.
    pub lines: BTreeMap<(String, String), usize>,
    /// Lines that somebody may have meant otherwise, with what is odd about them.
    pub odd: Vec<(usize, String)>,
}

/// An assignment, to be compared with later ones of the same key.
struct Earlier<'a> {
    line: usize,
    value: &'a str,
}

impl Lines {
    /// Reads the lines as the parser does.
    pub fn of(text: &str) -> Self {
        let mut found = Self::default();
        let mut section = NOWHERE.to_owned();
        let mut earlier = BTreeMap::<(String, String), Earlier<'_>>::new();
        // A line that is indented deeper than the key above it continues its value.
        let mut indent_of_key = None;
        for (number, whole) in (1..).zip(text.lines()) {
            let line = whole.trim();
            if line.is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            let name = line
                .strip_prefix('[')
                .and_then(|line| line.rsplit_once(']'));
            if let Some((name, _)) = name {
                section = name.trim().to_owned();
                indent_of_key = None;
                let place = (section.clone(), String::new());
                found.lines.entry(place).or_insert(number);
                continue;
            }
            let indent = whole.len() - whole.trim_start().len();
            if indent_of_key.is_some_and(|above| indent > above) {
                continue;
            }
            indent_of_key = Some(indent);
            let (key, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
            let (key, value) = (key.trim(), uncommented(value));
            if section == NOWHERE {
                found.odd.push((number, nowhere(key)));
                continue;
            }
            let place = (section.clone(), key.to_owned());
            found.lines.insert(place, number);
            let this = Earlier {
                line: number,
                value,
            };
            let same = (section.to_lowercase(), comparable(&section, key));
            if let Some(before) = earlier.insert(same, this)
                && before.value != value
            {
                let words = format!(
                    "the key `{key}` in [{section}] is already in line {}; this line wins",
                    before.line
                );
                found.odd.push((number, words));
            }
        }
        found
    }
}

/// Names that users choose keep their case; those of ours are compared without it.
fn comparable(section: &str, key: &str) -> String {
    let mut free = table::FREE_SECTIONS.iter();
    match free.any(|(free, _)| section.eq_ignore_ascii_case(free)) {
        true => key.to_owned(),
        false => key.to_ascii_lowercase(),
    }
}

/// A line before every section. One without `=` may hold a password, and is not repeated.
fn nowhere(key: &str) -> String {
    let name = key.to_ascii_lowercase();
    let mut ours = [AMQP_SECTION, OWN_SECTION].into_iter();
    let knows = |section: &&str| known_keys(section).is_some_and(|keys| keys.contains(&*name));
    match ours.find(knows) {
        Some(section) => format!(
            "the key `{key}` comes before any section and has no effect; put it below [{section}]"
        ),
        None => "this line comes before any section and has no effect; put it below \
                 [bureaucrat] or [amqp]"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_may_be_meant_otherwise_are_told() {
        for (text, expected) in [
            ("[amqp]\nhost = a\nport = 1\n", &[][..]),
            (
                "host = a\n[amqp]\nport = 1\n",
                &[
                    "1: the key `host` comes before any section and has no effect; put it below \
                     [amqp]",
                ],
            ),
            (
                "# x\nStorage_Dir: /srv\n\tmore\nsecret\n",
                &[
                    "2: the key `Storage_Dir` comes before any section and has no effect; put it \
                     below [bureaucrat]",
                    "4: this line comes before any section and has no effect; put it below \
                     [bureaucrat] or [amqp]",
                ],
            ),
            (
                "[amqp]\nhost = a\n[bureaucrat]\nprefetch = 5\n[AMQP]\nHost = b ; new\n",
                &["6: the key `Host` in [AMQP] is already in line 2; this line wins"],
            ),
            (
                "[amqp]\nhost = a\nhost = b\nhost = a ; again\n",
                &[
                    "3: the key `host` in [amqp] is already in line 2; this line wins",
                    "4: the key `host` in [amqp] is already in line 3; this line wins",
                ],
            ),
            // The same value twice is no contradiction, a continued line is no key, and names of
            // users have a case.
            ("[amqp]\nhost = a\n[amqp]\nhost = a ; still\n", &[]),
            ("[bureaucrat]\nlog = info,\n  log = debug\n", &[]),
            (
                "[participants]\nShop = taskqueue\nshop = celery-workitem\n",
                &[],
            ),
            (
                "[participants]\nshop = taskqueue\nshop = celery-workitem\n",
                &["3: the key `shop` in [participants] is already in line 2; this line wins"],
            ),
        ] {
            let said = Lines::of(text).odd;
            let said: Vec<String> = said
                .into_iter()
                .map(|(line, words)| format!("{line}: {words}"))
                .collect();
            assert_eq!(said, expected, "{text}");
        }
    }
}
