//! Forms and literals of dates; forms.rs says what their places stand for.

use super::draw::Draw;
use super::forms::{Dated, Want};

/// The forms for a kind of date.
pub fn of(want: Dated) -> &'static [&'static str] {
    match want {
        Dated::Moment => MOMENT,
        Dated::Day => DAY,
        Dated::Clock => CLOCK,
        Dated::Zone => ZONE,
        Dated::Span => SPAN,
    }
}

const MOMENT: &[&str] = &[
    "<a> + <w>",
    "<a> - <w>",
    "<w> + <a>",
    "datetime.fromtimestamp(<n>, <z>)",
    "datetime.fromtimestamp(<n>, timezone.utc)",
    "datetime.combine(<d>, <c>)",
    "[<a>][0].astimezone(<z> or timezone.utc)",
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
    "timezone([<w>][0])",
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
pub fn literal(draw: &mut Draw, want: Dated) -> String {
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
        Dated::Moment => match draw.below(5) {
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
        Dated::Day => format!("date({})", day(draw)),
        Dated::Clock => match draw.below(3) {
            0 => format!("time({})", clock(draw)),
            1 => format!("time({}, tzinfo={})", draw.below(24), zone(draw)),
            _ => format!("time({}, tzinfo=timezone.utc)", clock(draw)),
        },
        Dated::Zone => match draw.below(4) {
            0 => "None".to_owned(),
            _ => zone(draw),
        },
        Dated::Span => match draw.below(5) {
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
