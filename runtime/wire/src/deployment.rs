//! Modules over AMQP: how they arrive, and the reply.

use crate::{Outgoing, reply};
use bureaucrat_model::{ModuleHash, ReplyTo};

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
}
