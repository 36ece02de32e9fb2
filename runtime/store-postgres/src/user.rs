//! Who uses a schema, and what became of the locks that it asked for.

/// The name of a command's sessions, and of all commands where engines have their own.
pub const COMMAND: &str = "bureaucrat command";
/// The same of commands while engines work: of one at a time.
const BESIDE: &str = "bureaucrat command beside engines";

/// Whose sessions these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum User {
    Engine(String),
    Command,
    /// A command that has nothing, while engines work.
    Beside,
}

impl User {
    pub fn name(&self) -> &str {
        match self {
            Self::Engine(name) => name,
            Self::Command => COMMAND,
            Self::Beside => BESIDE,
        }
    }
}

/// What became of the locks of a session that is to commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    Ours,
    /// Somebody uses the schema, which one of us wants alone.
    OfSchema,
    /// An earlier session of the same engine has not ended.
    OfEngine,
}
