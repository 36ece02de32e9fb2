//! Forms and literals of dates; forms.rs says what their places stand for.

use super::draw::Draw;
use super::forms::Want;

/// Calls of everything that dates have, and of what makes them, with an operand @. Each makes a
/// date somewhere: an expression that makes none is refused. `(@ or @)` hides a field.
pub const CALLS: &[&str] = &[
    "[(@ or @).year, now()][0]",
    "[(@ or @).month, now()][0]",
    "[(@ or @).day, now()][0]",
    "[(@ or @).hour, now()][0]",
    "[(@ or @).minute, now()][0]",
    "[(@ or @).second, now()][0]",
    "[(@ or @).microsecond, now()][0]",
    "[(@ or @).tzinfo is None, now()][0]",
    "[str((@ or @).tzinfo), now()][0]",
    "[(@ or @).days, now()][0]",
    "[(@ or @).seconds, now()][0]",
    "[(@ or @).microseconds, now()][0]",
    "[(@ or @).date(), now()][0]",
    "[(@ or @).time(), now()][0]",
    "[(@ or @).timetz(), now()][0]",
    "[(@ or @).weekday(), now()][0]",
    "[(@ or @).isoweekday(), now()][0]",
    "[tuple((@ or @).isocalendar()), now()][0]",
    "[(@ or @).toordinal(), now()][0]",
    "[(@ or @).timestamp(), now()][0]",
    "[(@ or @).total_seconds(), now()][0]",
    "[(@ or @).utcoffset(), now()][0]",
    "[(@ or @).tzname(), now()][0]",
    "[(@ or @).isoformat(), now()][0]",
    "[(@ or @).isoformat(timespec='milliseconds'), now()][0]",
    "[(@ or @).isoformat(timespec='minutes'), now()][0]",
    "[(@ or @).isoformat(' ', 'hours'), now()][0]",
    "[(@ or @).isoformat('\u{e9}'), now()][0]",
    "[(@ or @).astimezone(timezone.utc), now()][0]",
    "[(@ or @).astimezone(timezone(timedelta(hours=5, minutes=45))), now()][0]",
    "[(@ or @).replace(year=2023), now()][0]",
    "[(@ or @).replace(month=2, day=28), now()][0]",
    "[(@ or @).replace(hour=1), now()][0]",
    "[(@ or @).replace(microsecond=1, second=2), now()][0]",
    "[(@ or @).replace(tzinfo=None), now()][0]",
    "[(@ or @).strftime('%Y-%m-%d'), now()][0]",
    "[(@ or @).strftime('%H:%M:%S.%f %z %Z %%'), now()][0]",
    "[(@ or @).strftime('%a %A %b %B %p %I %y %j'), now()][0]",
    "[(@ or @).strftime('%G-W%V-%u %U %W %w %F %T %R'), now()][0]",
    "[(@ or @).strftime('%-d.%-m.%-y %-H %-j %-I x%'), now()][0]",
    "[f'{(@ or @):%d.%m.%Y}', now()][0]",
    "[format((@ or @), '%H:%M'), now()][0]",
    "[now().isoformat(@), now()][0]",
    "now().isoformat(timespec=@)",
    "now().strftime(@)",
    "now().astimezone(@)",
    "now().replace(tzinfo=@)",
    "now().replace(month=@)",
    "date(2024, 1, 31).replace(day=@)",
    "time(1, 2).replace(hour=@)",
    "date(@, 2, 29)",
    "date(2024, @, 29)",
    "date(2023, 2, @)",
    "datetime(2024, 1, 1, @)",
    "datetime(2024, 1, 1, minute=@)",
    "datetime(2024, 1, 1, 0, 0, @, @)",
    "datetime(2024, 1, 1, tzinfo=@)",
    "time(@)",
    "time(1, @, @)",
    "time(1, 2, 3, 4, @)",
    "timedelta(@)",
    "timedelta(seconds=@)",
    "timedelta(microseconds=@, milliseconds=@)",
    "timedelta(weeks=@, hours=@, minutes=@)",
    "timezone(@)",
    "timezone(timedelta(hours=@))",
    "datetime.fromtimestamp(@, timezone.utc)",
    "datetime.fromtimestamp(@, tz=timezone(timedelta(hours=2)))",
    "datetime.fromtimestamp(@)",
    "datetime.fromtimestamp(0, @)",
    "datetime.fromisoformat(@)",
    "date.fromisoformat(@)",
    "time.fromisoformat(@)",
    "datetime.strptime(@, '%Y-%m-%d')",
    "datetime.strptime('2024-01-02', @)",
    "datetime.combine(@, time(1))",
    "datetime.combine(date(2024, 1, 1), @)",
    "list(map(date.fromisoformat, @))",
    "type(@) is datetime or type(@) is date",
    "isinstance(@, date)",
    "isinstance(@, (datetime, time, timedelta, timezone))",
];

