//! Definitions by name and version on the real engine and over the real broker, as an operator and
//! a client see them.

use anyhow::Result;
use bureaucrat_tests::operating::Operated;
use serde_json::{Value, json};

/// Ends at once, with its version in a field.
fn text(version: u32) -> String {
    format!(
        r#"<process name="order"><context><property name="amount" type="int">1</property></context>
  <assign property="version">{version}</assign></process>
"#
    )
}

#[test]
fn a_definition_is_deployed_launched_by_name_and_retired() -> Result<()> {
    let mut operated = Operated::new("dep-cli", &[])?;
    operated.start()?;
    let file = operated.path("order.xml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, text(1))?;
    assert_eq!(
        operated.leaves_with(0, &["deploy", path])?.trim(),
        "order@1"
    );
    let again = operated.json(0, &["deploy", "--json", path])?;
    assert_eq!(
        (&again["outcome"], &again["version"]),
        (&json!("unchanged"), &json!(1))
    );
    std::fs::write(&file, text(2))?;
    let second = operated.json(0, &["deploy", "--json", path])?;
    assert_eq!(
        (&second["outcome"], &second["newest"]),
        (&json!("new"), &json!(2))
    );

    let launched = |process: &str, more: &[&str]| -> Result<Value> {
        let fixed = ["launch", process, "--wait", "--timeout", "60"];
        operated.json(0, &[&fixed[..], more].concat())
    };
    assert_eq!(launched("order", &[])?, json!({"amount": 1, "version": 2}));
    let fields = launched("order@1", &["--field", "amount=7"])?;
    assert_eq!(fields, json!({"amount": 7, "version": 1}));

    let listed = operated.json(0, &["definitions", "list", "--json"])?;
    let (names, owner) = (&listed["name"], &listed["by"]);
    assert_eq!((names, owner), (&json!("order"), &json!("operator")));
    assert_eq!(
        (&listed["newest"], &listed["versions"]),
        (&json!(2), &json!(2))
    );
    let shown = operated.json(0, &["definitions", "show", "--json", "order@1"])?;
    assert_eq!(shown["source"], text(1));
    assert_eq!(shown["versions"][0]["hash"], again["hash"]);
    let source = operated.leaves_with(0, &["definitions", "show", "--source", "order"])?;
    assert_eq!(source, text(2));
    assert!(
        operated
            .leaves_with(0, &["definitions", "show", "order"])?
            .contains("(operator)")
    );

    let retired = operated.json(0, &["definitions", "retire", "--json", "order@2"])?;
    assert_eq!(
        retired,
        json!({"name": "order", "retired": [2], "newest": 1})
    );
    assert_eq!(launched("order", &[])?["version"], 1);
    operated.end()?;
    operated.start()?;
    let refused = operated.leaves_with(1, &["launch", "order@2"])?;
    assert!(
        refused.contains("version 2 of `order` is retired; its newest is 1"),
        "{refused}"
    );
    operated.end()?;
    operated.is_clean(&operated.engine.storage())
}

#[test]
fn mistakes_with_definitions_are_told() -> Result<()> {
    let mut operated = Operated::new("dep-bad", &[])?;
    operated.start()?;
    let file = operated.path("order.xml");
    let path = file.to_str().unwrap();
    std::fs::write(&file, text(1))?;
    operated.leaves_with(0, &["deploy", path])?;
    let nameless = operated.path("nameless.xml");
    std::fs::write(&nameless, "<process/>")?;
    let nameless = nameless.to_str().unwrap();
    for (arguments, said) in [
        (
            vec!["deploy", nameless],
            "refused: a definition that is deployed needs a name",
        ),
        (vec!["deploy", "nowhere.xml"], "nowhere.xml does not exist"),
        (
            vec!["launch", "ordr"],
            "rejected: no definition `ordr` is deployed here; did you mean `order`?",
        ),
        (
            vec!["launch", "order@7"],
            "rejected: `order` has no version 7; its newest is 1",
        ),
        (vec!["launch", "nowhere.xml"], "nowhere.xml does not exist"),
        (
            vec!["definitions", "show", "ordr"],
            "no definition `ordr` is deployed here",
        ),
        (
            vec!["definitions", "show", "order@7"],
            "`order` has no version 7; its newest is 1",
        ),
        (
            vec!["definitions", "retire", "ordr"],
            "no definition `ordr` is deployed here; did you mean `order`?",
        ),
    ] {
        let told = operated.leaves_with(1, &arguments)?;
        assert!(told.contains(said), "{arguments:?}: {told}");
    }
    let usage = operated.leaves_with(2, &["definitions", "show", "or der"])?;
    assert!(usage.contains("it contains ' '"), "{usage}");
    operated.end()
}
