//! Tasks, replies, dead letters and launches: contents, and laws for any fields and bodies.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

use bureaucrat_model::{
    ActivityPath, Answer, Fault, FaultCode, Fields, HistoryHead, JsonText, Millis, ProcessId,
    ReplyTo, Timestamp, Turn, Way,
};
use bureaucrat_wire::{
    Address, EventRequest, HeaderValue, Mandatory, MergeError, ORIGINAL_BYTES_MAX,
    ParticipantError, Properties, Reply, Report, Results, Routes, Task, Unreadable, Via,
    WireLimits, dead_letter, decode_answer, decode_event, decode_reply, event, launch,
    merge_fields, notice, reply, routing_key_fits, task,
};
use proptest::prelude::*;

const PID: &str = "0190b6a8-7c3e-8a12-9f00-0123456789ab";

fn pid() -> ProcessId {
    PID.parse().unwrap()
}

fn sent(via: Via, participant: &str, fields: &Fields) -> bureaucrat_wire::Outgoing {
    task(
        &Routes::new(via, Vec::new()),
        &Task {
            process: pid(),
            path: &ActivityPath(vec![0, 1]),
            turn: Turn(7),
            participant,
            way: &Way::default(),
            fields,
            expires: None,
            results: &Results::default(),
        },
    )
}

fn body(message: &bureaucrat_wire::Outgoing) -> &str {
    std::str::from_utf8(&message.body).unwrap()
}

