//! The keys of the outbox: what a message is, for which process, and which of several.

use super::KeyError;
use bureaucrat_model::ProcessId;

/// The kinds of outbox rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutboxKind {
    /// A task to a participant; the number is the turn.
    Task = 1,
    /// A called process that must be started; the number is the turn.
    Call = 2,
    /// A reply to a launcher; the number is 0 for the launch, 1 for the end.
    Reply = 3,
    /// A notice on the topic exchange; numbered like replies.
    Notice = 4,
    /// A dead letter. The number comes from the sequence; the process id is one of no process.
    DeadLetter = 5,
    /// The message of a dead letter, sent again; numbered as dead letters are.
    Resent = 6,
    /// A message that a process sends; the number is the turn.
    Message = 7,
    /// That a task is withdrawn; the number is the turn, or is drawn as for dead letters.
    Withdrawal = 8,
    /// The same for Celery's workers; the number is the turn.
    Revocation = 9,
    /// A message on its way to the engine that has its shard; numbered as dead letters are.
    Forward = 10,
}

impl OutboxKind {
    pub const ALL: [Self; 10] = [
        Self::Task,
        Self::Call,
        Self::Reply,
        Self::Notice,
        Self::DeadLetter,
        Self::Resent,
        Self::Message,
        Self::Withdrawal,
        Self::Revocation,
        Self::Forward,
    ];
}

/// The key of an outbox row: process (16 bytes), kind (1 byte), number (8 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxKey {
    pub process: ProcessId,
    pub kind: OutboxKind,
    pub number: u64,
}

impl OutboxKey {
    /// The stored form.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut key = self.process.as_bytes().to_vec();
        key.push(self.kind as u8);
        key.extend_from_slice(&self.number.to_be_bytes());
        key
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// For another length or an unknown kind.
    pub fn from_bytes(key: &[u8]) -> Result<Self, KeyError> {
        let (process, rest) = key.split_first_chunk::<16>().ok_or(KeyError)?;
        let (&kind, number) = rest.split_first().ok_or(KeyError)?;
        let kind = OutboxKind::ALL
            .into_iter()
            .find(|known| *known as u8 == kind)
            .ok_or(KeyError)?;
        Ok(Self {
            process: ProcessId::from_bytes(*process),
            kind,
            number: u64::from_be_bytes(number.try_into().map_err(|_| KeyError)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outbox_keys_read_back() {
        for kind in OutboxKind::ALL {
            let key = OutboxKey {
                kind,
                process: ProcessId::from_bytes([9; 16]),
                number: 77,
            };
            assert_eq!(OutboxKey::from_bytes(&key.to_bytes()), Ok(key));
        }
        assert_eq!(OutboxKey::from_bytes(&[0; 25]), Err(KeyError));
    }
}
