//! Changes to inputs: bytes, ranges, tokens of the target's language, parts of other inputs, repetition.

use crate::random::Random;

/// The longest input that is made, in bytes. Long ones cost time and find little that the attack
/// catalogue does not.
pub const INPUT_MAX: usize = 16 << 10;

/// Bytes at which decoders branch: MessagePack's markers, LEB128's ends, UTF-8's, and those of
/// text.
const EDGES: [u8; 24] = [
    0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0xc0, 0xc4, 0xc6, 0xca, 0xcf, 0xd9, 0xdb, 0xdc, 0xdd, 0xdf,
    0xed, 0xf4, b'"', b'<', b'&', b'{', b'[', b'\\',
];

/// A changed copy of one of `seeds`; one to eight changes.
pub fn mutated(random: &mut Random, seeds: &[Vec<u8>], tokens: &[&str]) -> Vec<u8> {
    let mut input = random.one_of(seeds).cloned().unwrap_or_default();
    let changes = 1 + random.below(8).min(random.below(8));
    for _ in 0..changes {
        change(random, &mut input, seeds, tokens);
    }
    input.truncate(INPUT_MAX);
    input
}

fn change(random: &mut Random, input: &mut Vec<u8>, seeds: &[Vec<u8>], tokens: &[&str]) {
    let at = random.below(input.len() + 1);
    match random.below(12) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.bits() as u8;
            }
        }
        2 => {
            let edge = EDGES[random.below(EDGES.len())];
            if let Some(byte) = input.get_mut(at) {
                *byte = edge;
            }
        }
        3 => input.insert(at, EDGES[random.below(EDGES.len())]),
        4 => {
            let end = (at + 1 + random.below(16)).min(input.len());
            input.drain(at..end);
        }
        5..=7 => {
            if let Some(token) = random.one_of(tokens) {
                input.splice(at..at, token.bytes());
            }
        }
        8 => replaced_token(random, input, at, tokens),
        9 => {
            let end = (at + 1 + random.below(64)).min(input.len());
            let part = input[at..end].to_vec();
            let most = if random.below(16) == 0 { 300 } else { 4 };
            let count = 1 + random.below(most);
            let part = part.repeat(count.min(INPUT_MAX / part.len().max(1)));
            input.splice(at..at, part);
        }
        10 => {
            if let Some(other) = random.one_of(seeds) {
                let start = random.below(other.len());
                let end = (start + random.below(128)).min(other.len());
                let replaced = (at + random.below(32)).min(input.len());
                input.splice(at..replaced, other[start..end].iter().copied());
            }
        }
        _ => input.truncate(at),
    }
}

/// Replaces bytes by a token of the same length.
fn replaced_token(random: &mut Random, input: &mut Vec<u8>, at: usize, tokens: &[&str]) {
    if let Some(token) = random.one_of(tokens) {
        let end = (at + token.len()).min(input.len());
        input.splice(at..end, token.bytes());
    }
}