#[test]
fn a_workitem_looks_as_the_original_wrote_it() {
    let fields = Fields::parse(r#"{"a": 1.50}"#).unwrap();
    let message = sent(Via::Taskqueue, "check", &fields);
    assert_eq!(
        body(&message).replace(PID, "PID"),
        r#"{"header": {"message": "response", "target": "PID_0_1", "origin": "PID_0_1~7"}, "fields": {"a": 1.50}}"#
    );
    assert_eq!(
        (message.exchange.as_str(), message.routing_key.as_str()),
        ("", "worker_check")
    );
    assert_eq!(message.mandatory, Mandatory::Yes);
    assert_eq!(
        message.properties,
        Properties {
            content_type: Some("application/x-bureaucrat-workitem".into()),
            message_id: Some(format!("{PID}_0_1~7")),
            delivery_mode: Some(2),
            ..Properties::default()
        }
    );
}

#[test]
fn a_message_carries_status_done() {
    let fields = Fields::parse(r#"{"a": 1}"#).unwrap();
    let message = sent(Via::Message, "check", &fields);
    assert_eq!(
        body(&message).replace(PID, "PID"),
        r#"{"name": "response", "target": "PID_0_1", "origin": "PID_0_1~7", "payload": {"a": 1, "status": "done"}}"#
    );
    assert_eq!(
        message.properties.content_type.as_deref(),
        Some("application/x-bureaucrat-message")
    );
}

#[test]
fn participants_have_to_fit_into_a_routing_key() {
    let check =
        |via, participant: &str| routing_key_fits(&Routes::new(via, vec![]), participant, None);
    assert_eq!(check(Via::Taskqueue, &"x".repeat(248)), Ok(()));
    assert_eq!(
        check(Via::Taskqueue, &"x".repeat(249)),
        Err(ParticipantError::TooLong { bytes: 256 })
    );
    assert_eq!(check(Via::CeleryWorkitem, &"x".repeat(400)), Ok(()));
    assert_eq!(
        check(Via::CeleryMessage, ".tasks"),
        Err(ParticipantError::NoExchange)
    );
    assert_eq!(check(Via::Taskqueue, ""), Err(ParticipantError::Empty));
}

#[test]
fn replies_read_back() {
    let to = ReplyTo {
        queue: "amq.gen-1".into(),
        correlation_id: Some("c".into()),
    };
    let limits = WireLimits::default();
    let read = |process, report| decode_reply(&reply(&to, process, report).body, &limits).unwrap();
    assert_eq!(
        read(Some(pid()), Report::Launched),
        Reply::Launched { process: pid() }
    );
    let history = HistoryHead::EMPTY;
    let reasons = ["a \"b\"".to_owned(), "c".to_owned()];
    assert_eq!(
        read(None, Report::Rejected { reasons: &reasons }),
        Reply::Rejected {
            reasons: reasons.to_vec()
        }
    );
    let fields = Fields::parse(r#"{"a": 1.0}"#).unwrap();
    assert_eq!(
        read(
            Some(pid()),
            Report::Completed {
                fields: &fields,
                history
            }
        ),
        Reply::Completed {
            process: pid(),
            fields: fields.clone()
        }
    );
    let fault = Fault {
        code: FaultCode::new("KeyError"),
        message: "'x'".into(),
        activity: ActivityPath(vec![0, 2]),
        line: 4,
        data: None,
        source: bureaucrat_model::FaultSource::Other,
    };
    assert_eq!(
        read(
            Some(pid()),
            Report::Failed {
                fault: &fault,
                history
            }
        ),
        Reply::Failed {
            process: pid(),
            code: "KeyError".into(),
            message: "'x'".into(),
            activity: format!("{PID}_0_2"),
            line: 4,
            data: None,
        }
    );
    let message = reply(&to, Some(pid()), Report::Launched);
    assert_eq!(message.routing_key, "amq.gen-1");
    assert_eq!(message.properties.correlation_id.as_deref(), Some("c"));
    assert_eq!(
        body(&message),
        format!(r#"{{"status": "launched", "process": "{PID}"}}"#)
    );
    assert!(decode_reply(b"{\"status\": \"gone\"}", &limits).is_err());
}

#[test]
fn notices_have_the_status_and_the_name_as_their_key() {
    let named = notice(
        "bureaucrat.processes",
        Some(pid()),
        "order",
        Report::Launched,
    );
    assert_eq!(
        (named.exchange.as_str(), named.routing_key.as_str()),
        ("bureaucrat.processes", "launched.order")
    );
    assert_eq!(named.mandatory, Mandatory::No);
    assert_eq!(
        notice("x", None, "", Report::Launched).routing_key,
        "launched"
    );
    let long = notice("x", None, &"ü".repeat(300), Report::Launched).routing_key;
    assert!(long.len() <= 255 && long.len() > 250);
}

#[test]
fn a_dead_letter_keeps_everything_as_data_and_nothing_as_properties() {
    let properties = Properties {
        user_id: Some("guest".into()),
        expiration: Some("1".into()),
        content_type: Some("text/plain".into()),
        headers: vec![(
            "CC".into(),
            HeaderValue::List(vec![HeaderValue::Text("bureaucrat".into())]),
        )],
        ..Properties::default()
    };
    let letter = dead_letter(
        "bureaucrat_dead",
        "bureaucrat",
        "it is not XML",
        "xml.syntax",
        Timestamp(0),
        &properties,
        vec![0xff],
    );
    assert_eq!(letter.body, [0xff]);
    assert_eq!(
        (
            letter.properties.user_id.as_ref(),
            letter.properties.expiration.as_ref()
        ),
        (None, None)
    );
    let header = |name: &str| match letter
        .properties
        .headers
        .iter()
        .find(|(found, _)| found == name)
    {
        Some((_, HeaderValue::Text(text))) => text.clone(),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(header("bureaucrat-reason"), "it is not XML");
    assert_eq!(header("bureaucrat-code"), "xml.syntax");
    assert_eq!(header("bureaucrat-queue"), "bureaucrat");
    assert_eq!(header("bureaucrat-time"), "1970-01-01T00:00:00.000Z");
    assert_eq!(
        header("bureaucrat-original"),
        r#"{"content_type":"text/plain","expiration":"1","user_id":"guest","headers":{"CC":["bureaucrat"]}}"#
    );
}

#[test]
fn a_dead_letters_header_is_bounded() {
    for (name, value) in [
        ("a".repeat(200), "\u{1}".repeat(100_000)),
        ("x".to_owned(), "y".repeat(ORIGINAL_BYTES_MAX)),
    ] {
        let properties = Properties {
            headers: (0..300)
                .map(|_| (name.clone(), HeaderValue::Text(value.clone())))
                .collect(),
            ..Properties::default()
        };
        let letter = dead_letter(
            "d",
            "q",
            &"r".repeat(1 << 20),
            "c",
            Timestamp(0),
            &properties,
            vec![],
        );
        let size: usize = letter
            .properties
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.to_json().to_string().len())
            .sum();
        assert!(size < 80_000, "{size}");
    }
}

#[test]
fn events_name_themselves() {
    let limits = WireLimits::default();
    let message = decode_event(br#" {"event": "paid", "n": 1.0} "#, &limits).unwrap();
    assert_eq!(
        (message.name.as_str(), message.event.as_str()),
        ("paid", r#"{"event": "paid", "n": 1.0}"#)
    );
    for (body, code) in [
        (&b"{}"[..], "wire.no-event-name"),
        (br#"{"event": null}"#, "wire.no-event-name"),
        (br#"{"event": ""}"#, "wire.no-event-name"),
        (br#"{"event": 5}"#, "wire.wrong-type"),
        (b"[]", "wire.not-object"),
        (b"", "wire.not-json"),
        (br#"{"event": "a", "n": 01}"#, "wire.not-json"),
        (br#"{"event": "a", "n": NaN}"#, "wire.not-json"),
        (b"{\"event\": \"\xff\"}", "wire.not-utf8"),
    ] {
        assert_eq!(
            decode_event(body, &limits).unwrap_err().code(),
            code,
            "{}",
            body.escape_ascii()
        );
    }
    let long = format!(r#"{{"event": "{}"}}"#, "x".repeat(256));
    assert!(matches!(
        decode_event(long.as_bytes(), &limits),
        Err(Unreadable::NameTooLong { .. })
    ));
    let deep = format!(
        r#"{{"event": "a", "d": {}{}}}"#,
        "[".repeat(100),
        "]".repeat(100)
    );
    assert!(matches!(
        decode_event(deep.as_bytes(), &limits),
        Err(Unreadable::TooDeep { limit: 100 })
    ));
}

#[test]
fn what_a_client_publishes() {
    let address = Address {
        exchange: String::new(),
        routing_key: "bureaucrat_events".into(),
    };
    let fields = Fields::parse(r#"{"event": "other", "n": 1}"#).unwrap();
    let request = EventRequest {
        key: Some("A-17".into()),
        keep: Some(Millis(90_500)),
        process: Some(ProcessId::from_bytes([7; 16])),
        ..EventRequest::new("paid", &fields)
    };
    let message = event(&address, &request, "m0", None);
    let read = decode_event(&message.body, &WireLimits::default()).unwrap();
    assert_eq!(read.name, "paid");
    assert_eq!(
        (read.key, read.keep, read.process),
        (request.key, request.keep, request.process)
    );

    let message = event(&address, &EventRequest::new("paid", &fields), "m1", None);
    assert_eq!(body(&message), r#"{"event": "paid", "n": 1}"#);
    assert_eq!(message.properties.message_id.as_deref(), Some("m1"));
    let message = launch(&address, "<process/>", "m2", Some("q"), Some("c"));
    assert_eq!(body(&message), "<process/>");
    assert_eq!(message.properties.reply_to.as_deref(), Some("q"));
}

#[test]
fn fields_are_merged_over_the_context() {
    let merge =
        |definition: &str, fields: &str| merge_fields(definition, &Fields::parse(fields).unwrap());
    for (definition, fields, merged) in [
        ("<process/>", "{}", "<process/>"),
        (
            "<?xml version=\"1.0\"?>\n<process name='a>b' />",
            r#"{"n": 5}"#,
            "<?xml version=\"1.0\"?>\n<process name='a>b'><context><property name=\"n\" type=\"int\">5</property></context></process>",
        ),
        (
            "<process>\n  <sequence/>\n  <context>\n    <property name=\"a\" type=\"int\">1</property>\n    <property name=\"b&amp;c\" type=\"bool\">0</property><property name='d' type='str'/></context>\n</process>",
            r#"{"b&c": true, "e": 1.50, "f": "x < y", "g": [1, "<"], "h": null}"#,
            "<process>\n  <sequence/>\n  <context>\n    <property name=\"a\" type=\"int\">1</property>\n    <property name='d' type='str'/><property name=\"b&amp;c\" type=\"bool\">1</property><property name=\"e\" type=\"float\">1.50</property><property name=\"f\" type=\"str\">x &lt; y</property><property name=\"g\" type=\"json\">[1, \"&lt;\"]</property><property name=\"h\" type=\"json\">null</property></context>\n</process>",
        ),
        (
            "<process><context\n/><context><property name='a'\n type='str'>1</property></context></process>",
            r#"{"a": "b"}"#,
            "<process><context><property name=\"a\" type=\"str\">b</property></context><context>\n</context></process>",
        ),
        (
            "<process><sequence><context/></sequence></process>",
            r#"{"s": " padded", "c": "\u0001\r", "i": 99999999999999999999}"#,
            "<process><context><property name=\"s\" type=\"json\">\" padded\"</property><property name=\"c\" type=\"json\">\"\\u0001\\r\"</property><property name=\"i\" type=\"json\">99999999999999999999</property></context><sequence><context/></sequence></process>",
        ),
    ] {
        assert_eq!(merge(definition, fields).as_deref(), Ok(merged));
    }
    assert_eq!(merge("no xml", r#"{"a": 1}"#), Err(MergeError::NoProcess));
    assert!(matches!(
        merge("<process><a", r#"{"a": 1}"#),
        Err(MergeError::NotXml(_))
    ));
    assert!(matches!(
        merge("<process>", r#"{"a": 1}"#),
        Err(MergeError::NotXml(_))
    ));
    assert!(matches!(
        merge("<process/>", r#"{"\u0000": 1}"#),
        Err(MergeError::Name(_))
    ));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(|float| serde_json::json!(float)),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::vec((any::<String>(), json()), 0..6).prop_map(|entries| {
        entries
            .into_iter()
            .map(|(name, value)| (name, JsonText::of(&value)))
            .collect()
    })
}

proptest! {
    #[test]
    fn a_task_sent_back_as_it_came_is_its_answer(fields in fields()) {
        let limits = WireLimits::default();
        let message = sent(Via::Taskqueue, "p", &fields);
        let answer = decode_answer(&message.body, &limits).unwrap();
        prop_assert_eq!(answer.target.to_string(), format!("{PID}_0_1"));
        prop_assert_eq!(answer.turn, Some(Turn(7)));
        prop_assert_eq!(answer.answer, Answer::Replace(fields.clone()));
        let message = sent(Via::Message, "p", &fields);
        let mut update = fields;
        update.remove("status");
        prop_assert_eq!(decode_answer(&message.body, &limits).unwrap().answer, Answer::Update(update));
    }

    #[test]
    fn whatever_comes_is_decoded_or_refused(body in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}:,\"a0\\\\u d8-]{0,60}") {
        let limits = WireLimits { depth: 5, body_bytes: 150, ..WireLimits::default() };
        for body in [&body, text.as_bytes()] {
            let _ = decode_answer(body, &limits);
            let _ = decode_event(body, &limits);
            let _ = decode_reply(body, &limits);
        }
    }

    #[test]
    fn merged_fields_stay_xml_and_are_all_there(fields in fields()) {
        let writable = |name: &str| name.chars().all(|c| !c.is_control() && c != '\u{fffe}' && c != '\u{ffff}');
        match merge_fields("<process><sequence/></process>", &fields) {
            Ok(merged) => {
                let mut reader = quick_xml::Reader::from_str(&merged);
                let mut properties = 0;
                loop {
                    match reader.read_event().unwrap() {
                        quick_xml::events::Event::Eof => break,
                        quick_xml::events::Event::Start(tag) if tag.name().as_ref() == "property" => properties += 1,
                        _ => {}
                    }
                }
                prop_assert_eq!(properties, fields.len());
            }
            Err(error) => prop_assert!(fields.iter().any(|(name, _)| !writable(name)), "{}", error),
        }
    }
}