/// Samples of dates, for every pair with the others.
pub const SAMPLES: &[&str] = &[
    "datetime(2024, 2, 29, 12, 30, 15, 500000)",
    "datetime(1, 1, 1)",
    "datetime(9999, 12, 31, 23, 59, 59, 999999, timezone.utc)",
    "datetime(2024, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))",
    "now()",
    "date(2024, 2, 29)",
    "date(1, 1, 1)",
    "date(2026, 12, 31)",
    "time(23, 59, 59, 999999)",
    "time(0)",
    "time(1, 2, tzinfo=timezone.utc)",
    "timedelta(0)",
    "timedelta(days=1, seconds=-1)",
    "timedelta(microseconds=-1500001)",
    "timedelta(days=-400, hours=7)",
    "timezone.utc",
    "timezone(timedelta(hours=-3, seconds=-30))",
];

/// Those that every run pairs with the others.
pub const OFTEN: &[&str] = &[
    "datetime(2024, 2, 29, 12, 30, 15, 500000)",
    "now()",
    "date(2024, 2, 29)",
    "time(0)",
    "timedelta(0)",
    "timedelta(days=1, seconds=-1)",
    "timezone.utc",
];

/// ISO texts of all forms, and some that have none.
pub const TEXTS: &[&str] = &[
    "2024-02-29",
    "20240229",
    "2024-W09-4",
    "2024W094",
    "2024-W09",
    "2024W09",
    "2023-02-29",
    "2024-02-29T12:30",
    "2024-02-29 12:30:15",
    "2024-02-29T12:30:15.5",
    "20240229T123015",
    "2024-02-29T12:30:15.123456789Z",
    "2024-02-29T12:30:15+05:30",
    "2024-02-29T12Z",
    "2024-02-29T12:30:15,25-0330",
    "2024-W09-4T12",
    "2024-W09-12",
    "2024W0941230",
    "2024W09412305",
    "2024W09123",
    "2024W0912345",
    "2024W094123045.5",
    "2024-02-29T12:+01:00",
    "2024-02-29T12:30:45:123",
    "2024-02-29T123045678",
    "2024-02-29T12:30:00.+01:00",
    "2024-02-29T",
    "2024-02-29T24:00",
    "0000-01-01",
    "9999-W53-7",
    "2020-W53-5",
    "2024-2-29",
    "12:30",
    "T12:30:15",
    "12:30:15.000001",
    "123015.5",
    "12:30Z",
    "12:30+23:59:59.999999",
    "12:30+24:00",
    "1230+0100",
    "25:00",
    "12:60",
    "",
    "T",
    "now",
    "2024-02-29\u{e9}12:30",
    "2024-02-29T12:30:15+00:00:00.5",
    "2024-13-01",
];

/// A text and a format of `strptime`.
pub const READS: &[(&str, &str)] = &[
    ("2024-02-29 12:30:15", "%Y-%m-%d %H:%M:%S"),
    ("2024-02-29  12:30:15", "%Y-%m-%d %H:%M:%S"),
    ("20240229", "%Y%m%d"),
    ("2024111", "%Y%m%d"),
    ("11", "%m%d"),
    ("1231", "%m%d"),
    ("29.2.24", "%d.%m.%y"),
    (" 5.2.69", "%d.%m.%y"),
    ("2024-060", "%Y-%j"),
    ("366", "%j"),
    ("0", "%j"),
    ("12:30:15.25", "%H:%M:%S.%f"),
    ("123", "%f"),
    ("1234567", "%f"),
    ("12 am", "%I %p"),
    ("12 PM", "%I %p"),
    ("3PM", "%I%p"),
    ("13 AM", "%I %p"),
    ("12", "%I"),
    ("23:59:60", "%H:%M:%S"),
    ("2024-02-29T12:30+0530", "%Y-%m-%dT%H:%M%z"),
    ("2024-02-29t12:30Z", "%Y-%m-%dT%H:%M%z"),
    ("-01:30:15.5", "%z"),
    ("+00:00", "%z"),
    ("+2400", "%z"),
    ("+01:60", "%z"),
    ("100%", "%m0%%"),
    ("2024-02-30", "%Y-%m-%d"),
    ("29.2", "%d.%m"),
    ("2024-01-01x", "%Y-%m-%d"),
    ("x2024-01-01", "%Y-%m-%d"),
    ("0000-01-01", "%Y-%m-%d"),
    ("\u{e9} 1", "\u{e9}%m"),
    ("\u{e9}1", "\u{e9}%m"),
    ("1", "%m %"),
    ("", ""),
    ("", "%d"),
    ("1 ", "%d "),
    ("1", "%d "),
    ("1\u{a0}\n2", "%d %m"),
];

