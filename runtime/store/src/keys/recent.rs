//! The keys of the list of processes: one a process, newest first within each phase, so that a list reads what it shows.

use super::{KeyError, prefix_end};
use bureaucrat_model::{Ending, Head, Parking, ProcessId, Status, Timestamp};
use serde::{Deserialize, Serialize};

/// What a list groups processes by. A process changes its group at most a few times, which is what
/// the list costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    Running = 1,
    /// Parked as an incident, or in part waiting for an operator.
    Incident = 2,
    Completed = 3,
    Failed = 4,
    /// Parked by an operator.
    Suspended = 5,
}

impl Phase {
    pub const ALL: [Self; 5] = [
        Self::Running,
        Self::Incident,
        Self::Completed,
        Self::Failed,
        Self::Suspended,
    ];

    pub const fn of(head: &Head) -> Self {
        match &head.status {
            // A fiber waits for an operator.
            Status::Running if head.stuck > 0 => Self::Incident,
            Status::Running => Self::Running,
            Status::Parked { parking, .. } => match parking {
                Parking::Incident => Self::Incident,
                Parking::Suspended => Self::Suspended,
            },
            Status::Ended(Ending::Completed(_)) => Self::Completed,
            Status::Ended(Ending::Failed(_)) => Self::Failed,
        }
    }
}

/// A place in the list: the later of two launches comes first, then the order of ids decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    pub launched_at: Timestamp,
    pub process: ProcessId,
}

impl Place {
    /// The last place that there can be.
    pub const LAST: Self = Self {
        launched_at: Timestamp(0),
        process: ProcessId::from_bytes([u8::MAX; 16]),
    };

    /// As in keys, which end with it.
    pub fn bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&(!self.launched_at.0).to_be_bytes());
        bytes[8..].copy_from_slice(self.process.as_bytes());
        bytes
    }

    /// The place that is the rest of a key.
    pub(super) fn of(rest: &[u8]) -> Result<Self, KeyError> {
        let (launched_at, process) = rest.split_first_chunk::<8>().ok_or(KeyError)?;
        Ok(Self {
            launched_at: Timestamp(!u64::from_be_bytes(*launched_at)),
            process: ProcessId::from_bytes(process.try_into().map_err(|_| KeyError)?),
        })
    }

    /// The first place of a process that was launched at this time.
    pub const fn first_at(launched_at: Timestamp) -> Self {
        Self {
            launched_at,
            process: ProcessId::from_bytes([0; 16]),
        }
    }

    /// The place after this one; none after the last.
    pub fn next(self) -> Option<Self> {
        let (id, carry) = self.number().overflowing_add(1);
        let launched_at = match carry {
            true => Timestamp(self.launched_at.0.checked_sub(1)?),
            false => self.launched_at,
        };
        Some(Self::numbered(launched_at, id))
    }

    /// The place before this one; none before the first.
    pub fn previous(self) -> Option<Self> {
        let (id, borrow) = self.number().overflowing_sub(1);
        let launched_at = match borrow {
            true => Timestamp(self.launched_at.0.checked_add(1)?),
            false => self.launched_at,
        };
        Some(Self::numbered(launched_at, id))
    }

    fn number(self) -> u128 {
        u128::from_be_bytes(*self.process.as_bytes())
    }

    const fn numbered(launched_at: Timestamp, id: u128) -> Self {
        Self {
            launched_at,
            process: ProcessId::from_bytes(id.to_be_bytes()),
        }
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes().cmp(&other.bytes())
    }
}

/// The key of a process in the list: phase (1 byte), the complement of the time of its launch (8), process (16).
pub fn recent(phase: Phase, place: Place) -> Vec<u8> {
    let mut key = vec![phase as u8];
    key.extend_from_slice(&place.bytes());
    key
}

/// The first key of a phase, and the first after all of them.
pub fn recent_in(phase: Phase) -> (Vec<u8>, Vec<u8>) {
    let first = vec![phase as u8];
    let end = prefix_end(&first);
    (first, end)
}

/// What a key of the list says.
///
/// # Errors
/// When the key has another length, or its phase is not known.
pub fn recent_of(key: &[u8]) -> Result<(Phase, Place), KeyError> {
    let (&phase, rest) = key.split_first().ok_or(KeyError)?;
    let phase = Phase::ALL.into_iter().find(|known| *known as u8 == phase);
    Ok((phase.ok_or(KeyError)?, Place::of(rest)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn later_launches_come_first_and_keys_read_back() {
        let place = |at, id| Place {
            launched_at: Timestamp(at),
            process: ProcessId::from_bytes([id; 16]),
        };
        let places = [place(9, 1), place(9, 2), place(8, 0), place(0, 7)];
        assert!(places.is_sorted());
        for phase in Phase::ALL {
            let keys = places.map(|place| recent(phase, place));
            assert!(keys.is_sorted());
            let (from, to) = recent_in(phase);
            for (key, place) in keys.iter().zip(places) {
                assert!(from <= *key && *key < to);
                assert_eq!(recent_of(key), Ok((phase, place)));
            }
        }
        for place in places {
            assert!(place.next().is_some_and(|next| next > place));
            assert_eq!(place.next().and_then(Place::previous), Some(place));
        }
        let last = place(9, u8::MAX);
        assert_eq!(last.next(), Some(place(8, 0)));
        assert_eq!(Place::LAST.next(), None);
        assert_eq!(Place::first_at(Timestamp(u64::MAX)).previous(), None);
        assert_eq!(recent_of(&[1; 24]), Err(KeyError));
        assert_eq!(recent_of(&[6; 25]), Err(KeyError));
    }
}
