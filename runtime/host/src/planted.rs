//! Faults that the simulation has to find: what a careless hand would have written, at the place where it would stand.
//!
//! In this crate as it is shipped [`planted`] is a constant `false` and compiles to nothing; it has no feature that changes
//! that. Only the package `tests/planted` builds the same sources with `planted-faults`, and plants one fault at a time on
//! the thread that runs the simulation.

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Deliveries are acknowledged before the commit that takes them.
    AcknowledgeBeforeCommit,
    /// Messages are published before the commit that writes their rows.
    PublishBeforeCommit,
    /// The outbox in memory is forgotten when publishing goes down.
    ForgetOutboxOnReconnect,
    /// A returned message's row is trimmed.
    TrimOnReturn,
    /// A row is trimmed when its publish is lost with the connection.
    TrimOnLoss,
    /// A row is trimmed once it is published, without waiting for the confirm.
    TrimOnPublish,
    /// A timer's row goes in a commit of its own, before that of what it brings about.
    TimerLostInCrash,
    /// All timers of a process that are due at one time have one key.
    TimersUnderOneKey,
    /// An answer is matched by its activity alone, whatever its turn.
    EarlierTurnAccepted,
    /// The row of a task stays though its answer counted.
    AnsweredTaskStays,
    /// A message id is forgotten at once.
    DedupeDroppedEarly,
    /// Two messages of one id in one group count both.
    DedupeForgetsGroup,
    /// An event wakes waits that began after it.
    EventWakesLaterWait,
    /// A called process's end is not told to its caller.
    ChildEndLost,
    /// A caller that fails leaves its called processes running.
    ChildLeftRunning,
    /// A call that was committed and not started is not started after a restart.
    CallForgottenAtStart,
    /// Time begins at wall time, whatever earlier runs saw.
    NowBehindKept,
    /// Time follows the wall clock, both ways.
    NowFollowsWall,
    /// The order of commits begins anew at a start.
    SequenceBeginsAnew,
    /// Events that were not handed out to all are forgotten at a start.
    HandoutForgottenAtStart,
    /// A second delivery of a launch that is being compiled is compiled and started too.
    LaunchInHandForgotten,
    /// Inputs that a full outbox holds back are dropped.
    HeldBackDropped,
    /// A removed process leaves no tombstone.
    TombstoneMissing,
    /// A dead letter carries the first half of the body.
    DeadLetterCut,
    /// A destination that returned a message is never tried again.
    TroubleNeverRetried,
    /// A process that yielded is not reminded to go on.
    YieldForgotten,
    /// Programs are removed whoever uses them.
    ProgramInUseRemoved,
}

#[cfg(not(feature = "planted-faults"))]
pub const fn planted(_: Fault) -> bool {
    false
}

#[cfg(feature = "planted-faults")]
pub use with_faults::{plant, planted};

#[cfg(feature = "planted-faults")]
mod with_faults {
    use super::Fault;
    use std::cell::Cell;

    impl Fault {
        pub const ALL: [Self; 27] = [
            Self::AcknowledgeBeforeCommit,
            Self::PublishBeforeCommit,
            Self::ForgetOutboxOnReconnect,
            Self::TrimOnReturn,
            Self::TrimOnLoss,
            Self::TrimOnPublish,
            Self::TimerLostInCrash,
            Self::TimersUnderOneKey,
            Self::EarlierTurnAccepted,
            Self::AnsweredTaskStays,
            Self::DedupeDroppedEarly,
            Self::DedupeForgetsGroup,
            Self::EventWakesLaterWait,
            Self::ChildEndLost,
            Self::ChildLeftRunning,
            Self::CallForgottenAtStart,
            Self::NowBehindKept,
            Self::NowFollowsWall,
            Self::SequenceBeginsAnew,
            Self::HandoutForgottenAtStart,
            Self::LaunchInHandForgotten,
            Self::HeldBackDropped,
            Self::TombstoneMissing,
            Self::DeadLetterCut,
            Self::TroubleNeverRetried,
            Self::YieldForgotten,
            Self::ProgramInUseRemoved,
        ];
    }

    thread_local! {
        static PLANTED: Cell<Option<Fault>> = const { Cell::new(None) };
    }

    /// Plants a fault on this thread, in place of the one before.
    pub fn plant(fault: Option<Fault>) {
        PLANTED.set(fault);
    }

    /// Whether a fault is planted on this thread.
    pub fn planted(fault: Fault) -> bool {
        PLANTED.get() == Some(fault)
    }
}
