//! The helper functions as one parsed module, and which of them a set of calls reaches.
//!
//! The helpers are expanded and parsed once for the life of the program. Nothing here depends on what an expression says.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "wasmparser's enums are not ours"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use wasmparser::{FunctionBody, Operator, Parser, Payload};

#[path = "helpers/sugar.rs"]
pub(crate) mod sugar;

mod cells;
mod tables;

/// What every helper module imports: the memory, where the heap begins, and the host's two functions.
const PRELUDE: &str = r#"
(import "memory" "memory" (memory 1 16))
(import "memory" "heap" (global $heap (mut i32)))
(import "fields" "get" (func $host_get (param i32 i32 i32)))
(import "fields" "keys" (func $host_keys (param i32 i32 i32)))
(global $fault (mut i32) (i32.const 0))
(global $built (mut i32) (i32.const 0))
(global $out (mut i32) (i32.const 0))
(global $out_size (mut i32) (i32.const 0))
(global $out_room (mut i32) (i32.const 0))
(global $digits (mut i32) (i32.const 0))
(global $digit_count (mut i32) (i32.const 0))
(global $point (mut i32) (i32.const 0))
"#;

/// The index of the global that holds the first fault's text, or 0.
pub(crate) const FAULT_GLOBAL: u32 = 1;

/// The host's functions, in the order of the imports.
pub(crate) const HOST_FUNCTIONS: [&str; 2] = ["get", "keys"];

const SOURCES: &[&str] = &[
    include_str!("helpers/core.wats"),
    include_str!("helpers/read.wats"),
    include_str!("helpers/compare.wats"),
    include_str!("helpers/number.wats"),
    include_str!("helpers/decimal.wats"),
    include_str!("helpers/output.wats"),
    include_str!("helpers/sequence.wats"),
    include_str!("helpers/reduce.wats"),
    include_str!("helpers/set.wats"),
    include_str!("helpers/text.wats"),
    include_str!("helpers/case.wats"),
    include_str!("helpers/words.wats"),
    include_str!("helpers/convert.wats"),
    include_str!("helpers/power.wats"),
    include_str!("helpers/radix.wats"),
    include_str!("helpers/format.wats"),
    include_str!("helpers/dates.wats"),
    include_str!("helpers/dates_arithmetic.wats"),
    include_str!("helpers/dates_text.wats"),
    include_str!("helpers/dates_read.wats"),
    include_str!("helpers/dates_methods.wats"),
];

/// The end of the name of a helper that stands for another one where there are dates.
const WITH_DATES: &str = "_with_dates";

/// Ranges of characters and what they map to, as in CPython.
const UNICODE: &str = include_str!("helpers/unicode.txt");

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::read);

pub(crate) struct Helper {
    /// Its type's index in [`Library::types`].
    pub(crate) signature: u32,
    /// Where its body lies in [`Library::bytes`].
    body: std::ops::Range<usize>,
    calls: BTreeSet<u32>,
    /// Data segments that it copies from.
    segments: BTreeSet<u32>,
    /// One more than the highest index of a global that it uses.
    globals: u32,
}

/// The parsed helpers. Function indices are those of the helper module: host functions first.
pub(crate) struct Library {
    bytes: Vec<u8>,
    pub(crate) types: Vec<wasmparser::FuncType>,
    host_signatures: Vec<u32>,
    helpers: Vec<Helper>,
    names: BTreeMap<String, u32>,
    /// The helpers that stand for others where there are dates.
    with_dates: BTreeMap<u32, u32>,
    segments: Vec<Vec<u8>>,
    /// The bounds of what can be printed, ascending: an odd number of them up to a code point says that it can.
    printable: Vec<u32>,
}

/// What a set of calls needs, in the order of the helper module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reached {
    /// Functions by their index in the helper module.
    pub(crate) functions: BTreeSet<u32>,
    /// Passive data segments by their index there.
    pub(crate) segments: BTreeSet<u32>,
    /// How many of the prelude's globals are needed, from the first one on. Each costs every
    /// instance some nanoseconds.
    pub(crate) globals: u32,
    pub(crate) dates: Dates,
}

/// Whether a value of a component can be a date, which decides what some helpers call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Dates {
    #[default]
    Absent,
    Possible,
}

