//! Where modules use each other in both directions, and why it stays. The list may only shrink.

/// A folder with cycles.
pub struct Knot {
    pub folder: &'static str,
    pub why: &'static str,
    /// What uses what against the direction of the rest.
    pub against: &'static [(&'static str, &'static str)],
}

pub const KNOTS: [Knot; 19] = [
    Knot {
        folder: "runtime/broker-amqp/src",
        why: "the broker starts its lanes, and they look at its state",
        against: &[
            ("broker", "celery_events"),
            ("broker", "consume"),
            ("broker", "publish"),
        ],
    },
    Knot {
        folder: "runtime/cli/src",
        why: "the configuration reads files and names what the broker needs; files name settings in what they say",
        against: &[
            ("arguments", "configuration"),
            ("configuration", "broker"),
            ("configuration", "files"),
        ],
    },
    Knot {
        folder: "runtime/cli/src/commands/replay",
        why: "an activity is played by the player that the cases have",
        against: &[("playing", "activity")],
    },
    Knot {
        folder: "runtime/cli/src/configuration",
        why: "the table of settings is one list that names its parts; what reads settings looks up rows in it",
        against: &[
            ("ini", "lines"),
            ("row", "table"),
            ("table", "participants"),
        ],
    },
    Knot {
        folder: "runtime/client/src",
        why: "publishing is a part of the launcher",
        against: &[("publishing", "launcher")],
    },
    Knot {
        folder: "runtime/connect/src",
        why: "an address is read by its parts, and has their errors",
        against: &[("address", "parse"), ("parameters", "parse")],
    },
    Knot {
        folder: "runtime/engine/src",
        why: "the machine runs instructions, and they move the machine",
        against: &[
            ("ending", "ops"),
            ("machine", "ops"),
            ("machine", "values"),
            ("ops", "choosing"),
            ("throwing", "choosing"),
        ],
    },
    Knot {
        folder: "runtime/engine/src/ops",
        why: "a fork of items, one of branches and one of listeners share how branches begin and end",
        against: &[("fork", "listen"), ("items", "fork")],
    },
    Knot {
        folder: "runtime/expression/src",
        why: "what is suggested must itself be an expression without doubts",
        against: &[("slips", "doubts"), ("slips", "parse")],
    },
    Knot {
        folder: "runtime/expression/src/slips",
        why: "a slip in a name may be one about dates",
        against: &[("names", "dates")],
    },
    Knot {
        folder: "runtime/host/src",
        why: "the planner's parts are in intake, plan and operate, by what they are about; what is stored is described where it is written, and read by audits",
        against: &[
            ("act", "intake"),
            ("act", "operate"),
            ("act", "plan"),
            ("act", "shared"),
            ("broker", "operate"),
            ("commit", "intake"),
            ("commit", "plan"),
            ("compute", "intake"),
            ("meters", "plan"),
            ("open", "driver"),
            ("open", "intake"),
            ("open", "operate"),
            ("open", "plan"),
            ("operate", "intake"),
            ("operate", "plan"),
            ("plan", "intake"),
            ("shared", "intake"),
            ("shared", "operate"),
            ("shared", "plan"),
        ],
    },
    Knot {
        folder: "runtime/host/src/act",
        why: "a row that is set aside leaves the outbox and comes back to it",
        against: &[("outbox", "aside")],
    },
    Knot {
        folder: "runtime/host/src/operate",
        why: "a question is one type with all of its kinds, and so is its answer; each kind is answered in a file of its own",
        against: &[
            ("facts", "query"),
            ("letters", "commands"),
            ("query", "audit_log"),
            ("query", "bulk"),
            ("query", "commands"),
            ("query", "incidents"),
            ("query", "verifying"),
            ("questions", "audit_log"),
            ("questions", "bulk"),
            ("questions", "listing"),
            ("questions", "verifying"),
        ],
    },
    Knot {
        folder: "runtime/host/src/plan",
        why: "a transaction carries what each of its parts plans, and parts begin transactions",
        against: &[
            ("decided", "jobs"),
            ("evaluating", "work"),
            ("jobs", "calls"),
            ("transaction", "bulk"),
            ("transaction", "business"),
            ("transaction", "calls"),
            ("transaction", "decided"),
            ("transaction", "evaluating"),
            ("transaction", "evidence"),
            ("transaction", "kept"),
            ("work", "tenancy"),
        ],
    },
    Knot {
        folder: "runtime/http/src",
        why: "an operation is described completely: with its handler, which needs the server",
        against: &[
            ("connections", "server"),
            ("engine", "census"),
            ("exchange", "server"),
            ("guard", "cookie"),
            ("guard", "server"),
            ("operation", "engine"),
            ("operation", "server"),
            ("server", "census"),
            ("server", "dispatch"),
            ("server", "pages"),
            ("server", "routes"),
        ],
    },
    Knot {
        folder: "runtime/http/src/pages",
        why: "pages link to each other and share tables; the layout names the assets that it loads",
        against: &[
            ("audit", "bulk"),
            ("diagram", "definitions"),
            ("layout", "assets"),
            ("layout", "live"),
            ("list", "start"),
        ],
    },
    Knot {
        folder: "runtime/model/src",
        why: "an instance, its fibers and their waits contain each other",
        against: &[
            ("input", "instance"),
            ("input", "wait"),
            ("instance", "fibers"),
            ("instance", "scope"),
        ],
    },
    Knot {
        folder: "runtime/store/src",
        why: "an error of the store says what holds it",
        against: &[("format", "table"), ("table", "holds")],
    },
    Knot {
        folder: "runtime/wire/src",
        why: "a message that cannot be read is told by what it seems to be; replies share their form",
        against: &[
            ("call", "task"),
            ("cancelling", "reply"),
            ("event", "reply"),
            ("merge", "declared"),
            ("scan", "unreadable"),
            ("unreadable", "named"),
        ],
    },
];