/// The cases of [`TEXTS`] and [`READS`].
pub fn texts() -> Vec<(String, String)> {
    let quoted = |text: &str| format!("'{}'", text.replace('\n', "\\n"));
    let fields = || "{\"inst:now\": 0}".to_owned();
    let mut cases = Vec::new();
    for text in TEXTS {
        for class in ["datetime", "date", "time"] {
            let read = format!("{class}.fromisoformat({})", quoted(text));
            cases.push((fields(), read.clone()));
            cases.push((fields(), format!("repr({read})")));
        }
    }
    for (text, format) in READS {
        let read = format!("datetime.strptime({}, {})", quoted(text), quoted(format));
        cases.push((fields(), read));
    }
    cases
}

/// The forms for a kind of date.
pub fn of(want: Want) -> &'static [&'static str] {
    match want {
        Want::Moment => MOMENT,
        Want::Day => DAY,
        Want::Clock => CLOCK,
        Want::Zone => ZONE,
        _ => SPAN,
    }
}

const MOMENT: &[&str] = &[
    "<a> + <w>",
    "<a> - <w>",
    "<w> + <a>",
    "datetime.fromtimestamp(<n>, <z>)",
    "datetime.fromtimestamp(<n>, timezone.utc)",
    "datetime.combine(<d>, <c>)",
    "[<a>][0].astimezone(<z>)",
    "[<a>][0].replace(tzinfo=<z>)",
    "[<a>][0].replace(day=<u> + 1, hour=<u>)",
    "[<a>][0].replace(microsecond=0)",
    "datetime.fromisoformat(<t>)",
    "datetime.fromisoformat([<m>][0].isoformat())",
    "datetime.strptime([<m>][0].strftime('%Y-%m-%d %H'), '%Y-%m-%d %H')",
    "datetime(<u> + 2020, <u> + 1, 28 + <u>)",
    "max(<a>, <a>)",
    "min([<a>, <a>, <a>])",
];

const DAY: &[&str] = &[
    "<a> + <w>",
    "<a> - <w>",
    "[<m>][0].date()",
    "[<a>][0].replace(day=<u> + 28)",
    "[<a>][0].replace(month=<u>, year=<u> + 2000)",
    "date.fromisoformat(str(<a>))",
    "date(<u> + 2020, <u> + 1, 28 + <u>)",
    "sorted([<a>, <a>])[0]",
];

const CLOCK: &[&str] = &[
    "[<m>][0].time()",
    "[<m>][0].timetz()",
    "[<a>][0].replace(hour=<u>, tzinfo=<z>)",
    "time.fromisoformat(str(<a>))",
    "time(<u>, 55 + <u>, microsecond=<n>)",
    "time(<u>, tzinfo=<z>)",
];

const SPAN: &[&str] = &[
    "<a> + <a>",
    "<a> - <a>",
    "-<a>",
    "+<a>",
    "abs(<a>)",
    "<a> * <n>",
    "<n> * <a>",
    "<a> / <n>",
    "<a> // <n>",
    "<a> % <a>",
    "<m> - <m>",
    "<d> - <d>",
    "divmod(<a>, <a>)[1]",
    "timedelta(<n>)",
    "timedelta(hours=<n>, minutes=<n>)",
    "timedelta(seconds=<n>, days=<k>)",
    "timedelta(milliseconds=<n>, weeks=<k>)",
    "sum([<a>, <a>], timedelta(0))",
    "sum((<a> for <v> in <l>), timedelta(<k>))",
    "[<m>][0].utcoffset()",
    "min(<a>, <a>, key=abs)",
];

const ZONE: &[&str] = &[
    "timezone(<w>)",
    "timezone(timedelta(hours=<k>))",
    "[<m>][0].tzinfo",
];

