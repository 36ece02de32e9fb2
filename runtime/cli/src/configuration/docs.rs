//! docs/settings.md, made from the table; a test compares.

use super::{
    row::{Group, Preset, Row},
    table,
};
use bureaucrat_sandbox::{SandboxLimits, Setting};
use std::fmt::Write;

const HEAD: &str = "\
# Settings

<!-- Made from the table in runtime/cli/src/configuration/table.rs; a test compares. To change it,
change the table and run the test with UPDATE_GOLDEN=1. -->

Each setting has a flag, an environment variable and a key in the INI file, as far as the tables
say. A flag wins over a variable, a variable over the INI file, the INI file over the default. An
empty value counts as not set. In paths, `~` and `~/` are your home, and a relative path starts at
the current folder. `bureaucrat config` prints what is in force and where each value came from.

Warnings name the file and the line of whatever has no effect: keys and sections that are not
known, and lines before the first section. If a key of a section is given twice with different
values, the last one counts, and a warning says so.
";

/// The page.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for group in Group::ALL {
        page += &format!("\n## {}\n\n", group.title());
        page += "| setting | value | default | flag | variable | INI key |\n";
        page += "| --- | --- | --- | --- | --- | --- |\n";
        for row in table::rows().filter(|row| row.group == group) {
            page += &line(row);
        }
        if group == Group::Broker {
            page += BROKER;
        }
    }
    page += "\n## Sections whose keys you choose\n\n";
    for (name, meaning) in table::FREE_SECTIONS {
        page += &format!("- `[{name}]`: {meaning}.\n");
    }
    page += LIMITS_HEAD;
    let defaults = SandboxLimits::default();
    for setting in Setting::all() {
        let (name, meaning, least, most) =
            (setting.name, setting.meaning, setting.least, setting.most);
        let default = setting.get(&defaults);
        // Writing to a string can't fail.
        let _ = writeln!(
            page,
            "| `{name}` | {meaning} | {default} | {least} | {most} |"
        );
    }
    page
}

const BROKER: &str = "
### Addresses

An address is `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://` for TLS. Every part may be left
out: the user is then that of the settings, the port 5672 (5671 with TLS), the virtual host `/`.

- `amqp://mq`, `amqp://mq/`, `amqp://mq//` and `amqp://mq/%2f` all mean the virtual host `/`.
- An IPv6 address needs brackets: `amqp://[fd00::7]:5672/`. The key `host` takes it without them.
- In the user, the password and the virtual host, write `@` as `%40`, `/` as `%2F`, `?` as `%3F`,
  `#` as `%23`, `%` as `%25`.
- Several addresses, separated by commas or semicolons, are tried in turn:
  `amqp://u:p@mq1/shop,amqp://u:p@mq2/shop`. So are several hosts of one address,
  `amqp://u:p@mq1,mq2:5673/shop`, and of the key `host`. The one that worked last is tried first.

Parameters of an address, as RabbitMQ's own clients have them, win over the settings:
`heartbeat` (seconds), `connection_timeout` (milliseconds), `frame_max` (bytes, at least 4096),
`channel_max` (at least 8), `auth_mechanism` (`plain`, `amqplain`, `external`), `connection_name`,
and with TLS `cacertfile`, `certfile`, `keyfile` and `server_name_indication`. A warning names every
other parameter. The broker's certificate is always checked; there is no way to turn that off.

### Passwords

The password for an address without one comes from `--amqp-password-file`, from a variable, or from
the INI file, whichever of these places comes first. A password file is read again for each
connection: rewrite it to change the password of a running engine. The same holds for the files for
TLS.

No output shows a password. An address with a password in `--amqp` is visible to every user of the
machine in the list of processes, so the program starts itself again without it, in the same
process; it is visible for some milliseconds until then, and the shell may keep it in its history.
A variable or a file is better.

### When the broker refuses

The engine tries again until it succeeds, at most every 10 seconds. Its log has one line for each
change: what is wrong, in the broker's own words, and what to do. The next line has the number of
tries (`tries`). `launch` and `event` try each address once, and fail with the same words. If the
broker closes the connection without a word, or doesn't answer at all, they can only say that. If it
blocks publishing, as it does when it runs out of memory or disk space, they say so at once, and wait
until it accepts messages or `--timeout` has passed.
";

const LIMITS_HEAD: &str = "
## Limits of conditions and modules

These are keys of the section `[limits]`; they have no flags and no variables. An underscore may
separate digits: `memory_bytes = 16_777_216`. [Limits](limits.md) says how they were chosen.

| key | what it bounds | default | least | most |
| --- | --- | --- | --- | --- |
";

fn line(row: &Row) -> String {
    let default = match row.preset {
        Preset::Value(value) => format!("`{value}`"),
        Preset::Absent(words) => words.to_owned(),
    };
    let flag = row.long().map(|long| match row.short {
        Some(short) => format!("`-{short}`, `--{long}`"),
        None => format!("`--{long}`"),
    });
    let variable = row.variable().map(|name| format!("`{name}`"));
    let key = row
        .key
        .map(|key| format!("`[{}]` `{}`", key.section, key.name));
    format!(
        "| {} | {} | {default} | {} | {} | {} |\n",
        row.meaning,
        row.kind.words(),
        flag.unwrap_or_default(),
        variable.unwrap_or_default(),
        key.unwrap_or_default()
    )
}
