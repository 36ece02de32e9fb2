//! The kinds of attribute values. The checker reads a value by its kind, the schemas and the
//! documentation describe it.

/// What an attribute's value is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value {
    /// A name, at most so many bytes long.
    Name {
        bytes: usize,
    },
    /// A name that is safe everywhere: letters and digits of ASCII, `.`, `_` and `-`.
    Id {
        bytes: usize,
    },
    /// A text for people, at most so many characters long.
    Title {
        characters: usize,
    },
    Text,
    Duration,
    /// A whole number.
    Integer {
        least: u32,
        most: u32,
    },
    /// A number in thousandths, which are also what the bounds are in.
    Thousandths {
        least: u32,
        most: u32,
    },
    FaultCode,
    /// Fault codes with `*`, between commas.
    FaultPatterns,
    FieldName,
    FieldPath,
    /// `$` and the name of a field, or a deployed definition as a launch names it.
    Called,
    ModuleHash,
    /// A deployed module: its name, with a version, an alias or neither.
    ModuleRef,
    /// A function's name as WIT writes it, at most so many bytes long.
    Function {
        bytes: usize,
    },
    OneOf(&'static [&'static str]),
    /// A time with an offset, or Unix seconds.
    Time,
    /// Five fields of cron.
    Cron,
    /// A name of the IANA database of time zones.
    Zone,
    /// A duration, or the word for the launch of the process.
    Since,
    /// A Python expression for a value.
    Expression,
    /// A text that is of the kind, or becomes so by the expressions in its braces.
    Template(&'static Self),
}

impl Value {
    /// What is written where nothing is computed.
    pub(crate) const fn written(self) -> Self {
        if let Self::Template(kind) = self {
            return *kind;
        }
        self
    }

    /// The bytes that its text may have; no limit of its own for those that are limited otherwise.
    pub(crate) const fn bytes_max(self) -> usize {
        if let Self::Template(kind) = self {
            return kind.bytes_max();
        }
        if let Self::Name { bytes } | Self::Id { bytes } | Self::Function { bytes } = self {
            bytes
        } else {
            usize::MAX
        }
    }

    /// What is expected, in words, after "use" or as a cell of a table.
    pub(crate) fn in_words(self) -> String {
        match self {
            Self::Name { bytes } => format!("a name of at most {bytes} bytes"),
            Self::Id { bytes } => format!(
                "at most {bytes} letters, digits, `.`, `_` or `-`, beginning with a letter or digit"
            ),
            Self::Title { characters } => format!("a text of at most {characters} characters"),
            Self::Text => "a text".to_owned(),
            Self::Duration => "a [duration](#durations)".to_owned(),
            Self::Integer { least, most } => format!("a whole number from {least} to {most}"),
            Self::Thousandths { least, most } => {
                let whole = |thousandths: u32| f64::from(thousandths) / 1_000.0;
                format!("a number from {} to {}", whole(least), whole(most))
            }
            Self::FaultCode => "a [fault code](#faults)".to_owned(),
            Self::FaultPatterns => {
                "fault codes, separated by commas; `*` stands for any text".to_owned()
            }
            Self::FieldName => "the name of a field".to_owned(),
            Self::FieldPath => "the name of a field, or a JSON Pointer into one".to_owned(),
            Self::Called => "the name of a deployed definition, with `@` and a version or \
                             without, or `$` and the name of a field"
                .to_owned(),
            Self::ModuleHash => "`sha256:` and 64 lower-case hexadecimal digits".to_owned(),
            Self::ModuleRef => {
                "the name of a deployed module, with `@` and a version or an alias, \
                                or without"
                    .to_owned()
            }
            Self::Function { .. } => {
                "words of letters and digits joined by `-`, such as `is-high`".to_owned()
            }
            Self::Cron => {
                "minute, hour, day of the month, month and day of the week, as in cron".to_owned()
            }
            Self::Zone => "a time zone, such as `Europe/Berlin`".to_owned(),
            Self::Since => "`launch`, or a [duration](#durations)".to_owned(),
            Self::Time => "a [time](#durations)".to_owned(),
            Self::Expression => "an [expression](#conditions)".to_owned(),
            Self::Template(kind) => format!("{}, or a [template](#templates)", kind.in_words()),
            Self::OneOf(words) => words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}
