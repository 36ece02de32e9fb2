//! The data at the beginning of every component's memory: fixed cells, then the expressions'
//! constants.
//!
//! Equal constants share a cell. The helpers' named addresses define the layout of the fixed part.

use std::collections::BTreeMap;

use crate::ir::Constant;
use crate::library::sugar::{TABLES_BYTES, named};

/// The memory's first bytes, growing.
#[derive(Debug)]
pub(crate) struct Constants {
    data: Vec<u8>,
    /// Cells by tag and content.
    cells: BTreeMap<(u32, Vec<u8>), i32>,
    bytes: BTreeMap<Vec<u8>, i32>,
}

impl Constants {
    pub(crate) fn new() -> Constants {
        let mut constants = Constants {
            data: Vec::new(),
            cells: BTreeMap::new(),
            bytes: BTreeMap::new(),
        };
        constants.raw_cell(named("FAULT"), [0; 8]);
        constants.data.extend([0; 16]);
        constants.raw_cell(named("NULL"), [0; 8]);
        constants.raw_cell(named("BOOL"), 0_u64.to_le_bytes());
        constants.raw_cell(named("BOOL"), 1_u64.to_le_bytes());
        constants.raw_cell(named("TEXT"), [0; 8]);
        let message = b"MemoryError";
        let address = named("MEMORY_ERROR") + 16;
        constants.raw_cell(named("TEXT"), span(address, message.len()));
        constants.bytes(message);
        constants.data.extend([0; TABLES_BYTES]);
        constants
    }

    /// Where the heap can begin.
    pub(crate) fn end(&self) -> u32 {
        self.data.len().next_multiple_of(8) as u32
    }

    /// The bytes from address 0 on.
    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }

    /// The address of a constant's cell.
    pub(crate) fn cell(&mut self, constant: &Constant) -> i32 {
        match constant {
            Constant::None => named("NONE") as i32,
            Constant::False => named("FALSE") as i32,
            Constant::True => named("TRUE") as i32,
            Constant::Integer(value) => self.shared(named("INT"), value.to_le_bytes().to_vec()),
            Constant::Float(value) => {
                self.shared(named("FLOAT"), value.to_bits().to_le_bytes().to_vec())
            }
            Constant::BigInteger(digits) => self.spanning(named("BIG"), digits),
            Constant::Text(text) => self.text(text),
        }
    }

    /// The address of a text's cell.
    pub(crate) fn text(&mut self, text: &str) -> i32 {
        if text.is_empty() {
            return named("EMPTY") as i32;
        }
        self.spanning(named("TEXT"), text)
    }

    /// The address of bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> i32 {
        if let Some(address) = self.bytes.get(bytes) {
            return *address;
        }
        let address = self.data.len() as i32;
        self.data.extend_from_slice(bytes);
        self.data.resize(self.data.len().next_multiple_of(8), 0);
        self.bytes.insert(bytes.to_vec(), address);
        address
    }

    fn spanning(&mut self, tag: u32, text: &str) -> i32 {
        let address = self.bytes(text.as_bytes());
        self.shared(tag, span(address as u32, text.len()).to_vec())
    }

    fn shared(&mut self, tag: u32, payload: Vec<u8>) -> i32 {
        if let Some(address) = self.cells.get(&(tag, payload.clone())) {
            return *address;
        }
        let mut fixed = [0; 8];
        fixed.copy_from_slice(&payload);
        let address = self.raw_cell(tag, fixed);
        self.cells.insert((tag, payload), address);
        address
    }

    fn raw_cell(&mut self, tag: u32, payload: [u8; 8]) -> i32 {
        let address = self.data.len() as i32;
        self.data.extend(u64::from(tag).to_le_bytes());
        self.data.extend(payload);
        address
    }
}

fn span(address: u32, length: usize) -> [u8; 8] {
    (u64::from(address) | (length as u64) << 32).to_le_bytes()
}
