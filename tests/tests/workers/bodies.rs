//! Bodies in their wrappings, and messages in the wrong queue, on a host that is polled by hand.

use super::refused::refused;
use bureaucrat_host::{HostConfig, broker::Source};
use bureaucrat_store::MemoryStore;
use bureaucrat_tests::{
    polled::{Polled, sandbox},
    simulation::SimulatedClock,
};
use bureaucrat_wire::{HeaderValue, Outgoing, Properties};
use std::{process::Command, sync::Arc};

const ASKS: &str = r#"<process name="p"><action participant="p"/></process>"#;
const WAITS: &str = r#"<process name="p"><await event="paid"/></process>"#;

fn host() -> Polled {
    let clock = Arc::new(SimulatedClock::new(1_800_000_000_000));
    let store = Arc::new(MemoryStore::new());
    Polled::open(HostConfig::default(), store, clock, &sandbox().unwrap()).unwrap()
}

/// The wrappings that are taken: properties, and the body's bytes.
fn wrapped(text: &str) -> Vec<(&'static str, Properties, Vec<u8>)> {
    let encoded = |encoding: &str| Properties {
        content_encoding: Some(encoding.to_owned()),
        ..Properties::default()
    };
    let amqp_1_0 = Properties {
        kind: Some("amqp-1.0".to_owned()),
        ..Properties::default()
    };
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    let section = |start: &[u8]| [start, &length, text.as_bytes()].concat();
    let zlib = python("zlib.compress(text)", text);
    let kombu = Properties {
        headers: vec![(
            "compression".to_owned(),
            HeaderValue::Text("application/x-gzip".to_owned()),
        )],
        ..encoded("utf-8")
    };
    vec![
        ("as it is", Properties::default(), text.into()),
        ("mark", encoded("utf-8"), format!("\u{feff}{text}").into()),
        ("gzip", encoded("gzip"), python("gzip.compress(text)", text)),
        ("deflate", encoded("deflate"), zlib.clone()),
        ("kombu", kombu, zlib),
        (
            "a string of AMQP 1.0",
            amqp_1_0.clone(),
            section(b"\0\x53\x77\xb1"),
        ),
        (
            "a binary of AMQP 1.0",
            amqp_1_0.clone(),
            section(b"\0\x53\x77\xb0"),
        ),
        ("data of AMQP 1.0", amqp_1_0, section(b"\0\x53\x75\xb0")),
    ]
}

