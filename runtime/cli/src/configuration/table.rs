//! The settings, one row each, in the order of the help and of docs/settings.md.
//!
//! To add one: a row here, a field in [`super::Draft`], and what uses it. Sections whose keys users make
//! up are in [`FREE_SECTIONS`]; the bounds of `[limits]` are a table of the sandbox.

mod http;
mod storage;

use super::participants::PARTICIPANTS;
use super::row::{
    AMQP_SECTION,
    Group::{Broker, Limits, Logging, Queues, Storage},
    Kind::{Addresses, Bytes, Choice, Count, Path, Secret, Span, Text},
    Preset::{Absent, Value},
    Row,
};
use crate::{
    arguments::{LogFormat, QueueKind, RuntimeGuests},
    memory,
};
use bureaucrat_connect::Encryption;
use bureaucrat_host::CeleryEvents;
use bureaucrat_model::Unhandled;
use clap::ValueEnum;

/// Sections of the INI file whose keys are not settings but names that users choose, with what
/// they are for. The code that reads such a section reports what is wrong in it.
pub const FREE_SECTIONS: &[(&str, &str)] = &[(
    PARTICIPANTS,
    "how tasks reach which participants; see [workers](workers.md)",
)];

/// Keys that a launcher of 2015 may have in the same file; the engine doesn't use them.
pub const LAUNCHER_KEYS: [&str; 2] = ["launcher_routing_key", "launcher_exchange"];

const YEAR: u64 = 366 * 86_400;

/// The file itself, which no file can name.
pub static CONFIG: Row = Row::new(
    "config",
    Storage,
    Path("FILE", |draft| &mut draft.config),
    Absent(
        "`~/.config/bureaucrat/config.ini`, else `/etc/bureaucrat/config.ini`, else \
            `/etc/taskqueue/config.ini`, whichever exists first",
    ),
    "The INI file with settings",
)
.short('c')
.without_key();

/// Every setting.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    std::iter::once(&CONFIG)
        .chain(storage::ROWS)
        .chain(ROWS)
        .chain(http::ROWS)
}

