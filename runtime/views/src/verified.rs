//! Whether a history is the one that was written: the verdict, and the object that says so.

use crate::shown::Written;
use bureaucrat_host::query::Verified;
use bureaucrat_model::{HistoryHash, ProcessId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a notice says of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Proof {
    pub entries: u64,
    pub hash: HistoryHash,
}

/// What became of one history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry that is there is as it was written.
    Whole,
    Broken(String),
    /// It is not the history that a notice describes.
    Differs(String),
    /// The process is not there any more, so there is nothing to check.
    Removed,
}

impl Verdict {
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Broken(_) => "broken",
            Self::Differs(_) => "differs",
            Self::Removed => "removed",
        }
    }

    pub fn of(verified: &Verified, proof: Option<Proof>) -> Self {
        if let Some(broken) = &verified.broken {
            return Self::Broken(broken.to_string());
        }
        match proof {
            None => Self::Whole,
            Some(proof) if verified.asked == Some(proof.hash) => Self::Whole,
            Some(proof) => Self::Differs(match verified.asked {
                Some(hash) => format!(
                    "after {} entries its hash is {hash}, and the notice says {}",
                    proof.entries, proof.hash
                ),
                None => format!(
                    "the notice describes {} entries, and no row ends there",
                    proof.entries
                ),
            }),
        }
    }
}

/// What became of the check of a history.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Verification {
    pub process: String,
    /// `whole`, `broken`, `differs` or `removed`.
    pub verdict: &'static str,
    /// Why it is `broken` or `differs`.
    pub reason: Option<String>,
    /// How many entries were written.
    pub entries: Option<u64>,
    /// How many of them are left out, since the history is long.
    pub left_out: Option<u64>,
    /// How many of the first entries no hash covers, since a repair removed what followed them.
    pub uncovered: Option<u64>,
    /// The hash of the newest row.
    pub hash: Option<String>,
}

impl Verification {
    pub fn of(process: ProcessId, verdict: &Verdict, verified: Option<&Verified>) -> Self {
        let reason = match verdict {
            Verdict::Broken(reason) | Verdict::Differs(reason) => Some(reason.clone()),
            Verdict::Whole | Verdict::Removed => None,
        };
        let written = verified.map(|verified| Written::of(&verified.written));
        Self {
            process: process.to_string(),
            verdict: verdict.word(),
            reason,
            entries: written.as_ref().map(|written| written.entries),
            left_out: written.as_ref().map(|written| written.left_out),
            uncovered: verified.map(|verified| verified.uncovered),
            hash: written.map(|written| written.hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bureaucrat_host::query::Broken;
    use bureaucrat_model::{HistoryHead, LeftOut};

    fn verified() -> Verified {
        Verified {
            process: ProcessId::from_seed([1; 16]),
            written: HistoryHead {
                entries: 12,
                left_out: Some(LeftOut { from: 2, to: 5 }),
                newest: HistoryHash([7; 32]),
            },
            broken: None,
            uncovered: 0,
            asked: Some(HistoryHash([7; 32])),
        }
    }

    #[test]
    fn a_notice_proves_a_history() {
        let proof = |byte| {
            Some(Proof {
                entries: 12,
                hash: HistoryHash([byte; 32]),
            })
        };
        assert_eq!(Verdict::of(&verified(), None), Verdict::Whole);
        assert_eq!(Verdict::of(&verified(), proof(7)), Verdict::Whole);
        let Verdict::Differs(reason) = Verdict::of(&verified(), proof(8)) else {
            panic!("another hash is taken");
        };
        assert!(reason.contains("sha256:0808"), "{reason}");
        let cut = Verified {
            asked: None,
            ..verified()
        };
        assert!(matches!(Verdict::of(&cut, proof(7)), Verdict::Differs(_)));
        let broken = Verified {
            broken: Some(Broken::Changed { entry: 5 }),
            ..verified()
        };
        assert_eq!(Verdict::of(&broken, proof(7)).word(), "broken");
    }
}
