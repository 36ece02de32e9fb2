//! `bureaucrat module build`: makes a component of the contract from a core module.
//!
//! This runs on the author's side, on the author's own bytes; the engine accepts only finished
//! components.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums, not ours: they are large, and what is meant is all the rest"
)]

use crate::{class::Class, features, guest::ExportKind, names};
use std::collections::BTreeMap;
use wasmparser::{CompositeInnerType, ExternalKind, Parser, Payload, ValType, Validator};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The contract that authors get.
const CONTRACT: &str = include_str!("../../../guest-sdk/wit/condition.wit");
/// The world whose functions return values.
const EXPRESSION: &str = "expression";
/// The world whose functions return verdicts.
const CONDITION: &str = "condition";
/// The custom section in which bindings generators leave the world.
const METADATA_SECTION: &str = "component-type";

/// Why a core module cannot become a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// It is already a component.
    #[error("this is already a component")]
    Component,
    /// It is not valid WebAssembly.
    #[error("the core module is not valid: {0}")]
    Invalid(String),
    /// None of its exports can be a function of the contract.
    #[error("the core module exports no function without parameters that returns one i32")]
    NoFunction,
    /// An export's name is not allowed in WIT.
    #[error(
        "the export `{0}` has a name that WIT does not allow: words of lower-case letters and digits, joined by `-`"
    )]
    Name(String),
    /// Nothing says what the functions return.
    #[error(
        "nothing says whether functions return verdicts or values ({}); say so for all of them with \
         `--world condition` (verdicts) or `--world expression` (values), or for each with an \
         export named `verdict:NAME` or `value:NAME`, or with --wit",
        functions.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    )]
    Unsaid {
        /// The exports without a mark.
        functions: Vec<String>,
    },
    /// The contract has no such world.
    #[error(
        "the contract has no world `{0}` (only `condition` and `expression`); give your own WIT file"
    )]
    World(String),
    /// The WIT source or the choice of a world in it is wrong.
    #[error("cannot use the WIT source: {0}")]
    Wit(String),
    /// The module does not match the world.
    #[error("the core module does not fit the world: {0}")]
    Encoding(String),
}

/// Makes a component from a core module.
///
/// A module that contains its world (bindings generators leave it in a custom section) needs
/// nothing else. Otherwise, `wit` is the source of the author's own package and `world` selects a
/// world in it (optional if there is only one); the contract's package is available for `include`.
/// Without `wit`, every exported function without parameters that returns an i32 becomes a function
/// of the same name (`is_high` and `isHigh` become `is-high`). The export `verdict:NAME` becomes the
/// verdict NAME, `value:NAME` the value NAME; the others are verdicts if `world` is `condition`, and
/// values if it is `expression`. What they return is never guessed.
///
/// # Errors
/// [`BuildError`] says what is wrong with the module, the world or the WIT source.
pub fn build_module(
    core: &[u8],
    world: Option<&str>,
    wit: Option<&str>,
) -> Result<Vec<u8>, BuildError> {
    if Parser::is_component(core) {
        return Err(BuildError::Component);
    }
    let outline = Outline::read(core)?;
    let (functions, renamed) = outline.functions();
    let mut module = match outline.has_metadata {
        true => core.to_vec(),
        false => names::renamed(core, &renamed).map_err(invalid)?,
    };
    if !outline.has_metadata {
        let mut resolve = Resolve::default();
        resolve
            .push_source("condition.wit", CONTRACT)
            .map_err(wit_error)?;
        let chosen = match wit {
            Some(source) => {
                let own = resolve.push_source("own.wit", source).map_err(wit_error)?;
                resolve.select_world(&[own], world).map_err(wit_error)?
            }
            None => {
                let source = world_of(&functions, world)?;
                let own = resolve
                    .push_source("generated.wit", &source)
                    .map_err(wit_error)?;
                resolve.select_world(&[own], None).map_err(wit_error)?
            }
        };
        embed_component_metadata(&mut module, &resolve, chosen, StringEncoding::UTF8)
            .map_err(encoding_error)?;
    }
    ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .map_err(encoding_error)
}

/// The relevant parts of a core module.
struct Outline {
    has_metadata: bool,
    /// Exported functions of the type `() -> i32`, as they are named.
    exports: Vec<String>,
}

/// A function that may become one of the contract.
struct Function {
    name: String,
    /// What its mark says that it returns.
    marked: Option<ExportKind>,
}

