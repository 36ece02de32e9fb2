//! The names of dates: functions and classes that make them, methods, attributes, directives.

use super::super::functions::Missing;
use crate::ir::{Helper, Node};
use crate::library::sugar::named;

use Missing::{Integer, None as Nothing, Refused};

/// A parameter's name, empty if it is given by position alone, and the meaning of its absence.
pub(super) type Parameter = (&'static str, Missing);

/// A function that makes dates, or a method of a class that does.
pub(super) struct Maker {
    /// The class of a method, otherwise empty.
    pub(super) class: &'static str,
    pub(crate) name: &'static str,
    pub(super) helper: Helper,
    pub(super) parameters: &'static [Parameter],
}

const fn maker(
    class: &'static str,
    name: &'static str,
    helper: Helper,
    parameters: &'static [Parameter],
) -> Maker {
    Maker {
        class,
        name,
        helper,
        parameters,
    }
}

const TEXT: &[Parameter] = &[("", Refused)];

pub(super) const MAKERS: &[Maker] = &[
    maker(
        "",
        "date",
        "make_date",
        &[("year", Refused), ("month", Refused), ("day", Refused)],
    ),
    maker(
        "",
        "datetime",
        "make_datetime",
        &[
            ("year", Refused),
            ("month", Refused),
            ("day", Refused),
            ("hour", Integer(0)),
            ("minute", Integer(0)),
            ("second", Integer(0)),
            ("microsecond", Integer(0)),
            ("tzinfo", Nothing),
        ],
    ),
    maker("", "now", "now", &[]),
    maker(
        "",
        "time",
        "make_time",
        &[
            ("hour", Integer(0)),
            ("minute", Integer(0)),
            ("second", Integer(0)),
            ("microsecond", Integer(0)),
            ("tzinfo", Nothing),
        ],
    ),
    maker(
        "",
        "timedelta",
        "make_delta",
        &[
            ("days", Integer(0)),
            ("seconds", Integer(0)),
            ("microseconds", Integer(0)),
            ("milliseconds", Integer(0)),
            ("minutes", Integer(0)),
            ("hours", Integer(0)),
            ("weeks", Integer(0)),
        ],
    ),
    maker("", "timezone", "make_zone", &[("offset", Refused)]),
    maker("date", "fromisoformat", "date_of_iso", TEXT),
    maker("datetime", "fromisoformat", "datetime_of_iso", TEXT),
    maker("time", "fromisoformat", "time_of_iso", TEXT),
    maker(
        "datetime",
        "fromtimestamp",
        "datetime_of_timestamp",
        &[("timestamp", Refused), ("tz", Nothing)],
    ),
    maker(
        "datetime",
        "strptime",
        "datetime_of_format",
        &[("", Refused), ("", Refused)],
    ),
    maker(
        "datetime",
        "combine",
        "datetime_combined",
        &[("date", Refused), ("time", Refused)],
    ),
];

/// A method or an attribute, and the tags of the values that have it.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(super) helper: Helper,
    pub(super) of: &'static [&'static str],
    pub(super) parameters: &'static [Parameter],
}

const fn member(name: &'static str, helper: Helper, of: &'static [&'static str]) -> Member {
    taking(name, helper, of, &[])
}

const fn taking(
    name: &'static str,
    helper: Helper,
    of: &'static [&'static str],
    parameters: &'static [Parameter],
) -> Member {
    Member {
        name,
        helper,
        of,
        parameters,
    }
}

const DAYS: &[&str] = &["DATETIME", "DATE"];
const CLOCKS: &[&str] = &["DATETIME", "TIME"];
const ZONED: &[&str] = &["DATETIME", "TIME", "ZONE"];
const DATETIMES: &[&str] = &["DATETIME"];
const ALL: &[&str] = &["DATETIME", "DATE", "TIME"];
const DELTAS: &[&str] = &["DELTA"];

pub(crate) const METHODS: &[Member] = &[
    taking(
        "astimezone",
        "date_astimezone",
        DATETIMES,
        &[("tz", Refused)],
    ),
    member("date", "date_date", DATETIMES),
    member("isocalendar", "date_isocalendar", DAYS),
    taking(
        "isoformat",
        "date_isoformat",
        ALL,
        &[("sep", Nothing), ("timespec", Nothing)],
    ),
    member("isoweekday", "date_isoweekday", DAYS),
    taking("replace", "date_replace", ALL, REPLACED),
    taking("strftime", "date_strftime", ALL, &[("format", Refused)]),
    member("time", "date_time", DATETIMES),
    member("timestamp", "date_timestamp", DATETIMES),
    member("timetz", "date_timetz", DATETIMES),
    member("toordinal", "date_toordinal", DAYS),
    member("total_seconds", "total_seconds", DELTAS),
    member("tzname", "date_tzname", ZONED),
    member("utcoffset", "date_utcoffset", ZONED),
    member("weekday", "date_weekday", DAYS),
];

/// The parameters of `replace`, in the order of the helper's bits.
const REPLACED: &[Parameter] = &[
    ("year", Nothing),
    ("month", Nothing),
    ("day", Nothing),
    ("hour", Nothing),
    ("minute", Nothing),
    ("second", Nothing),
    ("microsecond", Nothing),
    ("tzinfo", Nothing),
];

pub(crate) const ATTRIBUTES: &[Member] = &[
    member("day", "date_day", DAYS),
    member("days", "delta_days", DELTAS),
    member("hour", "date_hour", CLOCKS),
    member("microsecond", "date_microsecond", CLOCKS),
    member("microseconds", "delta_microseconds", DELTAS),
    member("minute", "date_minute", CLOCKS),
    member("month", "date_month", DAYS),
    member("second", "date_second", CLOCKS),
    member("seconds", "delta_seconds", DELTAS),
    member("tzinfo", "date_tzinfo", CLOCKS),
    member("year", "date_year", DAYS),
];

/// The directives of `strftime`.
pub(super) const WRITTEN_DIRECTIVES: &str = "YmdHMSIpyjGVUWwuaAbBFTRfzZ%";

/// The directives of `strptime`: those of numbers.
pub(super) const READ_DIRECTIVES: &str = "YmdHMSfzyjIp%";

/// The functions that make dates, or the methods of a class that do.
pub(crate) fn makers(class: &str) -> impl Iterator<Item = &'static str> {
    let of_class = MAKERS.iter().filter(move |maker| maker.class == class);
    of_class.map(|maker| maker.name)
}

impl Member {
    /// A value that has it, or the `AttributeError`, before anything else is evaluated.
    pub(super) fn receiver(&self, value: Node) -> Node {
        let tags = self.of.iter().map(|tag| 1 << named(tag)).sum();
        let needed = match self.name {
            "replace" => "need_replace",
            _ => "need_kind",
        };
        Node::CallWith(needed, vec![value, Node::text(self.name)], tags)
    }
}
