//! Literals among the arguments of a call are values that nothing computes: they count as no
//! expression.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use bureaucrat_definition::{Limits, compile};
use bureaucrat_model::{Op, Program};

fn program(definition: &str) -> Program {
    let compiled = compile(definition.as_bytes(), &Limits::default());
    compiled.unwrap_or_else(|found| panic!("{found:?}")).program
}

fn constants(program: &Program) -> Vec<&str> {
    let mut values = Vec::new();
    for op in &program.ops {
        if let Op::Constant { value } = op {
            values.push(value.as_str());
        }
    }
    values
}

#[test]
fn arguments_of_calls_may_be_literals() {
    let program = program(
        r#"<process>
          <context><property name="n" type="json">0</property></context>
          <action participant="shop.a" via="celery" queue="shop">
            <arg>5</arg><arg>context["n"]</arg><arg> "tea &amp; \"cake\"" </arg>
            <kwarg name="k">{"a": [1.50, None, True]}</kwarg><kwarg name="l">1 + 1</kwarg>
          </action>
          <action participant="p"><in name="i">-7</in></action>
          <assign property="n">1</assign>
        </process>"#,
    );
    let texts: Vec<&str> = program
        .conditions
        .iter()
        .map(|found| &*found.text)
        .collect();
    assert_eq!(texts, [r#"context["n"]"#, "1 + 1", "-7", "1"]);
    assert_eq!(
        constants(&program),
        ["5", r#""tea & \"cake\"""#, r#"{"a": [1.5, null, true]}"#]
    );
}

#[test]
fn literals_count_as_no_expressions() {
    let action = r#"<action participant="shop.a" via="celery"><arg>1</arg><kwarg name="k">"x"</kwarg></action>"#;
    let many = program(&format!("<process>{}</process>", action.repeat(5_000)));
    assert_eq!(constants(&many).len(), 10_000);
    assert!(many.conditions.is_empty() && many.inline_guest.is_empty());
}

#[test]
fn the_literals_of_one_activity_are_bounded() {
    let call = |args: usize| {
        let args = "<arg>1</arg>".repeat(args);
        format!(r#"<process><action participant="shop.a" via="celery">{args}</action></process>"#)
    };
    let some = program(&call(1_500));
    assert_eq!(
        (constants(&some).len(), some.conditions.len()),
        (1_000, 500)
    );
    let found = compile(call(2_001).as_bytes(), &Limits::default()).unwrap_err();
    let [problem] = &*found else {
        panic!("{found:?}");
    };
    assert_eq!(
        problem.kind.to_string(),
        "more than 1000 conditions and computed values; of `arg` and `kwarg`, literals such as `5` do not count"
    );
}
