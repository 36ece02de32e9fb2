//! References (`&lt;`, `&#10;`) and names of XML.

use crate::{
    diagnostic::{XmlProblem, cut},
    source::is_xml,
};

/// The character that a reference stands for; `inside` is the text between `&` and `;`.
pub(super) fn resolve(inside: &str) -> Result<char, XmlProblem> {
    let reference = || cut(&format!("&{inside};"));
    let Some(number) = inside.strip_prefix('#') else {
        return match inside {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "quot" => Ok('"'),
            "apos" => Ok('\''),
            _ => Err(XmlProblem::UnknownEntity {
                reference: reference(),
            }),
        };
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(digits) => (digits, 16),
        None => (number, 10),
    };
    // `from_str_radix` would take a sign.
    let plain = digits.chars().all(|digit| digit.is_digit(radix));
    let code = u32::from_str_radix(digits, radix).ok().filter(|_| plain);
    let character = code.and_then(char::from_u32).filter(|found| is_xml(*found));
    character.ok_or_else(|| XmlProblem::BadReference {
        reference: reference(),
    })
}

/// Whether a text is an XML name; non-ASCII characters count as letters.
pub(super) fn is_name(text: &str) -> bool {
    let letter = |found: char| {
        found.is_ascii_alphabetic() || matches!(found, '_' | ':') || !found.is_ascii()
    };
    let further =
        |found: char| letter(found) || found.is_ascii_digit() || matches!(found, '-' | '.');
    text.starts_with(letter) && text.chars().all(further)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_those_of_xml_alone() {
        assert_eq!(resolve("lt"), Ok('<'));
        assert_eq!(resolve("#65"), Ok('A'));
        assert_eq!(resolve("#x1F600"), Ok('\u{1f600}'));
        for bad in [
            "#",
            "#x",
            "#+65",
            "#0",
            "#x1F",
            "#xD800",
            "#99999999999",
            "#1_0",
        ] {
            assert!(
                matches!(resolve(bad), Err(XmlProblem::BadReference { .. })),
                "{bad}"
            );
        }
        for unknown in ["", "nbsp", "LT", " lt"] {
            assert!(
                matches!(resolve(unknown), Err(XmlProblem::UnknownEntity { .. })),
                "{unknown}"
            );
        }
    }

    #[test]
    fn names_are_names() {
        for name in ["a", "_a-1.b", "x:y", "größe"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "1a", "-a", "a\"b", "a<b", "a/"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
