//! Mistakes in the XML itself.

use super::words::Quoted;

/// What people hand over instead of a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    #[error("an empty file")]
    Empty,
    #[error("UTF-16, not UTF-8")]
    Utf16,
    #[error("JSON, not XML")]
    Json,
    #[error("YAML, not XML")]
    Yaml,
    #[error("an HTML page")]
    Html,
    #[error("BPMN, another language")]
    Bpmn,
    #[error("a WebAssembly module")]
    Wasm,
    #[error("compressed with gzip")]
    Gzip,
    #[error("a zip archive")]
    Zip,
}

/// What makes an element one of a namespace.
struct Prefix<'a>(&'a str);

impl std::fmt::Display for Prefix<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0.contains(':') {
            true => "the prefix",
            false => "`xmlns`",
        })
    }
}

/// `, the file declares …)`, or nothing.
struct Declared<'a>(Option<&'a str>);

impl std::fmt::Display for Declared<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(encoding) => write!(f, ", the file declares {}", Quoted(encoding)),
            None => Ok(()),
        }
    }
}

/// What there can be too many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Counted {
    #[error("elements")]
    Elements,
    #[error("attributes of one element")]
    Attributes,
    /// Activities of the process, including cases.
    #[error("activities")]
    Activities,
    /// Branches of one `all`.
    #[error("branches of one `all`")]
    Branches,
    #[error(
        "conditions and computed values; of `arg` and `kwarg`, literals such as `5` do not count"
    )]
    Conditions,
    /// Bytes of one condition's text.
    #[error("bytes in one condition")]
    ConditionBytes,
    /// Bytes of all conditions' texts.
    #[error("bytes in all conditions together")]
    ConditionsBytes,
    #[error("properties")]
    Properties,
    #[error("searchable properties")]
    Searchable,
    #[error("modules")]
    Modules,
    /// Bytes of an attribute's value.
    #[error("bytes in the value of an attribute")]
    AttributeBytes,
    #[error("elements nested in one another")]
    Nesting,
    #[error("problems; the others are not shown")]
    Diagnostics,
}

/// Markup that needs its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Markup {
    #[error("this tag is not closed; expected `>`")]
    Tag,
    #[error("the value of an attribute in this tag is not closed; a quote is missing")]
    AttributeValue,
    #[error("this comment is not closed; expected `-->`")]
    Comment,
    #[error("this CDATA section is not closed; expected `]]>`")]
    CData,
    /// A processing instruction or the XML declaration.
    #[error("this XML declaration or processing instruction is not closed; expected `?>`")]
    Instruction,
    #[error("this DOCTYPE is not closed; remove it, a definition has none")]
    Doctype,
    #[error("`&` is written `&amp;` in XML (and `&&` is `and` in a condition)")]
    Reference,
}

