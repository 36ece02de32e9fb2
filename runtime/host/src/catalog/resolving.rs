//! What the name in a launch refers to.

use super::{Catalog, Deployer, Known, State, is_in, nearest::nearest};
use bureaucrat_model::{DefinitionName, DefinitionRef, ProgramHash, Version};

/// Why a launch's name refers to nothing that can be launched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    #[error("no definition `{name}` is deployed here{hint}", hint = hint(meant.as_ref()))]
    Name {
        name: DefinitionName,
        meant: Option<DefinitionName>,
    },
    #[error("`{name}` has no version {version}; its newest is {newest}")]
    Version {
        name: DefinitionName,
        version: Version,
        newest: Version,
    },
    #[error(
        "version {version} of `{name}` is retired{hint}",
        hint = newest.map_or_else(String::new, |newest| format!("; its newest is {newest}"))
    )]
    Retired {
        name: DefinitionName,
        version: Version,
        /// The newest that is not.
        newest: Option<Version>,
    },
    #[error("all versions of `{0}` are retired; deploy it again to launch it by its name")]
    AllRetired(DefinitionName),
    #[error(
        "the record of version {version} of `{name}` is damaged; `bureaucrat fsck` on the stopped \
         engine says what can be done"
    )]
    Damaged {
        name: DefinitionName,
        version: Version,
    },
}

fn hint(meant: Option<&DefinitionName>) -> String {
    meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"))
}

/// What a name refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    Ready(Resolved),
    /// A version that is not durable yet.
    Pending(Resolved),
}

/// A version to launch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub name: DefinitionName,
    pub version: Version,
    pub program: ProgramHash,
}

/// Whether a launch that names no version may start this one.
fn is_launched(known: &Known) -> bool {
    is_in(known, State::Offered) || is_in(known, State::Planned)
}

impl Catalog {
    /// What a launch refers to. `may_use` says which names exist for its user; it gets the owner.
    ///
    /// # Errors
    /// If there is no such name or version, or it is retired.
    pub fn resolve(
        &self,
        wanted: &DefinitionRef,
        may_use: impl Fn(&DefinitionName, Option<&Deployer>) -> bool,
    ) -> Result<Resolution, Unresolved> {
        let name = &wanted.name;
        let named = self.names.get(name);
        let named = named.filter(|named| may_use(name, named.owner.as_ref()));
        let unknown = || Unresolved::Name {
            name: name.clone(),
            meant: self.nearest(name, &may_use).cloned(),
        };
        let named = named.ok_or_else(unknown)?;
        let (newest, last) = named.versions.last_key_value().ok_or_else(unknown)?;
        let mut launched = named.versions.iter().rev();
        let launched = launched.find(|(_, known)| is_launched(known));
        let launched = launched.map(|(version, _)| *version);
        let version = match (wanted.version, launched, last) {
            (Some(version), _, _) | (None, Some(version), _) => version,
            // It may be one that is not retired.
            (None, None, Known::Damaged) => *newest,
            (None, None, Known::Readable { .. }) => {
                return Err(Unresolved::AllRetired(name.clone()));
            }
        };
        let name = name.clone();
        match named.versions.get(&version) {
            None => Err(Unresolved::Version {
                name,
                version,
                newest: *newest,
            }),
            Some(Known::Damaged) => Err(Unresolved::Damaged { name, version }),
            Some(Known::Readable { program, state, .. }) => {
                let program = *program;
                match state {
                    State::Planned => Ok(Resolution::Pending(Resolved {
                        name,
                        version,
                        program,
                    })),
                    State::Offered => Ok(Resolution::Ready(Resolved {
                        name,
                        version,
                        program,
                    })),
                    State::Retired => Err(Unresolved::Retired {
                        name,
                        version,
                        newest: launched,
                    }),
                }
            }
        }
    }

    /// The name that the user most likely meant, among those that exist for them.
    fn nearest(
        &self,
        wanted: &DefinitionName,
        may_use: impl Fn(&DefinitionName, Option<&Deployer>) -> bool,
    ) -> Option<&DefinitionName> {
        nearest(wanted, self.names.iter(), |name, named| {
            named.versions.values().any(is_launched) && may_use(name, named.owner.as_ref())
        })
    }
}
