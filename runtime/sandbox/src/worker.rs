//! The compile worker: the child process that compiles uploads.
//!
//! It reads one request, limits its own processor time and memory before it touches the component's
//! bytes, compiles, writes the machine code and ends. The parent ([`crate::compile`]) limits the
//! wall-clock time.
//!
//! A request is, in little endian: the bytes `BCW1`, the class (u8), seconds (u32), bytes of memory
//! (u64), the component's length (u64), the component. An answer is one byte, [`ANSWER_CODE`] or
//! [`ANSWER_REFUSED`], then machine code or a reason.

use crate::{class::Class, engines};
use nix::sys::resource::{Resource, setrlimit};
use std::io::{self, Read, Write};

/// Machine code follows.
pub(crate) const ANSWER_CODE: u8 = 1;
/// The compiler's reason follows.
pub(crate) const ANSWER_REFUSED: u8 = 2;

const MAGIC: [u8; 4] = *b"BCW1";
const HEADER_BYTES: usize = 4 + 1 + 4 + 8 + 8;
/// No component is larger, whatever the limits say.
const COMPONENT_BYTES_MAX: u64 = 256 << 20;
/// What the program itself maps besides its data: code, libraries, stacks.
const PROGRAM_BYTES: u64 = 1 << 30;

/// What to compile, and what that may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) class: Class,
    pub(crate) seconds: u32,
    pub(crate) memory_bytes: u64,
    pub(crate) length: u64,
}

impl Request {
    pub(crate) fn to_header(self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..4].copy_from_slice(&MAGIC);
        header[4] = self.class.number();
        header[5..9].copy_from_slice(&self.seconds.to_le_bytes());
        header[9..17].copy_from_slice(&self.memory_bytes.to_le_bytes());
        header[17..].copy_from_slice(&self.length.to_le_bytes());
        header
    }

    fn of_header(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let (magic, rest) = header.split_first_chunk::<4>()?;
        let (class, rest) = rest.split_first()?;
        let (seconds, rest) = rest.split_first_chunk()?;
        let (memory_bytes, rest) = rest.split_first_chunk()?;
        let request = Self {
            class: Class::of_number(*class)?,
            seconds: u32::from_le_bytes(*seconds),
            memory_bytes: u64::from_le_bytes(*memory_bytes),
            length: u64::from_le_bytes(*rest.first_chunk()?),
        };
        (*magic == MAGIC && request.length <= COMPONENT_BYTES_MAX).then_some(request)
    }
}

/// Does a compile worker's work: one request on standard input, one answer on standard output.
/// Returns the exit code of the process, 0 if an answer was written.
pub fn compile_worker_main() -> i32 {
    match serve(&mut io::stdin().lock(), &mut io::stdout().lock()) {
        Ok(()) => 0,
        Err(error) => {
            // Standard error is a pipe to the parent; if that is gone, nobody can be told.
            let _ = writeln!(io::stderr(), "compile worker: {error}");
            1
        }
    }
}

fn serve(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut header = [0; HEADER_BYTES];
    input.read_exact(&mut header)?;
    let request = Request::of_header(&header)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no request"))?;
    bound_process(&request)?;
    let mut component = Vec::new();
    input.take(request.length).read_to_end(&mut component)?;
    if component.len() as u64 != request.length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let compiled = engines::compiling_engine(request.class)
        .map_err(io::Error::other)?
        .precompile_component(&component);
    match compiled {
        Ok(code) => {
            output.write_all(&[ANSWER_CODE])?;
            output.write_all(&code)?;
        }
        Err(error) => {
            output.write_all(&[ANSWER_REFUSED])?;
            write!(output, "{error:#}")?;
        }
    }
    output.flush()
}

/// Limits processor time and memory, and forbids files and core dumps.
fn bound_process(request: &Request) -> io::Result<()> {
    let seconds = u64::from(request.seconds.max(1));
    let memory = request.memory_bytes;
    for (resource, soft, hard) in [
        (Resource::RLIMIT_CPU, seconds, seconds + 1),
        (Resource::RLIMIT_DATA, memory, memory),
        (
            Resource::RLIMIT_AS,
            memory.saturating_add(PROGRAM_BYTES),
            memory.saturating_add(PROGRAM_BYTES),
        ),
        (Resource::RLIMIT_CORE, 0, 0),
        (Resource::RLIMIT_FSIZE, 0, 0),
    ] {
        setrlimit(resource, soft, hard)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back() {
        let request = Request {
            class: Class::Runtime,
            seconds: 7,
            memory_bytes: 1 << 33,
            length: 99,
        };
        let mut header = request.to_header();
        assert_eq!(Request::of_header(&header), Some(request));
        header[4] = 9;
        assert_eq!(Request::of_header(&header), None);
    }
}