impl Library {
    /// The library of this process.
    pub(crate) fn get() -> &'static Library {
        &LIBRARY
    }

    fn read() -> Library {
        let tables = tables::read(UNICODE);
        let text = sugar::expand(PRELUDE, SOURCES, &tables);
        let bytes = match wat::parse_str(&text) {
            Ok(bytes) => bytes,
            Err(error) => panic!("the helpers do not parse: {error}"),
        };
        match Library::parse(&bytes) {
            Ok(mut library) => {
                library.bytes = bytes;
                library.with_dates = with_dates(&library.names);
                library.printable = tables::bounds(&tables, "printable");
                library
            }
            Err(error) => panic!("the helpers' module does not read: {error}"),
        }
    }

    fn parse(bytes: &[u8]) -> Result<Library, wasmparser::BinaryReaderError> {
        let mut library = Library {
            bytes: Vec::new(),
            types: Vec::new(),
            host_signatures: Vec::new(),
            helpers: Vec::new(),
            names: BTreeMap::new(),
            with_dates: BTreeMap::new(),
            segments: Vec::new(),
            printable: Vec::new(),
        };
        let mut signatures = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(types) => {
                    for ty in types.into_iter_err_on_gc_types() {
                        library.types.push(ty?);
                    }
                }
                Payload::ImportSection(imports) => {
                    for import in imports.into_imports() {
                        if let wasmparser::TypeRef::Func(signature) = import?.ty {
                            library.host_signatures.push(signature);
                        }
                    }
                }
                Payload::FunctionSection(functions) => {
                    for signature in functions {
                        signatures.push(signature?);
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        library.names.insert(export.name.to_owned(), export.index);
                    }
                }
                Payload::DataSection(segments) => {
                    for segment in segments {
                        library.segments.push(segment?.data.to_vec());
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let signature = signatures[library.helpers.len()];
                    library.helpers.push(helper(signature, &body)?);
                }
                _ => {}
            }
        }
        Ok(library)
    }

    /// Whether Python prints a code point outside ASCII unchanged.
    pub(crate) fn is_printable(&self, code: u32) -> bool {
        self.printable.partition_point(|bound| *bound <= code) % 2 == 1
    }

    /// The index of a helper by its name in the sources.
    pub(crate) fn index(&self, name: &str) -> u32 {
        match self.names.get(name) {
            Some(index) => *index,
            None => panic!("there is no helper {name}"),
        }
    }

    /// The number of host functions, whose indices come first.
    pub(crate) fn host_count(&self) -> u32 {
        self.host_signatures.len() as u32
    }

    /// The type of a function by its index.
    pub(crate) fn signature(&self, function: u32) -> u32 {
        let function = function as usize;
        match function.checked_sub(self.host_signatures.len()) {
            Some(own) => self.helpers[own].signature,
            None => self.host_signatures[function],
        }
    }

    /// A helper's body, to encode again with other indexes.
    pub(crate) fn body(&self, function: u32) -> FunctionBody<'_> {
        let helper = &self.helpers[function as usize - self.host_signatures.len()];
        FunctionBody::new(wasmparser::BinaryReader::new(
            &self.bytes[helper.body.clone()],
            helper.body.start,
        ))
    }

    /// The bytes of a passive data segment.
    pub(crate) fn segment(&self, segment: u32) -> &[u8] {
        &self.segments[segment as usize]
    }

    /// Whether a function that reads a table is among those that are reached.
    pub(crate) fn reads_tables(&self, reached: &Reached) -> bool {
        self.names
            .iter()
            .any(|(name, index)| tables::is_reader(name) && reached.functions.contains(index))
    }

    /// What a call in a helper, or in an expression where there is none, really calls.
    pub(crate) fn called(&self, caller: Option<u32>, callee: u32, dates: Dates) -> u32 {
        match (dates, self.with_dates.get(&callee)) {
            (Dates::Possible, Some(other)) if caller != Some(*other) => *other,
            _ => callee,
        }
    }

    /// Everything that calls of these functions reach.
    pub(crate) fn reach(&self, from: impl IntoIterator<Item = u32>, dates: Dates) -> Reached {
        let mut reached = Reached {
            dates,
            ..Reached::default()
        };
        let from = from.into_iter();
        let mut open: Vec<u32> = from
            .map(|function| self.called(None, function, dates))
            .collect();
        while let Some(function) = open.pop() {
            if !reached.functions.insert(function) || function < self.host_count() {
                continue;
            }
            let helper = &self.helpers[(function - self.host_count()) as usize];
            let calls = helper.calls.iter();
            open.extend(calls.map(|callee| self.called(Some(function), *callee, dates)));
            reached.segments.extend(&helper.segments);
            reached.globals = reached.globals.max(helper.globals);
        }
        reached
    }
}

/// The helpers for dates, by the helpers that they stand for.
fn with_dates(names: &BTreeMap<String, u32>) -> BTreeMap<u32, u32> {
    let pairs = names.iter().filter_map(|(name, other)| {
        let base = name.strip_suffix(WITH_DATES)?;
        match names.get(base) {
            Some(base) => Some((*base, *other)),
            None => panic!("{name} stands for no helper"),
        }
    });
    pairs.collect()
}

fn helper(
    signature: u32,
    body: &FunctionBody<'_>,
) -> Result<Helper, wasmparser::BinaryReaderError> {
    let (mut calls, mut segments, mut globals) = (BTreeSet::new(), BTreeSet::new(), 0);
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::Call { function_index } => {
                calls.insert(function_index);
            }
            Operator::MemoryInit { data_index, .. } => {
                segments.insert(data_index);
            }
            Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index } => {
                globals = globals.max(global_index + 1);
            }
            _ => {}
        }
    }
    Ok(Helper {
        signature,
        body: body.range(),
        calls,
        segments,
        globals,
    })
}
