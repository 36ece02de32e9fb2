//! WIT names of exports: words of lower-case letters and digits, joined by `-`.
//!
//! Languages that cannot export functions under such names export `is_high` or `isHigh`; both mean
//! `is-high`.

use std::collections::BTreeMap;
use wasm_encoder::{ExportKind, ExportSection, Module, RawSection};
use wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload};

/// Whether WIT allows the name.
pub(crate) fn is_wit_name(name: &str) -> bool {
    name.split('-').all(|word| {
        let mut bytes = word.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    })
}

/// The WIT name for a name in another style, if there is one.
pub(crate) fn wit_name(name: &str) -> Option<String> {
    let mut words = String::new();
    for letter in name.chars() {
        match letter {
            '_' => words.push('-'),
            'A'..='Z' => {
                if !words.is_empty() && !words.ends_with('-') {
                    words.push('-');
                }
                words.push(letter.to_ascii_lowercase());
            }
            other => words.push(other),
        }
    }
    is_wit_name(&words).then_some(words)
}

/// The module with some exports renamed; everything else is unchanged.
pub(crate) fn renamed(
    core: &[u8],
    names: &BTreeMap<String, String>,
) -> Result<Vec<u8>, BinaryReaderError> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(core) {
        let payload = payload?;
        if let Payload::ExportSection(exports) = &payload {
            let mut section = ExportSection::new();
            for export in exports.clone() {
                let export = export?;
                let kind = match export.kind {
                    ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
                    ExternalKind::Table => ExportKind::Table,
                    ExternalKind::Memory => ExportKind::Memory,
                    ExternalKind::Global => ExportKind::Global,
                    ExternalKind::Tag => ExportKind::Tag,
                };
                let name = names.get(export.name).map_or(export.name, String::as_str);
                section.export(name, kind, export.index);
            }
            module.section(&section);
        } else if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection {
                id,
                data: &core[range],
            });
        }
    }
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_styles_have_a_wit_name_where_they_can() {
        for (name, wit) in [
            ("is-high", Some("is-high")),
            ("is_high", Some("is-high")),
            ("isHigh", Some("is-high")),
            ("IsHigh2", Some("is-high2")),
            ("evaluate", Some("evaluate")),
            ("is__high", None),
            ("_high", None),
            ("is.high", None),
            ("2high", None),
            ("", None),
        ] {
            assert_eq!(wit_name(name).as_deref(), wit, "{name}");
        }
    }
}
