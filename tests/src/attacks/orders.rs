//! An attack as messages for a running engine.

use super::{Attack, How};
use anyhow::Result;
use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_model::Fields;
use bureaucrat_wire::merge_fields;

/// What is published repeatedly.
#[derive(Debug, Clone)]
pub enum Order {
    /// A definition for the launch queue. The reply is `rejected`, `failed` or `completed`.
    Launch(Vec<u8>),
    /// An answer; it becomes a dead letter.
    Answer(Vec<u8>),
    /// An event; it becomes a dead letter.
    Event(Vec<u8>),
}

impl Order {
    /// The message of an attack; none for an attack that another test tries, or that leaves much
    /// behind on purpose.
    ///
    /// # Errors
    /// If an attack's fields cannot be written into a definition.
    pub fn of(attack: &Attack) -> Result<Option<Self>> {
        Ok(match &attack.how {
            How::Guest { component, fields } => Some(Self::Launch(with_module(component, fields)?)),
            How::Upload(bytes) => Some(Self::Launch(with_module(bytes, "{}")?)),
            How::Definition(source) => Some(Self::Launch(source.clone())),
            How::Expression { text, fields } => {
                let text = text.replace('&', "&amp;").replace('<', "&lt;");
                Some(Self::Launch(evaluating(
                    "",
                    &format!("<condition>{text}</condition>"),
                    fields,
                )?))
            }
            How::Answer(body) => Some(Self::Answer(body.clone())),
            How::Event(body) => Some(Self::Event(body.clone())),
            // Each leaves a million timers behind; the catalogue's test tries it.
            How::Process(_) | How::Elsewhere { .. } => None,
        })
    }
}

fn with_module(component: &[u8], fields: &str) -> Result<Vec<u8>> {
    let module = format!("<module name=\"m\">{}</module>", STANDARD.encode(component));
    evaluating(&module, "<condition module=\"m\"/>", fields)
}

/// A process that evaluates one condition, and ends.
fn evaluating(module: &str, condition: &str, fields: &str) -> Result<Vec<u8>> {
    let definition =
        format!("<process>{module}<switch><case>{condition}</case></switch></process>");
    Ok(merge_fields(&definition, &Fields::parse(fields)?)?.into_bytes())
}