/// What makes the text something else than the XML of a definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlProblem {
    /// More bytes than a definition may have.
    #[error("the definition has {bytes} bytes; at most {limit} are allowed")]
    TooLarge {
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too many of something.
    #[error("more than {limit} {what}")]
    TooMany {
        what: Counted,
        /// How many there may be.
        limit: usize,
    },
    /// The bytes are not UTF-8.
    #[error("the bytes here are not UTF-8{}; save the file as UTF-8", Declared(declared.as_deref()))]
    NotUtf8 {
        /// The encoding that the XML declaration names.
        declared: Option<String>,
    },
    /// The bytes are something else than a text that could be XML.
    #[error("this is {0}; a definition is XML with the root element `process`")]
    Foreign(Foreign),
    /// The XML declaration names another encoding.
    #[error(
        "the encoding {} is not supported; save the file as UTF-8 and declare that",
        Quoted(encoding)
    )]
    OtherEncoding { encoding: String },
    /// The XML declaration names another version, or none.
    #[error("the XML declaration must begin with `version=\"1.0\"`")]
    OtherVersion,
    /// An XML declaration that is not the first thing in the definition.
    #[error("the XML declaration is only allowed at the very beginning")]
    LateDeclaration,
    /// A character that XML does not allow.
    #[error("the character U+{:04X} is not allowed in XML", u32::from(*found))]
    BadCharacter { found: char },
    /// A document type declaration, which could declare entities.
    #[error("a DOCTYPE is not allowed in a definition; remove it")]
    Doctype,
    #[error(
        "the processing instruction {} is not allowed in a definition; remove it",
        Quoted(target)
    )]
    ProcessingInstruction { target: String },
    /// A reference to an entity that is not one of XML's own.
    #[error(
        "the entity {} does not exist; XML has `&lt;`, `&gt;`, `&amp;`, `&quot;` and `&apos;`",
        Quoted(reference)
    )]
    UnknownEntity {
        /// The unchanged reference.
        reference: String,
    },
    /// A reference by number to something that is not a character of XML.
    #[error(
        "the reference {} is not a character that XML allows",
        Quoted(reference)
    )]
    BadReference {
        /// The unchanged reference.
        reference: String,
    },
    /// Markup without its end.
    #[error("{0}")]
    Unclosed(Markup),
    /// Something begins with `<!` that is neither a comment nor CDATA.
    #[error("unknown markup; expected a tag, `<!-- comment -->` or `<![CDATA[text]]>`")]
    BadMarkup,
    /// A comment contains `--`.
    #[error("`--` is not allowed in a comment")]
    HyphensInComment,
    /// Text contains `]]>`.
    #[error("`]]>` in text is written `]]&gt;`")]
    CDataEndInText,
    /// A tag without a name, or with a name that XML forbids.
    #[error(
        "a tag's name is expected after `<`, found {}; `<` in text is written `&lt;`",
        Quoted(found)
    )]
    BadName { found: String },
    /// An element that is not of the language, whatever its name.
    #[error(
        "{} is in the namespace {}; elements of a definition have none; remove {}",
        Quoted(name),
        Quoted(namespace),
        Prefix(name)
    )]
    ForeignElement { name: String, namespace: String },
    #[error(
        "the attribute {} is in the namespace {}; attributes of a definition have none; remove it",
        Quoted(name),
        Quoted(namespace)
    )]
    ForeignAttribute { name: String, namespace: String },
    #[error("the prefix of {} is not declared; remove it", Quoted(name))]
    UndeclaredPrefix { name: String },
    /// An attribute that is not written as XML requires.
    #[error("an attribute is written ` name=\"value\"`: {problem}")]
    MalformedAttribute {
        /// What is missing or superfluous.
        problem: &'static str,
    },
    /// A duplicate attribute.
    #[error("the attribute {} is in this tag twice", Quoted(attribute))]
    DuplicateAttribute { attribute: String },
    /// An element has no end tag.
    #[error("this {} is not closed; expected {}", Quoted(&format!("<{tag}>")), Quoted(&format!("</{tag}>")))]
    UnclosedElement { tag: String },
    /// An end tag that does not match the open element.
    #[error(
        "expected {}, found {}; the tag in line {line} is still open",
        Quoted(&format!("</{expected}>")),
        Quoted(&format!("</{found}>"))
    )]
    OtherEnd {
        found: String,
        expected: String,
        /// Where the open element begins.
        line: u32,
    },
    /// An end tag without an open element.
    #[error("found {}, but nothing is open here", Quoted(&format!("</{found}>")))]
    NothingToEnd { found: String },
    #[error(
        "this is a second root element, {}; a definition is one `process` element",
        Quoted(tag)
    )]
    SecondRoot { tag: String },
    /// Text before or after the root element.
    #[error(
        "unexpected text {} outside `process`; only comments are allowed here",
        Quoted(text)
    )]
    TextOutside { text: String },
    /// There are no elements.
    #[error("there is no element; a definition is one `process` element")]
    NoElement,
}
