//! Modules and definitions over AMQP: how they arrive, and the replies.

use crate::{Outgoing, Properties, reply};
use bureaucrat_model::{DefinitionName, ModuleHash, ModuleName, ReplyTo, SourceHash, Version};

/// The content type of a message on the launch queue whose body is a module to store, a WebAssembly
/// component.
pub const MODULE_TYPE: &str = "application/wasm";

/// What a message with a module asks for besides storing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModuleHeaders<'a> {
    /// It becomes the next version of this name.
    pub name: Option<&'a str>,
    pub signature: Option<&'a str>,
}

/// A header of such a message has a value that is not a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the header `{0}` is not a text")]
pub struct NotText(&'static str);

impl<'a> ModuleHeaders<'a> {
    /// The header with the name.
    pub const NAME: &'static str = "bureaucrat-module";
    /// The header with the signature.
    pub const SIGNATURE: &'static str = "bureaucrat-signature";

    /// Reads them.
    ///
    /// # Errors
    /// If one of them is no text.
    pub fn of(properties: &'a Properties) -> Result<Self, NotText> {
        let text = |wanted: &'static str| {
            let mut headers = properties.headers.iter();
            match headers.find(|(name, _)| name == wanted) {
                None => Ok(None),
                Some((_, value)) => value.as_text().map(Some).ok_or(NotText(wanted)),
            }
        };
        Ok(Self {
            name: text(Self::NAME)?,
            signature: text(Self::SIGNATURE)?,
        })
    }
}

/// What a deployed module became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleDeployed {
    pub hash: ModuleHash,
    /// If it was deployed under a name.
    pub named: Option<(ModuleName, Version)>,
}

/// The reply to a deployment: `{"status": "deployed", "hash": "sha256:…"}`, with `"module": "risk",
/// "version": 4` if it has a name. A refused module has the same reply as a refused launch.
pub fn deployed(reply_to: &ReplyTo, deployed: &ModuleDeployed) -> Outgoing {
    let hash = deployed.hash;
    let named = deployed.named.as_ref();
    let named = named.map_or_else(String::new, |(name, version)| {
        format!(r#", "module": "{name}", "version": {version}"#)
    });
    reply::to(
        reply_to,
        format!(r#"{{"status": "deployed", "hash": "{hash}"{named}}}"#),
    )
}

/// The content type of a message on the launch queue whose body is a definition to store.
pub const DEFINITION_TYPE: &str = "application/x-bureaucrat-definition";

/// Whether a deployment made a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    New,
    /// A version with this text was there before.
    Unchanged,
}

impl Novelty {
    /// The value of `outcome` in the reply.
    pub const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What a deployed definition became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionDeployed {
    pub name: DefinitionName,
    pub version: Version,
    pub hash: SourceHash,
    pub novelty: Novelty,
}

/// The reply to a deployment: `{"status": "deployed", "process": "order", "version": 3, "hash":
/// "sha256:…", "outcome": "new"}`. A refused definition has the same reply as a refused launch.
pub fn definition_deployed(reply_to: &ReplyTo, deployed: &DefinitionDeployed) -> Outgoing {
    let DefinitionDeployed {
        name,
        version,
        hash,
        novelty,
    } = deployed;
    let outcome = novelty.word();
    reply::to(
        reply_to,
        format!(
            r#"{{"status": "deployed", "process": "{name}", "version": {version}, "hash": "{hash}", "outcome": "{outcome}"}}"#
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_names_the_hash() {
        let reply_to = ReplyTo {
            queue: "answers".to_owned(),
            correlation_id: Some("7".to_owned()),
        };
        let told = ModuleDeployed {
            hash: ModuleHash::of(b"abc"),
            named: "risk".parse().ok().map(|name| (name, Version::FIRST)),
        };
        let message = deployed(&reply_to, &told);
        assert_eq!(message.routing_key, "answers");
        assert_eq!(message.properties.correlation_id.as_deref(), Some("7"));
        let body: serde_json::Value = serde_json::from_slice(&message.body).unwrap_or_default();
        assert_eq!(body["status"], "deployed");
        assert_eq!(
            body["hash"],
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(body["module"], "risk");
        assert_eq!(body["version"], 1);
    }

    #[test]
    fn a_reply_names_the_version() {
        let reply_to = ReplyTo {
            queue: "answers".to_owned(),
            correlation_id: None,
        };
        let name: Result<DefinitionName, _> = "order".parse();
        let Ok(name) = name else { panic!("a name") };
        let version = Version::FIRST;
        let hash = SourceHash::of(b"abc");
        let novelty = Novelty::Unchanged;
        let deployed = DefinitionDeployed {
            name,
            version,
            hash,
            novelty,
        };
        let message = definition_deployed(&reply_to, &deployed);
        let body: serde_json::Value = serde_json::from_slice(&message.body).unwrap_or_default();
        assert_eq!(body["status"], "deployed");
        assert_eq!(body["process"], "order");
        assert_eq!(body["version"], 1);
        assert_eq!(body["hash"], hash.to_string());
        assert_eq!(body["outcome"], "unchanged");
    }
}