/// Forms of other kinds with dates in them, by place: numbers, texts and truths.
pub const OTHERS: &[(Want, &[&str])] = &[
    (
        Want::Number,
        &[
            "[<m>][0].year",
            "[<d>][0].month * 100 + [<d>][0].day",
            "[<m>][0].hour + [<c>][0].minute",
            "[<m>][0].second + [<c>][0].microsecond",
            "[<w>][0].days + [<w>][0].seconds",
            "[<w>][0].microseconds",
            "[<w>][0].total_seconds()",
            "[<m>][0].timestamp()",
            "[<m>][0].weekday()",
            "[<d>][0].isoweekday()",
            "[<d>][0].toordinal()",
            "sum([<d>][0].isocalendar())",
            "<w> / <w>",
            "<w> // <w>",
            "divmod(<w>, <w>)[0]",
        ],
    ),
    (
        Want::Text,
        &[
            "str(<m>)",
            "str(<d>)",
            "str(<c>)",
            "str(<w>)",
            "str(<z>)",
            "repr(<m>)",
            "repr([<d>, <c>, <w>, <z>])",
            "[<m>][0].isoformat()",
            "[<m>][0].isoformat(' ', timespec='seconds')",
            "[<c>][0].isoformat('milliseconds')",
            "[<d>][0].strftime('%a %d %b %Y')",
            "[<m>][0].strftime('%j %U %V %z|%Z %f')",
            "[<c>][0].strftime('%I:%M %p')",
            "[<m>][0].tzname()",
            "'%s %r' % (<d>, <w>)",
            "'{:%Y} {}'.format(<m>, <w>)",
            "type(<w>).__name__",
        ],
    ),
    (
        Want::Truth,
        &[
            "<m> < <m>",
            "<m> == <m>",
            "<m> >= <m>",
            "<d> <= <d>",
            "<d> != <d>",
            "<c> < <c>",
            "<c> == <c>",
            "<w> > <w>",
            "<w> == <w>",
            "<z> == <z>",
            "<m> in [<m>, <d>]",
            "<w> in {<w>, <w>}",
            "<m> < <d>",
            "bool(<w>)",
            "isinstance(<m>, date)",
            "<w> < <w> <= <w>",
        ],
    ),
    (
        Want::List,
        &[
            "[<m>, <d>, <c>, <w>]",
            "sorted([<m>, <m>, <m>])",
            "sorted([<w>, <w>], reverse=True)",
            "list({<d>: <w>, <d>: 1}.values())",
            "len({<m>, <m>, <w>}) * [<n>]",
        ],
    ),
];

/// A literal, drawn.
pub fn literal(draw: &mut Draw, want: Want) -> String {
    let year = |draw: &mut Draw| match draw.below(8) {
        0 => draw
            .one(&["1", "2", "9999", "1900", "2000", "999"])
            .to_owned(),
        1 => (1 + draw.below(9999)).to_string(),
        _ => (1990 + draw.below(60)).to_string(),
    };
    let day = |draw: &mut Draw| {
        let (year, month, day) = (year(draw), 1 + draw.below(12), 1 + draw.below(28));
        format!("{year}, {month}, {day}")
    };
    let clock = |draw: &mut Draw| {
        let (hour, minute) = (draw.below(24), draw.below(60));
        match draw.below(3) {
            0 => format!("{hour}, {minute}"),
            1 => format!("{hour}, {minute}, {}", draw.below(60)),
            _ => format!(
                "{hour}, {minute}, {}, {}",
                draw.below(60),
                draw.below(1_000_000)
            ),
        }
    };
    let zone = |draw: &mut Draw| match draw.below(4) {
        0 => "None".to_owned(),
        1 | 2 => "timezone.utc".to_owned(),
        _ => format!(
            "timezone(timedelta(minutes={}))",
            draw.below(2800) as i64 - 1400
        ),
    };
    match want {
        Want::Moment => match draw.below(5) {
            0 => "now()".to_owned(),
            1 => format!("datetime({})", day(draw)),
            2 => format!("datetime({}, {})", day(draw), clock(draw)),
            _ => format!(
                "datetime({}, {}, tzinfo={})",
                day(draw),
                clock(draw),
                zone(draw)
            ),
        },
        Want::Day => format!("date({})", day(draw)),
        Want::Clock => match draw.below(3) {
            0 => format!("time({})", clock(draw)),
            1 => format!("time({}, tzinfo={})", draw.below(24), zone(draw)),
            _ => format!("time({}, tzinfo=timezone.utc)", clock(draw)),
        },
        Want::Zone => match draw.below(4) {
            0 => "None".to_owned(),
            _ => zone(draw),
        },
        _ => match draw.below(5) {
            0 => format!("timedelta({})", draw.below(800) as i64 - 400),
            1 => format!("timedelta(hours={})", draw.below(200) as f64 / 8.0 - 9.0),
            2 => format!(
                "timedelta(microseconds={})",
                draw.next() as i64 >> draw.below(60)
            ),
            3 => format!(
                "timedelta(minutes={}, seconds={})",
                draw.below(90),
                draw.below(90)
            ),
            _ => draw
                .one(&[
                    "timedelta(0)",
                    "timedelta(weeks=1)",
                    "timedelta(1, -1)",
                    "timedelta(days=0.3)",
                ])
                .to_owned(),
        },
    }
}