/// How exports are named whose languages say what they return.
const MARKS: [(&str, ExportKind); 2] = [
    ("verdict:", ExportKind::Verdict),
    ("value:", ExportKind::Value),
];

impl Function {
    fn of_export(export: &str) -> Self {
        let marked = MARKS.iter().find_map(|(mark, kind)| {
            let name = export.strip_prefix(mark)?;
            Some((name, *kind))
        });
        match marked {
            Some((name, kind)) => Self {
                name: name.to_owned(),
                marked: Some(kind),
            },
            None => Self {
                name: export.to_owned(),
                marked: None,
            },
        }
    }
}

impl Outline {
    fn read(core: &[u8]) -> Result<Self, BuildError> {
        let types = Validator::new_with_features(features::allowed(Class::Runtime))
            .validate_all(core)
            .map_err(invalid)?;
        let types = types.as_ref();
        let mut outline = Self {
            has_metadata: false,
            exports: Vec::new(),
        };
        for payload in Parser::new(0).parse_all(core) {
            match payload.map_err(invalid)? {
                Payload::CustomSection(section) => {
                    outline.has_metadata |= section.name().starts_with(METADATA_SECTION);
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export.map_err(invalid)?;
                        if export.kind != ExternalKind::Func || is_canonical(export.name) {
                            continue;
                        }
                        let id = types.core_function_at(export.index);
                        if let CompositeInnerType::Func(ty) = &types[id].composite_type.inner
                            && ty.params().is_empty()
                            && ty.results() == [ValType::I32]
                        {
                            outline.exports.push(export.name.to_owned());
                        }
                    }
                }
                // The enum is the parser's; nothing else is relevant.
                _ => {}
            }
        }
        Ok(outline)
    }

    /// The functions under their WIT names, and the exports that are renamed for that: marked ones, and those in
    /// other styles (`is_high`, `isHigh`).
    fn functions(&self) -> (Vec<Function>, BTreeMap<String, String>) {
        let mut renamed = BTreeMap::new();
        let named = |export: &String| {
            let mut function = Function::of_export(export);
            if let Some(wit) = names::wit_name(&function.name) {
                function.name = wit;
            }
            if function.name != *export && names::is_wit_name(&function.name) {
                renamed.insert(export.clone(), function.name.clone());
            }
            function
        };
        let functions = self.exports.iter().map(named).collect();
        (functions, renamed)
    }
}

/// WIT source of a world that exports the functions under their own names.
fn world_of(functions: &[Function], world: Option<&str>) -> Result<String, BuildError> {
    let said = match world {
        None => None,
        Some(CONDITION) => Some(ExportKind::Verdict),
        Some(EXPRESSION) => Some(ExportKind::Value),
        Some(other) => return Err(BuildError::World(other.to_owned())),
    };
    if functions.is_empty() {
        return Err(BuildError::NoFunction);
    }
    let mut unsaid = Vec::new();
    let mut source = String::from(
        "package bureaucrat:generated;\nworld guest {\n  include bureaucrat:condition/imports@1.1.0;\n",
    );
    for Function { name, marked } in functions {
        if !names::is_wit_name(name) {
            return Err(BuildError::Name(name.clone()));
        }
        let result = match marked.or(said) {
            Some(ExportKind::Verdict) => "result<bool, string>",
            Some(ExportKind::Value) => "result<string, string>",
            None => {
                unsaid.push(name.clone());
                continue;
            }
        };
        // `%` allows names that are keywords of WIT.
        source.push_str(&format!("  export %{name}: func() -> {result};\n"));
    }
    source.push_str("}\n");
    match unsaid.is_empty() {
        true => Ok(source),
        false => Err(BuildError::Unsaid { functions: unsaid }),
    }
}

/// Names that the canonical ABI reserves for exports of its own.
fn is_canonical(name: &str) -> bool {
    name.starts_with("cabi_") || name.starts_with('_')
}

fn invalid(error: wasmparser::BinaryReaderError) -> BuildError {
    BuildError::Invalid(error.to_string())
}

fn wit_error(error: impl std::fmt::Display) -> BuildError {
    BuildError::Wit(format!("{error:#}"))
}

fn encoding_error(error: impl std::fmt::Display) -> BuildError {
    BuildError::Encoding(format!("{error:#}"))
}
