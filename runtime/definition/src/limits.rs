//! The limits on a definition: what a stranger may make the compiler and the engine do.
//!
//! Every limit is checked before memory is allocated beyond it. The host lowers these by its
//! policy; two limits are fixed because other formats depend on them.

use bureaucrat_model::{Millis, NameLimits};

/// What one definition may contain. The defaults are safe for strangers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole definition.
    pub bytes: usize,
    /// Nested elements, including the process; never more than [`Limits::DEPTH_MAX`].
    pub depth: usize,
    /// Activities, including cases.
    pub activities: usize,
    /// Branches of one `all`.
    pub branches: usize,
    /// Conditions of all elements together.
    pub conditions: usize,
    /// Bytes of one condition's text.
    pub condition_bytes: usize,
    /// Bytes of all conditions' texts, counting equal texts once; the guest grows with them.
    pub conditions_bytes: usize,
    pub properties: usize,
    pub modules: usize,
    /// Bytes of one attribute's value as written.
    pub attribute_bytes: usize,
    pub delay: Millis,
    /// Diagnostics to report; the rest is left out, with a note.
    pub diagnostics: usize,
}

impl Limits {
    /// The deepest nesting that any limits allow: an activity id holds this many indexes.
    pub const DEPTH_MAX: usize = 256;
    /// The longest participant, in bytes: its queue's name, which begins with `worker_`, is an AMQP
    /// short string of 255 bytes.
    pub const PARTICIPANT_BYTES: usize = NameLimits::PARTICIPANT;
    /// The longest name of an event, in bytes.
    pub const EVENT_BYTES: usize = NameLimits::EVENT;
    /// The longest key of an event, in bytes.
    pub const KEY_BYTES: usize = NameLimits::KEY;
    /// The longest exchange, routing key, content type and name of a header, in bytes.
    pub const SHORT_BYTES: usize = NameLimits::SHORT;
    /// The longest name of a process, in bytes: a routing key contains it after a status.
    pub const NAME_BYTES: usize = 200;
    /// The longest id of an activity, and name of a module or of a function in it, in bytes.
    pub const IDENTIFIER_BYTES: usize = 128;
    /// The longest title of an activity, in characters.
    pub(crate) const TITLE_CHARACTERS: usize = 256;
    /// Fields that lists can be searched by; each has a row in an index.
    pub const SEARCHABLE: usize = 16;
    /// The longest name of such a field, in bytes.
    pub const SEARCHABLE_BYTES: usize = 128;
    /// Attributes of one element that are read, namespaces and what editors add included.
    pub(crate) const ATTRIBUTES: usize = 32;

    /// The deepest nesting of elements.
    pub(crate) fn depth(&self) -> usize {
        self.depth.min(Self::DEPTH_MAX)
    }

    /// The most elements: as many as the other limits allow together, and some more to be refused
    /// one by one.
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
            delay: Millis::LONGEST,
            diagnostics: 100,
        }
    }
}