/// What Python makes of a text: another compressor than the one that is tested.
fn python(what: &str, text: &str) -> Vec<u8> {
    let program = std::env::var("BUREAUCRAT_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = "import gzip, sys, zlib; text = sys.argv[1].encode(); sys.stdout.buffer.write(";
    let output = Command::new(program)
        .args(["-c", &format!("{script}{what})"), text])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn ends(published: &[Outgoing]) -> Vec<&str> {
    let to = published
        .iter()
        .filter(|message| message.exchange == "bureaucrat.processes");
    to.map(|message| message.routing_key.as_str()).collect()
}

#[test]
fn wrapped_launches_answers_and_events_are_taken() {
    let mut host = host();
    for (name, properties, body) in wrapped(ASKS) {
        host.deliver_with(Source::Launches, properties, body);
        let task = host.settle().unwrap();
        let task = task
            .iter()
            .find(|message| message.routing_key == "worker_p");
        let task = task
            .unwrap_or_else(|| panic!("{name}: no task"))
            .body
            .clone();
        let answers = wrapped(std::str::from_utf8(&task).unwrap());
        let (_, properties, body) = answers.into_iter().find(|answer| answer.0 == name).unwrap();
        host.deliver_with(Source::Answers, properties, body);
        assert_eq!(ends(&host.settle().unwrap()), ["completed.p"], "{name}");
    }
    for (name, properties, body) in wrapped(r#"{"event": "paid"}"#) {
        host.deliver(Source::Launches, None, WAITS);
        host.settle().unwrap();
        host.deliver_with(Source::Events, properties, body);
        assert_eq!(ends(&host.settle().unwrap()), ["completed.p"], "{name}");
    }
}

#[test]
fn a_compressed_launch_counts_once_and_gets_its_reply() {
    let mut host = host();
    for launch in ["launched", ""] {
        let properties = Properties {
            content_encoding: Some("gzip".to_owned()),
            message_id: Some("one".to_owned()),
            reply_to: Some("/queues/my%20replies".to_owned()),
            ..Properties::default()
        };
        host.deliver_with(
            Source::Launches,
            properties,
            python("gzip.compress(text)", ASKS),
        );
        let published = host.settle().unwrap();
        let keys: Vec<&str> = published
            .iter()
            .map(|message| &*message.routing_key)
            .collect();
        assert!(keys.contains(&"my replies"), "{keys:?}");
        assert_eq!(keys.contains(&"worker_p"), launch == "launched", "{keys:?}");
    }
}

fn header<'a>(message: &'a Outgoing, name: &str) -> &'a str {
    let found = message
        .properties
        .headers
        .iter()
        .find(|(header, _)| header == name);
    match found {
        Some((_, HeaderValue::Text(text))) => text,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn what_is_wrong_with_a_message_is_said() {
    let mut host = host();
    for (source, properties, body, code, reason) in refused() {
        let reply_to = Some("replies".to_owned());
        host.deliver_with(
            source,
            Properties {
                reply_to,
                ..properties
            },
            body,
        );
        let published = host.settle().unwrap();
        let shown = String::from_utf8_lossy(body);
        let letter = published
            .iter()
            .find(|message| message.routing_key == "bureaucrat_dead");
        let letter = letter.unwrap_or_else(|| panic!("{shown}: no dead letter"));
        let said = header(letter, "bureaucrat-reason");
        assert_eq!(header(letter, "bureaucrat-code"), code, "{shown}: {said}");
        assert!(said.contains(reason), "{shown}: {said}");
        assert_eq!(letter.body, body, "{shown}");
        let replies = published
            .iter()
            .filter(|message| message.routing_key == "replies");
        let told: Vec<_> = replies
            .map(|reply| String::from_utf8_lossy(&reply.body))
            .collect();
        // Workers wait for no reply; a sender that took the queue of answers for another one does.
        let is_told = source != Source::Answers || code == "wire.misplaced";
        assert_eq!(told.len(), usize::from(is_told), "{shown}: {told:?}");
        assert!(
            told.iter().all(|reply| reply.contains("rejected")),
            "{told:?}"
        );
    }
}

#[test]
fn whoever_waits_for_an_answer_that_can_not_be_read_is_told() {
    let mut host = host();
    let encoded = |encoding: &str| Properties {
        content_encoding: Some(encoding.to_owned()),
        ..Properties::default()
    };
    let large = "gzip.compress(text.replace(b'{}}', b'{\"a\": \"' + b' ' * (17 << 20) + b'\"}}'))";
    let cut = "gzip.compress(text + b' ' * 4000)[:-9]";
    let latin = "text.replace(b'{}}', b'{\"a\": \"\\xfc\"}}')";
    for (encoding, how) in [("gzip", large), ("gzip", cut), ("latin-1", latin)] {
        host.deliver(Source::Launches, None, ASKS);
        let published = host.settle().unwrap();
        let task = published
            .iter()
            .find(|message| message.routing_key == "worker_p")
            .unwrap();
        let answer = python(how, std::str::from_utf8(&task.body).unwrap());
        host.deliver_with(Source::Answers, encoded(encoding), answer);
        let published = host.settle().unwrap();
        assert_eq!(ends(&published), ["failed.p"], "{how}");
        let notice = published
            .iter()
            .find(|message| message.routing_key == "failed.p")
            .unwrap();
        let said = String::from_utf8_lossy(&notice.body);
        assert!(
            said.contains("BadAnswer") && said.contains("content_encoding is"),
            "{said}"
        );
    }
}

#[test]
fn a_body_that_unpacks_to_too_much_is_refused_and_nothing_waits_behind_it() {
    let mut host = host();
    let encoding = || Properties {
        content_encoding: Some("gzip".to_owned()),
        ..Properties::default()
    };
    let bomb = python("gzip.compress(b' ' * (17 << 20))", "");
    for source in [Source::Launches, Source::Answers, Source::Events] {
        host.deliver_with(source, encoding(), &bomb);
        host.deliver(Source::Launches, None, ASKS);
        let published = host.settle().unwrap();
        let letter = published
            .iter()
            .find(|message| message.routing_key == "bureaucrat_dead");
        let said = header(letter.unwrap(), "bureaucrat-reason");
        assert!(
            said.contains("the body decompresses to more than the limit of"),
            "{said}"
        );
        assert!(
            published
                .iter()
                .any(|message| message.routing_key == "worker_p")
        );
    }
}
