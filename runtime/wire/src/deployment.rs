//! Modules and definitions over AMQP: how they arrive, and the replies.

use crate::{Outgoing, reply};
use bureaucrat_model::{DefinitionName, ModuleHash, ReplyTo, SourceHash, Version};

/// The content type of a message on the launch queue whose body is a module to store, a WebAssembly
/// component.
pub const MODULE_TYPE: &str = "application/wasm";

/// The reply to a deployment: `{"status": "deployed", "hash": "sha256:…"}`. A refused module has
/// the same reply as a refused launch.
pub fn deployed(reply_to: &ReplyTo, hash: ModuleHash) -> Outgoing {
    reply::to(
        reply_to,
        format!(r#"{{"status": "deployed", "hash": "{hash}"}}"#),
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
        let message = deployed(&reply_to, ModuleHash::of(b"abc"));
        assert_eq!(message.routing_key, "answers");
        assert_eq!(message.properties.correlation_id.as_deref(), Some("7"));
        let body: serde_json::Value = serde_json::from_slice(&message.body).unwrap_or_default();
        assert_eq!(body["status"], "deployed");
        assert_eq!(
            body["hash"],
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
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
