//! The description of the API, OpenAPI 3.1, made from its operations.

use crate::{
    operation::{Access, BodyKind, Operation, Reach},
    problem::{PROBLEM_JSON, ProblemBody},
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// The document.
pub fn document(operations: &[Operation], version: &str) -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<ProblemBody>();
    let mut paths = Map::new();
    for operation in operations {
        let described = describe(operation, &mut generator, &json!(problem));
        let path = paths
            .entry(operation.whole_path())
            .or_insert_with(|| json!({}));
        path[operation.method.name().to_ascii_lowercase()] = described;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "bureaucrat",
            "version": version,
            "description": "What the command line does, over HTTP. Times are milliseconds since the Unix epoch.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    })
}

fn describe(operation: &Operation, generator: &mut SchemaGenerator, problem: &Value) -> Value {
    let mut responses = Map::new();
    let mut success = json!({"description": "It is done."});
    if let Some((content_type, schema)) = operation.answer {
        success["content"] = json!({content_type: {"schema": schema(generator)}});
        if let Some(also) = operation.answer_also {
            success["content"][also] = json!({"schema": {"type": "string"}});
        }
        success["description"] = json!("The answer.");
    }
    responses.insert(operation.status.to_string(), success);
    responses.insert(
        "default".to_owned(),
        json!({
            "description": "A problem, RFC 9457: `code` says what happened.",
            "content": {PROBLEM_JSON: {"schema": problem}},
        }),
    );
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "description": needs(operation.access),
        "tags": [tag(operation)],
        "responses": responses,
        "security": match operation.access {
            Access::Open => json!([]),
            Access::Needs(..) => json!([{"token": []}]),
        },
    });
    let parameters = parameters(operation, generator);
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    let content_type = match operation.body {
        BodyKind::None => return described,
        BodyKind::Json => "application/json",
        BodyKind::Raw(content_type) => content_type,
    };
    let schema = match operation.body {
        BodyKind::Json => json!((operation.body_schema)(generator)),
        BodyKind::None | BodyKind::Raw(_) => json!({"type": "string"}),
    };
    described["requestBody"] = json!({
        "required": true,
        "content": {content_type: {"schema": schema}},
    });
    described
}

fn needs(access: Access) -> String {
    match access {
        Access::Open => "Needs no token.".to_owned(),
        Access::Needs(role, Reach::Processes) => format!("Needs the role `{}`.", role.name()),
        Access::Needs(role, Reach::Engine) => {
            format!(
                "Needs the role `{}`, and a token that is not for one user.",
                role.name()
            )
        }
    }
}

/// The first part of its path, by which operations are grouped.
pub fn tag(operation: &Operation) -> &'static str {
    let mut parts = operation.path.split('/').filter(|part| !part.is_empty());
    parts.next().unwrap_or_default()
}

fn parameters(operation: &Operation, generator: &mut SchemaGenerator) -> Vec<Value> {
    let schema = (operation.parameters)(generator);
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let mut parameters: Vec<Value> = properties
        .unwrap_or(&none)
        .iter()
        .map(|(name, property)| {
            let is_in_path = operation.path.contains(&format!("{{{name}}}"));
            let is_required = required.is_some_and(|names| names.iter().any(|other| other == name));
            let mut property = property.clone();
            let description = property.as_object_mut();
            let description = description.and_then(|schema| schema.remove("description"));
            without_null(&mut property);
            let mut parameter = json!({
                "name": name,
                "in": if is_in_path { "path" } else { "query" },
                "required": is_in_path || is_required,
                "schema": property,
            });
            if let Some(description) = description {
                parameter["description"] = description;
            }
            parameter
        })
        .collect();
    if operation.is_idempotent {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "A text that no other request has. A repeat with the same key and body \
                            within 24 hours takes no effect, and is answered like the first.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }));
    }
    parameters
}

/// A parameter that may be left out is never `null`.
fn without_null(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(variants)) = object.get_mut("anyOf") {
        variants.retain(|variant| variant.get("type") != Some(&json!("null")));
        if let [only] = &variants[..] {
            let only = only.clone();
            object.remove("anyOf");
            if let Value::Object(only) = only {
                object.extend(only);
            }
        }
    }
    object.retain(|name, value| name != "default" || !value.is_null());
}
