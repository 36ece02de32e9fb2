//! Frames through the filter, in any pieces.
#![allow(clippy::unwrap_used)]
use super::{super::properties::DEPTH_MAX, *};
use bureaucrat_wire::UNREADABLE_HEADER;
use proptest::prelude::*;

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![kind, 0, 1];
    frame.extend_from_slice(&length(payload));
    frame.extend_from_slice(payload);
    frame.push(FRAME_END);
    frame
}

fn header(flags: u16, properties: &[u8]) -> Vec<u8> {
    let mut payload = vec![0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    payload.extend_from_slice(&flags.to_be_bytes());
    payload.extend_from_slice(properties);
    frame(CONTENT_HEADER, &payload)
}

fn table(content: &[u8]) -> Vec<u8> {
    [&length(content)[..], content].concat()
}

/// Nested tables, `depth` levels.
fn nested(kind: u8, depth: usize) -> Vec<u8> {
    let entry = if kind == b'F' { 6 } else { 5 };
    let mut content = b"\x01a".to_vec();
    for left in (0..depth).rev() {
        content.push(kind);
        content.extend_from_slice(&u32::try_from(left * entry).unwrap().to_be_bytes());
        if kind == b'F' && left > 0 {
            content.push(0);
        }
    }
    table(&content)
}

fn through(frame_max: u32, bytes: &[u8], piece: usize) -> Vec<u8> {
    let mut filter = Filter::new(frame_max);
    let mut out = Vec::new();
    let mut buffer = [0; 7];
    for piece in bytes.chunks(piece) {
        filter.feed(piece);
        while let Some(count) = filter.read(&mut buffer) {
            out.extend_from_slice(&buffer[..count]);
        }
    }
    out
}

/// The result for one frame, however it was cut.
fn repaired(frame: &[u8]) -> Vec<u8> {
    let whole = through(131_072, frame, usize::MAX);
    assert_eq!(through(131_072, frame, 1), whole);
    assert_eq!(
        scan(&whole[PREFIX..whole.len() - 1]),
        Ok(()),
        "lapin can read it"
    );
    whole
}

fn is_replaced(frame: &[u8]) -> bool {
    repaired(frame)
        .windows(UNREADABLE_HEADER.len())
        .any(|part| part == UNREADABLE_HEADER.as_bytes())
}

#[test]
fn what_lapin_reads_goes_through_as_it_came() {
    let values: [&[u8]; 18] = [
        b"t\x01",
        b"b\0",
        b"B\0",
        b"s\0\0",
        b"U\0\0",
        b"u\0\0",
        b"I\0\0\0\0",
        b"i\0\0\0\0",
        b"f\0\0\0\0",
        b"D\x02\0\0\0\x01",
        b"L\0\0\0\0\0\0\0\0",
        b"l\0\0\0\0\0\0\0\0",
        b"d\0\0\0\0\0\0\0\0",
        b"T\0\0\0\0\0\0\0\0",
        b"S\0\0\0\x02\xff\xfe",
        b"x\0\0\0\0",
        b"V",
        b"A\0\0\0\x02VV",
    ];
    let content: Vec<u8> = values
        .iter()
        .flat_map(|value| [b"\x01n", *value].concat())
        .collect();
    let frame_in = header(1 << 13, &table(&content));
    assert_eq!(repaired(&frame_in), frame_in);
    // Every property at once.
    let mut properties = Vec::new();
    for bit in (2..16).rev() {
        match bit {
            13 => properties.extend_from_slice(&table(b"")),
            11 | 12 => properties.push(2),
            6 => properties.extend_from_slice(&[0; 8]),
            _ => properties.extend_from_slice("\x02ü".as_bytes()),
        }
    }
    let frame_in = header(0xfffc, &properties);
    assert_eq!(repaired(&frame_in), frame_in);
    let deepest = header(1 << 13, &nested(b'F', DEPTH_MAX - 1));
    assert_eq!(repaired(&deepest), deepest);
}

#[test]
fn what_lapin_can_not_read_is_replaced() {
    let bad = [
        header(1 << 13, &nested(b'F', DEPTH_MAX)),
        header(1 << 13, &nested(b'F', 20_000)),
        header(1 << 13, &nested(b'A', 25_000)),
        header(1 << 13, &table(b"\x02\xff\xfet\x01")),
        header(1 << 13, &table(b"\x01a?")),
        header(1 << 13, &table(b"\x01aS\0\0\0\x09x")),
        header(1 << 13, &table(b"\x01aF\xff\xff\xff\xff")),
        header(1 << 13, &table(&b"\0V".repeat(4_097))),
        header(1 << 7, b"\x02\xff\xfe"),
        header(1 << 15, b"\x05ab"),
        header(0, b"left over"),
        header(1, b""),
        frame(CONTENT_HEADER, b"short"),
        header(
            1 << 13,
            &table(&[&b"\x01aS"[..], &table(&vec![b'x'; 140_000])].concat()),
        ),
        header(
            1 << 13,
            &table(&[&b"\x01aS"[..], &table(&vec![b'x'; 2_000_000])].concat()),
        ),
    ];
    for frame in bad {
        assert!(is_replaced(&frame), "{:?}", &frame[..frame.len().min(60)]);
        assert!(repaired(&frame).len() <= 131_072);
    }
}

#[test]
fn a_replaced_frame_fits_into_the_frames_that_the_broker_offered() {
    let tune = frame(METHOD, &[&TUNE[..], &[7, 255, 0, 0, 16, 0, 0, 60]].concat());
    let large = header(
        1 << 13,
        &table(&[&b"\x01aS"[..], &table(&[b'x'; 5_000])].concat()),
    );
    let out = through(131_072, &[tune.clone(), large].concat(), 100);
    assert_eq!(out[..tune.len()], tune);
    let repaired = &out[tune.len()..];
    assert!(repaired.len() <= 4_096, "{}", repaired.len());
    assert_eq!(scan(&repaired[PREFIX..repaired.len() - 1]), Ok(()));
}

#[test]
fn names_of_a_delivery_become_utf_8() {
    let deliver = |key: &[u8]| {
        let arguments = [&b"\x03tag\0\0\0\0\0\0\0\x01\0\x01x"[..], key].concat();
        frame(METHOD, &[&DELIVER[..], &arguments].concat())
    };
    assert_eq!(
        through(0, &deliver(b"\x04a\xff\xfeb"), 3),
        deliver(b"\x04a??b")
    );
    let good = deliver("\x04üü".as_bytes());
    assert_eq!(through(0, &good, 3), good);
}

#[test]
fn bodies_and_what_is_no_amqp_go_through() {
    let body = frame(BODY, &vec![0xce; 300_000]);
    let beat = frame(HEARTBEAT, b"");
    let bytes = [body, beat].concat();
    assert_eq!(through(131_072, &bytes, 70_000), bytes);
    assert_eq!(
        through(131_072, b"AMQP\0\0\x09\x01", 3),
        b"AMQP\0\0\x09\x01"
    );
}

proptest! {
    /// Whatever a publisher chooses, lapin gets frames that it can read, and the same ones however
    /// the bytes were cut.
    #[test]
    fn any_properties_come_out_readable(
        flags in any::<u16>(),
        properties in prop::collection::vec(prop_oneof![
            Just(0_u8), Just(1), Just(b'F'), Just(b'A'), Just(b'S'), any::<u8>()
        ], 0..200),
        piece in 1..50_usize,
    ) {
        let bytes = [header(flags, &properties), frame(HEARTBEAT, b"")].concat();
        let out = through(131_072, &bytes, piece);
        prop_assert_eq!(&out, &through(131_072, &bytes, usize::MAX));
        let (content, beat) = out.split_at(out.len() - 8);
        prop_assert_eq!(beat, &frame(HEARTBEAT, b"")[..]);
        prop_assert_eq!(scan(&content[PREFIX..content.len() - 1]), Ok(()));
    }
}
