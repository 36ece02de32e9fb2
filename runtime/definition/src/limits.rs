//! The bounds that a definition keeps: what a stranger may make the compiler and the engine do.
//!
//! Every bound is checked before memory is taken for what goes beyond it. The host narrows these by its policy; two
//! bounds are absolute because other formats depend on them.

use bureaucrat_model::Millis;

/// What one definition may contain. The default suits definitions from strangers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole definition.
    pub bytes: usize,
    /// Elements nested in one another, the process included; at most [`Limits::DEPTH_MAX`] whatever stands here.
    pub depth: usize,
    /// Activities, cases included.
    pub activities: usize,
    /// Branches of one `all`.
    pub branches: usize,
    /// Conditions of all elements together.
    pub conditions: usize,
    /// Bytes of the text of one condition.
    pub condition_bytes: usize,
    /// Bytes of the texts of all conditions together, equal texts counted once; the guest grows with them.
    pub conditions_bytes: usize,
    pub properties: usize,
    pub modules: usize,
    /// Bytes of one attribute's value as it is written.
    pub attribute_bytes: usize,
    pub delay: Millis,
    /// Diagnostics that are given; the rest is left out, and said to be.
    pub diagnostics: usize,
}

impl Limits {
    /// The deepest nesting that any limits allow: an activity id holds that many indexes.
    pub const DEPTH_MAX: usize = 256;
    /// Bytes of the longest participant: its queue's name, `worker_` before it, is an AMQP short string of 255 bytes.
    pub const PARTICIPANT_BYTES: usize = 255 - "worker_".len();
    /// Bytes of the longest name of an event.
    pub const EVENT_BYTES: usize = 255;
    /// Bytes of the longest name of a process: a routing key holds it behind a status.
    pub const NAME_BYTES: usize = 200;
    /// Bytes of the longest name of a module or of a function in it.
    pub const IDENTIFIER_BYTES: usize = 128;
    /// Attributes of one element that are read; the language has none with more than six.
    pub(crate) const ATTRIBUTES: usize = 16;

    /// How deep elements may nest.
    pub(crate) fn depth(&self) -> usize {
        self.depth.min(Self::DEPTH_MAX)
    }

    /// How many elements there may be: as many as the other bounds allow together, and some to be refused one by one.
    pub(crate) fn elements(&self) -> usize {
        [self.conditions, self.properties, self.modules, 1_000]
            .into_iter()
            // An activity may have a `context` with `faults`.
            .fold(self.activities.saturating_mul(3), usize::saturating_add)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 1 << 20,
            depth: 64,
            activities: 20_000,
            branches: 10_000,
            conditions: 1_000,
            condition_bytes: 4_096,
            conditions_bytes: 64 << 10,
            properties: 1_000,
            modules: 16,
            attribute_bytes: 4_096,
            delay: Millis(100 * 366 * 24 * 3_600_000),
            diagnostics: 100,
        }
    }
}
