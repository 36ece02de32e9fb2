//! `graph`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What a picture is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum GraphFormat {
    /// A picture for browsers, documents and printers.
    #[default]
    Svg,
    /// Text that other tools draw.
    Mermaid,
}

/// `graph`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bureaucrat graph order.xml --output order.svg
  bureaucrat graph order.xml --format mermaid
  bureaucrat graph order.xml --link 'order.xml#L{line}' > order.svg
  bureaucrat graph new.xml --against old.xml --output changes.svg
  bureaucrat graph large.xml --activity _0_3 --output part.svg

Boxes have the paths and ids that `show`, `why` and the history name, and the lines of the \
definition. Of two versions, activities are the same as for `migrate`: those with the same `id`, \
else those at the same place.

At most 1000 boxes are drawn (150 with --format mermaid), at most 250 in a row and 50 next to \
one another. What does not fit says how many activities it holds; --activity draws it alone.")]
pub struct Graph {
    /// The definition, `-` for standard input
    pub file: PathBuf,
    /// What to write
    #[arg(long, value_enum, default_value_t)]
    pub format: GraphFormat,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Mark what is different from this older version
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// Draw only this activity: its `id`, or its path, such as _0_1
    #[arg(long, value_name = "ID|PATH")]
    pub activity: Option<String>,
    /// Make boxes links to this; {line} and {path} in it are replaced. Of http,
    /// https or a file, or without a scheme
    #[arg(long, value_name = "ADDRESS")]
    pub link: Option<String>,
}