static ROWS: &[Row] = &[
    Row::new(
        "amqp",
        Broker,
        Addresses(|draft| &mut draft.amqp),
        Absent("made from the keys `host`, `port`, `user`, `passwd` and `vhost`"),
        "The broker's address, amqp://USER:PASSWORD@HOST:PORT/VHOST or amqps://...; several after \
         commas are tried in turn",
    )
    .key(AMQP_SECTION, "url"),
    Row::new(
        "amqp_password",
        Broker,
        Secret(|draft| &mut draft.password),
        Absent("`guest`"),
        "The password, if the address has none",
    )
    .without_flag()
    .key(AMQP_SECTION, "passwd"),
    Row::new(
        "amqp_password_file",
        Broker,
        Path("FILE", |draft| &mut draft.password_file),
        Absent("none"),
        "A file that holds the password, for an address without one",
    )
    .key(AMQP_SECTION, "passwd_file"),
    Row::new(
        "amqp_host",
        Broker,
        Text("HOST", |draft| &mut draft.host),
        Value("localhost"),
        "The broker's host, where no address is given",
    )
    .in_file_alone()
    .key(AMQP_SECTION, "host"),
    Row::new(
        "amqp_port",
        Broker,
        Count(1, u16::MAX, |draft| &mut draft.port),
        Absent("5672"),
        "The broker's port, where no address is given",
    )
    .in_file_alone()
    .key(AMQP_SECTION, "port"),
    Row::new(
        "amqp_user",
        Broker,
        Text("NAME", |draft| &mut draft.user),
        Value("guest"),
        "The user, for an address without one",
    )
    .in_file_alone()
    .key(AMQP_SECTION, "user"),
    Row::new(
        "amqp_vhost",
        Broker,
        Text("NAME", |draft| &mut draft.vhost),
        Value("/"),
        "The virtual host, where no address is given",
    )
    .in_file_alone()
    .key(AMQP_SECTION, "vhost"),
    Row::new(
        "amqp_tls",
        Broker,
        Choice(&["no", "yes"], |draft, word| {
            draft.encryption = match word {
                "yes" => Encryption::Tls,
                _ => Encryption::Plain,
            };
        }),
        Value("no"),
        "Whether to use TLS, where no address is given",
    )
    .in_file_alone()
    .key(AMQP_SECTION, "tls"),
    Row::new(
        "amqp_ca_file",
        Broker,
        Path("FILE", |draft| &mut draft.ca_file),
        Absent("the system's CAs"),
        "The CA that signed the broker's certificate, in PEM; no other is trusted then",
    )
    .key(AMQP_SECTION, "ca_file"),
    Row::new(
        "amqp_cert_file",
        Broker,
        Path("FILE", |draft| &mut draft.cert_file),
        Absent("none"),
        "The certificate to show to the broker, in PEM",
    )
    .key(AMQP_SECTION, "cert_file"),
    Row::new(
        "amqp_key_file",
        Broker,
        Path("FILE", |draft| &mut draft.key_file),
        Absent("none"),
        "The key of that certificate, in PEM, not encrypted",
    )
    .key(AMQP_SECTION, "key_file"),
    Row::new(
        "amqp_heartbeat",
        Broker,
        Span(0, 65_535, |draft| &mut draft.heartbeat),
        Value("10s"),
        "How often broker and engine show that they are alive; 0 turns it off",
    )
    .key(AMQP_SECTION, "heartbeat"),
    Row::new(
        "amqp_connect_timeout",
        Broker,
        Span(1, 3_600, |draft| &mut draft.connect_timeout),
        Value("10s"),
        "How long one attempt to connect may take",
    )
    .key(AMQP_SECTION, "connect_timeout"),
    Row::new(
        "amqp_connection_name",
        Broker,
        Text("NAME", |draft| &mut draft.connection_name),
        Absent("`bureaucrat HOST PID`"),
        "The name of the connections, as the broker's operators see it",
    )
    .key(AMQP_SECTION, "connection_name"),
    Row::new(
        "launch_queue",
        Queues,
        Text("QUEUE", |draft| &mut draft.launch_queue),
        Value("bureaucrat"),
        "The queue that launches come from",
    ),
    Row::new(
        "message_queue",
        Queues,
        Text("QUEUE", |draft| &mut draft.message_queue),
        Value("bureaucrat_msgs"),
        "The queue that answers come from",
    ),
    Row::new(
        "event_queue",
        Queues,
        Text("QUEUE", |draft| &mut draft.event_queue),
        Value("bureaucrat_events"),
        "The queue that events come from",
    ),
    Row::new(
        "result_queue",
        Queues,
        Text("QUEUE", |draft| &mut draft.result_queue),
        Value("bureaucrat_results"),
        "The queue that results of Celery tasks and replies to requests come from",
    ),
    Row::new(
        "dead_letter_queue",
        Queues,
        Text("QUEUE", |draft| &mut draft.dead_letter_queue),
        Value("bureaucrat_dead"),
        "The queue for messages that can't be used",
    ),
    Row::new(
        "notice_exchange",
        Queues,
        Text("EXCHANGE", |draft| &mut draft.notice_exchange),
        Value("bureaucrat.processes"),
        "The topic exchange that announces launches and ends",
    ),
    Row::new(
        "cancel_exchange",
        Queues,
        Text("EXCHANGE", |draft| &mut draft.cancel_exchange),
        Value("bureaucrat.cancelled"),
        "The topic exchange that tells participants about withdrawn tasks",
    ),
    Row::new(
        "result_exchange",
        Queues,
        Text("EXCHANGE", |draft| &mut draft.result_exchange),
        Value("bureaucrat.celery"),
        "The direct exchange that Celery's workers send results to",
    ),
    Row::new(
        "queue_type",
        Queues,
        Choice(&["classic", "quorum"], |draft, word| {
            draft.queue_type = QueueKind::from_str(word, true).ok();
        }),
        Absent("the broker's own default; existing queues are used as they are"),
        "The type of the queues that the engine makes; existing queues must have it",
    )
    .of_engine(),
    Row::new(
        "dialect",
        Queues,
        Choice(&["workitem", "message"], |draft, word| {
            draft.dialect = word.parse().unwrap_or(draft.dialect);
        }),
        Value("workitem"),
        "The format of the bodies of tasks",
    )
    .of_engine(),
    Row::new(
        "taskqueue_type",
        Queues,
        Choice(&["taskqueue", "celery"], |draft, word| {
            draft.task_queue = word.parse().unwrap_or(draft.task_queue);
        }),
        Value("taskqueue"),
        "The kind of workers that tasks are for",
    )
    .of_engine(),
    Row::new(
        "celery_queue",
        Queues,
        Text("QUEUE", |draft| &mut draft.celery_queue),
        Absent("the exchange and routing key `celery`"),
        "The queue of Celery's workers",
    )
    .of_engine(),
    Row::new(
        "celery_events",
        Queues,
        Choice(&["read", "ignored"], |draft, word| {
            draft.celery_events = match word {
                "read" => CeleryEvents::Read,
                _ => CeleryEvents::Ignored,
            };
        }),
        Value("ignored"),
        "Whether the events of Celery's workers (`celery worker -E`) say why tasks failed",
    )
    .of_engine(),
    Row::new(
        "prefetch",
        Limits,
        Count(1, u16::MAX, |draft| &mut draft.prefetch),
        Value("500"),
        "How many messages of each queue the engine handles at once",
    )
    .of_engine(),
    Row::new(
        "memory",
        Limits,
        Bytes(memory::LEAST, memory::MOST, |draft| &mut draft.memory),
        Absent("a quarter of the machine's or the container's memory, at most 1 GiB"),
        "How much memory the engine may use; what compiles modules has a limit of its own",
    )
    .of_engine(),
    Row::new(
        "policy",
        Limits,
        Path("FILE", |draft| &mut draft.policy),
        Absent("everybody may do everything"),
        "The policy: who may do what; SIGHUP reads it again",
    )
    .of_engine(),
    Row::new(
        "on_fault",
        Limits,
        Choice(&["fail", "incident"], |draft, word| {
            draft.on_fault = match word {
                "incident" => Unhandled::Waits,
                _ => Unhandled::Fails,
            };
        }),
        Value("fail"),
        "What happens after a fault that nothing handles, where neither the definition nor the \
         policy says: the process fails, or what failed waits for an operator",
    )
    .of_engine(),
    Row::new(
        "runtime_guests",
        Limits,
        Choice(&["allowed", "refused"], |draft, word| {
            let guests = RuntimeGuests::from_str(word, true);
            draft.runtime_guests = guests.unwrap_or(draft.runtime_guests);
        }),
        Value("refused"),
        "Whether modules with a language runtime inside (Go, JavaScript, Python) are accepted",
    )
    .of_engine(),
    Row::new(
        "log",
        Logging,
        Text("FILTER", |draft| &mut draft.log),
        Absent(
            "the level of Python's `[logger_bureaucrat]` or `[logger_root]` in the INI file, \
                else `info`; `warn` for commands",
        ),
        "What to log: error, warn, info, debug, trace, or filters such as \
         info,bureaucrat_host=debug",
    ),
    Row::new(
        "log_format",
        Logging,
        Choice(&["human", "json"], |draft, word| {
            let format = LogFormat::from_str(word, true);
            draft.log_format = format.unwrap_or(draft.log_format);
        }),
        Value("human"),
        "Whether log lines are for people or JSON objects",
    ),
];
