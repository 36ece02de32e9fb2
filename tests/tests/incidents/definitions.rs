//! Definitions for tests of incidents.

use base64::{Engine, engine::general_purpose::STANDARD};

/// A `module` that holds its component.
pub fn module(name: &str, component: &[u8]) -> String {
    format!(
        r#"<module name="{name}">{}</module>"#,
        STANDARD.encode(component)
    )
}
