//! The flags of settings: made from the table, as clap's arguments.
//!
//! Values are kept as they were typed; whether they are right is for [`super::resolve`] to say, in
//! the same words as for a variable or a file.

use super::{
    row::{Flag, Group, Preset, Row},
    table,
};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
};

/// The variable in which an address that came as a flag is handed to the program that this one
/// becomes, so that it counts as the flag.
pub const AMQP_FLAG_VARIABLE: &str = "BUREAUCRAT_FLAG_AMQP";

/// The settings that were given on the command line.
#[derive(Clone, Default)]
pub struct Flags {
    given: BTreeMap<&'static str, OsString>,
}

impl Flags {
    /// The address of the broker that was typed, if any.
    pub fn amqp(&self) -> Option<&OsStr> {
        self.given.get("amqp").map(OsString::as_os_str)
    }

    /// What was typed for this setting; an empty value counts as none.
    pub fn get(&self, row: &Row) -> Option<&OsStr> {
        let value = self.given.get(row.name)?;
        (!value.is_empty()).then_some(value)
    }
}

impl fmt::Debug for Flags {
    /// Values may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.given.keys()).finish()
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Some(address) = std::env::var_os(AMQP_FLAG_VARIABLE) {
            self.given.insert("amqp", address);
        }
        for row in table::rows().filter(|row| row.flag != Flag::None) {
            if let Some(value) = matches.get_one::<OsString>(row.name) {
                self.given.insert(row.name, value.clone());
            }
        }
        Ok(())
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let flagged = table::rows().filter(|row| row.flag != Flag::None);
        flagged.fold(command, |command, row| command.arg(argument(row)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(row: &'static Row) -> Arg {
    let argument = Arg::new(row.name)
        .long(row.long().unwrap_or(row.name))
        .value_name(row.kind.value_name())
        .value_parser(value_parser!(OsString))
        .action(ArgAction::Set)
        .allow_negative_numbers(true)
        .help(help(row))
        .help_heading(row.group.title())
        .global(row.flag == Flag::Everywhere);
    match row.short {
        Some(letter) => argument.short(letter),
        None => argument,
    }
}

/// A remark that the end of a line doesn't break in two.
fn kept_together(remark: &str) -> String {
    format!(" {}", remark.replace(' ', "\u{a0}"))
}

fn help(row: &Row) -> String {
    let mut help = row.meaning.to_owned();
    if let super::Kind::Choice(words, _) = row.kind {
        help += &kept_together(&format!("[one of: {}]", words.join(", ")));
    }
    if let Preset::Value(value) = row.preset {
        help += &kept_together(&format!("[default: {value}]"));
    }
    if let Some(variable) = row.variable() {
        help += &kept_together(&format!("[env: {variable}]"));
    }
    help
}

/// Hides what a command has no use for from its help; it is still taken, since scripts put the
/// same flags before every command.
pub fn show_where_used(command: Command) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        let hidden = |row: &&Row| row.flag == Flag::Everywhere && !uses(&name, row);
        let hidden: Vec<Arg> = table::rows()
            .filter(hidden)
            .map(|row| argument(row).hide(true))
            .collect();
        command.mut_subcommand(&name, |command| command.args(hidden))
    })
}

/// Whether a command, by name, has a use for a setting.
fn uses(command: &str, row: &Row) -> bool {
    let is_config = row.name == table::CONFIG.name;
    let is_storage = row.name == "storage";
    match command {
        "config" => true,
        "check" | "compile" | "policy" => false,
        "eval" => is_config,
        "launch" | "event" => {
            let is_queue = ["launch_queue", "event_queue"].contains(&row.name);
            is_config || is_queue || matches!(row.group, Group::Broker | Group::Logging)
        }
        _ => is_config || is_storage || row.group == Group::Logging,
    }
}
