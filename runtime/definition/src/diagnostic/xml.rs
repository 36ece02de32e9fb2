//! Problems of the text as XML.

use super::words::Quoted;

/// What there may be too many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Counted {
    #[error("elements")]
    Elements,
    #[error("attributes of one element")]
    Attributes,
    /// Activities of the process, cases included.
    #[error("activities")]
    Activities,
    /// Branches of one `all`.
    #[error("branches of one `all`")]
    Branches,
    #[error("conditions")]
    Conditions,
    /// Bytes of one condition's text.
    #[error("bytes in one condition")]
    ConditionBytes,
    /// Bytes of all conditions' texts.
    #[error("bytes in all conditions together")]
    ConditionsBytes,
    #[error("properties")]
    Properties,
    #[error("modules")]
    Modules,
    /// Bytes of an attribute's value.
    #[error("bytes in the value of an attribute")]
    AttributeBytes,
    #[error("elements nested in one another")]
    Nesting,
    #[error("problems; the rest is left out")]
    Diagnostics,
}

/// A markup that has an end of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Markup {
    #[error("this tag is not closed; `>` must follow")]
    Tag,
    #[error("the value of an attribute in this tag is not closed; its quote must follow")]
    AttributeValue,
    #[error("this comment is not closed; `-->` must follow")]
    Comment,
    #[error("this CDATA section is not closed; `]]>` must follow")]
    CData,
    /// A processing instruction or the XML declaration.
    #[error("this XML declaration or processing instruction is not closed; `?>` must follow")]
    Instruction,
    #[error("this document type declaration is not closed, and none may stand in a definition")]
    Doctype,
    #[error(
        "this `&` begins no reference; a name and `;` must follow, or `&amp;` may stand for it"
    )]
    Reference,
}

/// What makes the text no XML that a definition may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlProblem {
    /// More bytes than a definition may have.
    #[error("the definition has {bytes} bytes; at most {limit} are allowed")]
    TooLarge {
        bytes: usize,
        /// How many there may be.
        limit: usize,
    },
    /// More of something than there may be.
    #[error("more than {limit} {what}")]
    TooMany {
        what: Counted,
        /// How many there may be.
        limit: usize,
    },
    /// The bytes are not UTF-8.
    #[error("the bytes here are not UTF-8; a definition must be UTF-8 text")]
    NotUtf8,
    /// The XML declaration names another encoding.
    #[error(
        "the declared encoding {} is not known; a definition must be UTF-8 text",
        Quoted(encoding)
    )]
    OtherEncoding { encoding: String },
    /// The XML declaration names another version, or none.
    #[error("the XML declaration must begin with `version=\"1.0\"`")]
    OtherVersion,
    /// An XML declaration that is not the first thing in the definition.
    #[error("an XML declaration may stand at the very beginning only")]
    LateDeclaration,
    /// A character that XML does not allow.
    #[error("the character U+{:04X} is not allowed in XML", u32::from(*found))]
    BadCharacter { found: char },
    /// A document type declaration, which could declare entities.
    #[error("a document type declaration (DOCTYPE) may not stand in a definition")]
    Doctype,
    #[error(
        "the processing instruction {} may not stand in a definition",
        Quoted(target)
    )]
    ProcessingInstruction { target: String },
    /// A reference to an entity that XML itself does not have.
    #[error(
        "the entity {} is not known; XML knows `&lt;`, `&gt;`, `&amp;`, `&quot;` and `&apos;`",
        Quoted(reference)
    )]
    UnknownEntity {
        /// The reference as it stands there.
        reference: String,
    },
    /// A reference by number to what is no character of XML.
    #[error("the reference {} is no character that XML allows", Quoted(reference))]
    BadReference {
        /// The reference as it stands there.
        reference: String,
    },
    /// A markup has no end.
    #[error("{0}")]
    Unclosed(Markup),
    /// Something begins with `<!` that is neither a comment nor CDATA.
    #[error(
        "this markup is not known; a tag, `<!-- comment -->` or `<![CDATA[text]]>` may stand here"
    )]
    BadMarkup,
    /// A comment holds `--`.
    #[error("`--` may not stand within a comment")]
    HyphensInComment,
    /// Text holds `]]>`.
    #[error("`]]>` may not stand in text; `]]&gt;` may")]
    CDataEndInText,
    /// A tag without a name, or with one that XML does not allow.
    #[error(
        "{} is no name of an element; `<` in text must be written `&lt;`",
        Quoted(found)
    )]
    BadName { found: String },
    /// A name with a prefix, or a declaration of one.
    #[error(
        "{} belongs to a namespace; names in a definition have none",
        Quoted(name)
    )]
    Namespace { name: String },
    /// An attribute that is not written as XML wants it.
    #[error("an attribute must be written ` name=\"value\"`: {problem}")]
    MalformedAttribute {
        /// What is missing or too much.
        problem: &'static str,
    },
    /// An attribute that occurs twice.
    #[error("the attribute {} stands in this element already", Quoted(attribute))]
    DuplicateAttribute { attribute: String },
    /// An element has no end tag.
    #[error("the element {} is not closed; its end tag must follow", Quoted(tag))]
    UnclosedElement { tag: String },
    /// An end tag closes another element than the open one.
    #[error(
        "found the end tag of {} where that of {} must stand",
        Quoted(found),
        Quoted(expected)
    )]
    OtherEnd { found: String, expected: String },
    /// An end tag while nothing is open.
    #[error("found the end tag of {}, but no element is open here", Quoted(found))]
    NothingToEnd { found: String },
    #[error(
        "found a second root element, {}; a definition is one `process`",
        Quoted(tag)
    )]
    SecondRoot { tag: String },
    /// Text before or after the root element.
    #[error(
        "found the text {} outside of the root element; only comments may stand here",
        Quoted(text)
    )]
    TextOutside { text: String },
    /// There is no element at all.
    #[error("there is no element here; a definition is one `process`")]
    NoElement,
}
