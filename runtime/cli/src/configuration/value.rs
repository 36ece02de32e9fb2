//! Reads the value of a setting: the same way wherever it was set.

use super::{
    Draft,
    row::{Kind, Row},
};
use crate::arguments::duration;
use bureaucrat_connect::{Addresses, Defaults, Secret};
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
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text));
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
        Kind::Secret(at) => {
            *at(draft) = Some(Secret::new(text));
            Ok(json!("set"))
        }
    }
}

/// The daemon leaves the folder that it was started in, so paths are made absolute before that.
///
/// # Errors
/// When the path begins with the home of a user that isn't known.
pub fn absolute(path: &Path) -> Result<PathBuf, String> {
    let path = at_home(path, home().as_deref())?;
    std::path::absolute(&path).map_err(|error| format!("`{}` is no path: {error}", path.display()))
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
            "write `~/…` or the whole path; `~` with a user's name is not known".to_owned(),
        );
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
