//! XML and definitions.

use crate::trace;
use bureaucrat_definition::{Limits, compile, disassemble};
use bureaucrat_model::{Fields, Program};
use bureaucrat_wire::merge_fields;

/// Pieces that definitions are made of, and pieces that break them.
pub const TOKENS: [&str; 48] = [
    "<process>",
    "<process name='a'>",
    "</process>",
    "<sequence>",
    "</sequence>",
    "<all>",
    "</all>",
    "<switch>",
    "</switch>",
    "<case>",
    "</case>",
    "<while>",
    "</while>",
    "<action participant='a'/>",
    "<delay duration='1'/>",
    "<call process='$a'/>",
    "<await event='e'>",
    "</await>",
    "<condition>",
    "</condition>",
    "<condition module='m' function='f'/>",
    "<module name='m'>AAAA</module>",
    "<context>",
    "</context>",
    "<property name='a' type='json'>",
    "<property name='b' type='int'>",
    "</property>",
    "context['a'] is True",
    "1",
    " ",
    "\r\n",
    "&lt;",
    "&amp;lt;",
    "&#x10FFFF;",
    "&#0;",
    "&x;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<?",
    "?>",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "<?xml version='1.0' encoding='utf-8'?>",
    "\u{feff}",
    "duration=\"1e9\"",
    "xmlns='a'",
    "\u{fffe}",
];

/// Any bytes to the reader: as a definition, and as a client that adds fields to it.
pub fn xml(input: &[u8]) -> u64 {
    if let Ok(text) = std::str::from_utf8(input) {
        let mut fields = Fields::new();
        fields.set("a", bureaucrat_model::JsonText::text("<b>&"));
        let merged = merge_fields(text, &fields);
        let limits = Limits::default();
        if let (Ok(merged), Ok(_)) = (merged, compile(input, &limits)) {
            let compiled = compile(merged.as_bytes(), &limits);
            assert!(
                compiled.is_ok_and(|compiled| compiled.program.context.get("a").is_some()),
                "fields are merged into what stays a definition: {merged}"
            );
        }
    }
    definition(input)
}

/// A definition: everything that compiles is a valid program that can be stored, read back and
/// shown.
pub fn definition(input: &[u8]) -> u64 {
    let limits = Limits::default();
    match compile(input, &limits) {
        Ok(compiled) => {
            assert_eq!(compiled.program.check(), Ok(()));
            let shown = disassemble(&compiled.program);
            assert!(!shown.is_empty());
            let stored = compiled.program.encode().unwrap_or_default();
            let read = Program::decode(&stored);
            assert_eq!(read.as_ref(), Ok(&compiled.program));
            trace::of_count("program", compiled.program.ops.len())
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty());
            assert!(diagnostics.len() <= limits.diagnostics + 1);
            assert!(diagnostics.is_sorted_by_key(|found| (found.line, found.column)));
            diagnostics.iter().fold(0, |trace, found| {
                let text = found.to_string();
                assert!(!text.is_empty() && text.len() < 2_000, "{text}");
                trace | 1 << (trace::of_text(&text) % 64)
            })
        }
    }
}
