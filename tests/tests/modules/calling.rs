//! Calls that a restart interrupts.

use crate::rig::Hosted;
use bureaucrat_host::broker::Source;
use bureaucrat_store::Table;
use bureaucrat_wire::Properties;

const POLICY: &str = "[default]\nlaunches = true\ncalls = true\n[users.alice]\n";

/// What a definition may use depends on whose it is.
#[test]
fn a_call_that_a_restart_interrupts_is_compiled_for_the_user_of_its_caller() {
    let mut hosted = Hosted::new(Some(POLICY));
    let body = r#"<process><context><property name="definition" type="str">
        &lt;process>&lt;assign property="n">1&lt;/assign>&lt;/process>
        </property></context><call process="$definition"/></process>"#;
    let properties = Properties {
        user_id: Some("alice".to_owned()),
        ..Properties::default()
    };
    hosted
        .host()
        .deliver_with(Source::Launches, properties, body);
    // The call's row is durable, and its definition is not compiled.
    for _ in 0..20 {
        if hosted.rows(Table::Outbox).is_empty() {
            hosted.host().jobs();
            hosted.host().turn().unwrap();
        }
    }
    hosted.restart_at_once();
    assert_eq!(hosted.host().users_of_jobs(), [Some("alice".to_owned())]);
    hosted.host().settle().unwrap();
    let ended = hosted.rows(Table::Instances).len();
    assert_eq!(ended, 2, "the caller and the called process");
    hosted.is_clean();
}
