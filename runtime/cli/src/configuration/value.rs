//! Reads the value of a setting: the same way wherever it was set.

use super::{
    Draft,
    row::{Kind, Row},
    size::size,
};
use crate::arguments::duration;
use bureaucrat_connect::{Addresses, Defaults, Secret};
use bureaucrat_store_postgres::{Address as Database, AddressError};
use bytesize::ByteSize;
use serde_json::{Value, json};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Puts a value into its place and returns how `config` shows it.
///
/// # Errors
/// When the value is not of the row's kind. The reason doesn't repeat it: it may be secret.
pub fn put(row: &Row, value: &OsStr, draft: &mut Draft) -> Result<Value, String> {
    if let Kind::Path(_, at) = row.kind {
        let path = absolute(Path::new(value))?;
        let shown = json!(path.display().to_string());
        *at(draft) = Some(path);
        return Ok(shown);
    }
    let text = value.to_str().ok_or("it is not UTF-8")?;
    match row.kind {
        Kind::Path(..) => Ok(Value::Null),
        Kind::Text(_, at) => {
            *at(draft) = text.to_owned();
            Ok(json!(text))
        }
        Kind::Choice(words, set) => {
            let word = chosen(words, text);
            let word = word.ok_or_else(|| format!("it must be one of {}", words.join(", ")))?;
            set(draft, word);
            Ok(json!(word))
        }
        Kind::Count(least, most, at) => {
            let count = text.parse().ok();
            let count = count.filter(|count| (least..=most).contains(count));
            let reason = || format!("it must be a whole number from {least} to {most}");
            *at(draft) = count.ok_or_else(reason)?;
            Ok(json!(*at(draft)))
        }
        Kind::Bytes(least, most, at) => {
            let bytes = text.parse::<ByteSize>().ok().map(|size| size.0);
            let bytes = bytes.filter(|bytes| (least..=most).contains(bytes));
            let reason = || {
                let (least, most) = (size(least), size(most));
                format!("it must be a size from {least} to {most}, such as 512MiB")
            };
            let bytes = bytes.ok_or_else(reason)?;
            *at(draft) = Some(bytes);
            Ok(json!(bytes))
        }
        Kind::Span(least, most, at) => {
            let span = duration(text)?;
            if !(Duration::from_secs(least)..=Duration::from_secs(most)).contains(&span) {
                return Err(format!("it must be {least} to {most} seconds"));
            }
            *at(draft) = span;
            Ok(json!(span.as_secs()))
        }
        Kind::Addresses(at) => {
            // They are read again when it is known what they leave open.
            let read = Addresses::parse(text, &Defaults::default());
            read.map_err(|error| error.to_string())?;
            *at(draft) = Some(Secret::new(text));
            // The addresses that are in force are shown, once they are put together.
            Ok(json!("set"))
        }
        Kind::Database(at) => {
            let address: Database = text
                .parse()
                .map_err(|error: AddressError| error.to_string())?;
            *at(draft) = Some(Secret::new(text));
            Ok(json!(address.to_string()))
        }
        Kind::Secret(at) => {
            *at(draft) = Some(Secret::new(text));
            Ok(json!("set"))
        }
    }
}

/// The word that is meant. Where it is yes or no, the other words of Python's ConfigParser for them
/// also count.
fn chosen<'a>(words: &'a [&'static str], text: &str) -> Option<&'a &'static str> {
    let text = text.to_ascii_lowercase();
    let meant = match (words, text.as_str()) {
        (["no", "yes"], "true" | "on" | "1") => "yes",
        (["no", "yes"], "false" | "off" | "0") => "no",
        (_, text) => text,
    };
    words.iter().find(|word| **word == meant)
}

/// A span as [`duration`] reads it, in the largest unit that divides it.
pub fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let divides = |(unit, _): &(u64, &str)| seconds > 0 && seconds.is_multiple_of(*unit);
    match units.into_iter().find(divides) {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// The daemon leaves the folder that it was started in, so paths are made absolute before that.
///
/// # Errors
/// When the path begins with the home of a user that isn't known.
pub fn absolute(path: &Path) -> Result<PathBuf, String> {
    let path = at_home(path, home().as_deref())?;
    std::path::absolute(&path)
        .map_err(|error| format!("`{}` is not a path: {error}", path.display()))
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute())
}

/// `~` and `~/…` as a shell would read them; shells leave them alone in files, in variables, and
/// after `=` in flags.
fn at_home(path: &Path, home: Option<&Path>) -> Result<PathBuf, String> {
    let mut parts = path.components();
    let Some(first) = parts.next().map(|part| part.as_os_str().to_owned()) else {
        return Ok(path.to_owned());
    };
    if first == "~" {
        let home = home.ok_or("`~` needs the variable HOME, which is not set")?;
        return Ok(home.join(parts.as_path()));
    }
    if first.as_encoded_bytes().starts_with(b"~") {
        return Err(
            "write `~/…` or the whole path; `~` with a user's name is not supported".to_owned(),
        );
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_that_is_shown_reads_as_the_same() {
        for (seconds, shown) in [
            (0, "0s"),
            (1, "1s"),
            (90, "90s"),
            (900, "15m"),
            (86_400, "1d"),
            (90_000, "25h"),
        ] {
            assert_eq!(span(seconds), shown);
            assert_eq!(duration(shown), Ok(Duration::from_secs(seconds)));
        }
    }

    #[test]
    fn a_size_that_is_shown_reads_as_the_same() {
        for (bytes, shown) in [
            (0, "0"),
            (1_000, "1000"),
            (1_536, "1536"),
            (512 << 20, "512MiB"),
            (3 << 29, "1536MiB"),
            (1 << 40, "1TiB"),
        ] {
            assert_eq!(size(bytes), shown);
            assert_eq!(shown.parse::<ByteSize>(), Ok(ByteSize(bytes)));
        }
    }

    #[test]
    fn words_for_yes_are_understood() {
        for (text, expected) in [
            ("YES", Some("yes")),
            ("True", Some("yes")),
            ("on", Some("yes")),
            ("1", Some("yes")),
            ("No", Some("no")),
            ("FALSE", Some("no")),
            ("maybe", None),
        ] {
            assert_eq!(chosen(&["no", "yes"], text).copied(), expected, "{text}");
        }
        assert_eq!(chosen(&["classic", "quorum"], "Quorum"), Some(&"quorum"));
        assert_eq!(chosen(&["classic", "quorum"], "true"), None);
    }

    #[test]
    fn home_is_the_only_thing_that_a_tilde_means() {
        let home = Path::new("/h");
        for (path, expected) in [
            ("~", Some("/h")),
            ("~/state", Some("/h/state")),
            ("state/~", Some("state/~")),
            ("/srv", Some("/srv")),
            ("~ada/state", None),
        ] {
            let read = at_home(Path::new(path), Some(home)).ok();
            assert_eq!(read.as_deref(), expected.map(Path::new), "{path}");
        }
        assert!(at_home(Path::new("~/x"), None).is_err());
    }
}
