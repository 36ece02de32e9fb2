//! Texts of ids, there and back.
#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn ids_parse_from_what_they_print() {
    let process = ProcessId::from_seed([7; 16]);
    assert_eq!(process.to_string().parse(), Ok(process));
    let activity = ActivityId {
        process,
        path: ActivityPath(vec![0, 11, ActivityPath::FAULTS, 2]),
    };
    assert_eq!(activity.to_string(), format!("{process}_0_11_faults_2"));
    assert_eq!(activity.to_string().parse(), Ok(activity.clone()));
    let origin = Origin {
        activity,
        turn: Some(Turn(3)),
    };
    assert_eq!(origin.to_string().parse(), Ok(origin));
    let hash = ModuleHash::of(b"abc");
    assert_eq!(hash.to_string().parse(), Ok(hash));
}

#[test]
fn one_thing_has_one_name() {
    let process = ProcessId::from_seed([0xab; 16]).to_string();
    for text in [
        process.to_uppercase(),
        process.replace('-', ""),
        format!("{{{process}}}"),
        format!("{process}_00"),
        format!("{process}_+1"),
        format!("{process}_4294967295"),
        format!("{process}_Faults"),
        format!("{process}_"),
        format!("{process}_0~01"),
        String::new(),
    ] {
        assert!(text.parse::<Origin>().is_err(), "{text}");
    }
}

#[test]
fn a_child_lives_on_its_callers_shard() {
    let process = ProcessId::from_seed([0xab; 16]);
    let child = process.child(&[1; 32], 0);
    assert_eq!(child.shard(), process.shard());
    assert_ne!(child, process.child(&[1; 32], 1));
    assert_ne!(child, process.child(&[2; 32], 0));
}

#[test]
fn records_hold_byte_strings_and_json_holds_text() {
    let process = ProcessId::from_bytes([7; 16]);
    let hash = ProgramHash([9; 32]);
    let record = rmp_serde::to_vec(&(process, hash)).unwrap();
    assert_eq!(record.len(), 1 + 2 + 16 + 2 + 32);
    let read: (ProcessId, ProgramHash) = rmp_serde::from_slice(&record).unwrap();
    assert_eq!(read, (process, hash));
    let json = serde_json::to_string(&(process, hash)).unwrap();
    assert_eq!(json, format!(r#"["{process}","{hash}"]"#));
    let read: (ProcessId, ProgramHash) = serde_json::from_str(&json).unwrap();
    assert_eq!(read, (process, hash));
    let numbers = rmp_serde::to_vec(&[7_u8; 16]).unwrap();
    assert!(rmp_serde::from_slice::<ProcessId>(&numbers).is_err());
    let short = rmp_serde::to_vec(serde_bytes::Bytes::new(&[7; 15])).unwrap();
    assert!(rmp_serde::from_slice::<ProcessId>(&short).is_err());
}
