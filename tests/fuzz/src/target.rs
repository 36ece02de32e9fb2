//! The targets: what each takes, where its seeds come from, the tokens of its language, how long an
//! input may take.

use crate::{corpus, targets};
use anyhow::Result;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Bytes to the XML reader and beyond: arbitrary markup.
    Xml,
    /// Definitions to programs, which are then checked, stored, read back and shown.
    Definition,
    /// Expressions to the bytes of guests.
    Expression,
    /// Expressions to guests to results, on fields that are mutated too.
    Guest,
    /// Bytes to admission; admitted modules are not compiled.
    Admission,
    /// Bytes to admission; admitted modules are compiled and run.
    Module,
    /// Bodies of answers, in both dialects.
    Answer,
    /// Results of calls: callbacks, errbacks, what `rpc://` says, replies to requests.
    Result,
    Event,
    /// Bodies of replies, which clients read.
    Reply,
    Fields,
    Program,
    Instance,
    Record,
    Key,
    /// Stored programs and instances that decode, given to the engine with inputs.
    Engine,
}

impl Target {
    pub const ALL: [Self; 16] = [
        Self::Xml,
        Self::Definition,
        Self::Expression,
        Self::Guest,
        Self::Admission,
        Self::Module,
        Self::Answer,
        Self::Result,
        Self::Event,
        Self::Reply,
        Self::Fields,
        Self::Program,
        Self::Instance,
        Self::Record,
        Self::Key,
        Self::Engine,
    ];

    /// Its name on the command line, and the name of its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xml => "xml",
            Self::Definition => "definition",
            Self::Expression => "expression",
            Self::Guest => "guest",
            Self::Admission => "admission",
            Self::Module => "module",
            Self::Answer => "answer",
            Self::Result => "result",
            Self::Event => "event",
            Self::Reply => "reply",
            Self::Fields => "fields",
            Self::Program => "program",
            Self::Instance => "instance",
            Self::Record => "record",
            Self::Key => "key",
            Self::Engine => "engine",
        }
    }

    /// The target with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// The processor time that one input may take; far more than any should.
    pub const fn time_max(self) -> Duration {
        match self {
            Self::Guest | Self::Module => Duration::from_secs(20),
            Self::Xml
            | Self::Definition
            | Self::Expression
            | Self::Admission
            | Self::Answer
            | Self::Result
            | Self::Event
            | Self::Reply
            | Self::Fields
            | Self::Program
            | Self::Instance
            | Self::Record
            | Self::Key
            | Self::Engine => Duration::from_secs(5),
        }
    }

    /// Where its inputs begin.
    ///
    /// # Errors
    /// When a file of the repository can't be read.
    pub fn seeds(self) -> Result<Vec<Vec<u8>>> {
        let mut seeds = corpus::kept(self)?;
        seeds.extend(match self {
            Self::Xml | Self::Definition => corpus::whole("definitions", "xml")?,
            Self::Expression => targets::conditions::expressions()?,
            Self::Guest => targets::conditions::with_fields()?,
            Self::Admission | Self::Module => targets::modules::seeds()?,
            Self::Answer | Self::Event | Self::Reply | Self::Fields => corpus::bodies()?,
            Self::Result => [corpus::bodies()?, targets::bodies::results()].concat(),
            Self::Program | Self::Engine => targets::stored::programs()?,
            Self::Instance => corpus::golden("instances.hex")?,
            Self::Record => {
                let files = ["history.hex", "outbox.hex", "events.hex"];
                let all: Result<Vec<_>> = files.into_iter().map(corpus::golden).collect();
                all?.concat()
            }
            Self::Key => vec![
                vec![0; 10],
                vec![1; 16],
                vec![2; 25],
                vec![b'x'; 36],
                vec![0; 42],
            ],
        });
        Ok(seeds)
    }

    /// The tokens of its language.
    pub const fn tokens(self) -> &'static [&'static str] {
        match self {
            Self::Xml | Self::Definition => &targets::definitions::TOKENS,
            Self::Expression | Self::Guest => &targets::conditions::TOKENS,
            Self::Answer | Self::Event | Self::Reply | Self::Fields => &targets::bodies::TOKENS,
            Self::Result => &targets::bodies::RESULT_TOKENS,
            Self::Admission | Self::Module => &targets::modules::TOKENS,
            Self::Program | Self::Instance | Self::Record | Self::Key | Self::Engine => {
                &targets::stored::TOKENS
            }
        }
    }
}
