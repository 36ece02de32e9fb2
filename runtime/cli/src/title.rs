//! The command line of this process, which everybody on the machine can read.
//!
//! An address with a password that came as a flag is taken off it: the program starts itself again
//! in the same process, with the address in a variable, which only the same user can read. It is
//! visible for the few milliseconds until then, and stays in the shell's history. Errors of usage
//! don't repeat an address either.

use crate::{
    Exit,
    configuration::{AMQP_FLAG_VARIABLE, Flags},
    failure::{self, Form},
    screen, slips,
};
use std::{
    ffi::OsString,
    os::unix::{ffi::OsStrExt, process::CommandExt},
    process::Command,
};

/// Starts this program again when its command line shows a password. Returns when there is none,
/// or when the system doesn't start it.
pub fn hide_password(flags: &Flags) {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let (Some(address), Some((name, rest))) = (flags.amqp(), arguments.split_first()) else {
        return;
    };
    let Some(rest) = without_address(rest).filter(|_| has_password(address.as_bytes())) else {
        return;
    };
    let Ok(program) = std::env::current_exe() else {
        return;
    };
    // It returns only when it fails, and then everything works as before, but visibly.
    let _ = Command::new(program)
        .arg0(name)
        .args(rest)
        .env(AMQP_FLAG_VARIABLE, address)
        .exec();
}

/// Tells what clap says, with no address in it: one that was typed in the wrong place holds a
/// password as well.
pub fn tell(error: &clap::Error) -> Exit {
    let arguments = std::env::args_os().skip(1);
    let arguments: Vec<String> = arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let mut addresses = arguments
        .iter()
        .filter(|text| text.contains("://") && text.contains('@'));
    if !error.use_stderr() {
        // Nobody is left to tell when standard output is closed.
        let _ = error.print();
        return Exit::Done;
    }
    let mut own = arguments.iter().take_while(|argument| *argument != "--");
    let is_json = own.any(|argument| argument == "--json");
    let form = match is_json {
        true => Form::Json,
        false => Form::Words,
    };
    if let Some(words) = slips::command(error, &arguments) {
        return failure::tell_usage(&words, form);
    }
    let words = error.render().to_string();
    let is_plain = addresses.clone().next().is_none() && screen::is_harmless(&words);
    if is_plain && !is_json {
        let _ = error.print();
        return Exit::Unusable;
    }
    let words = addresses.try_fold(words, |words, address| {
        let address = address
            .split_once('=')
            .map_or(address.as_str(), |(_, value)| value);
        (!address.is_empty()).then(|| words.replace(address, "(an address)"))
    });
    let words = words.unwrap_or_default();
    let words = words.strip_prefix("error: ").unwrap_or(&words);
    // What follows are the usage and a hint at the help.
    let words = words.split("\n\n").next().unwrap_or_default();
    failure::tell_usage(words, form)
}

/// Only a user without a password is no secret.
fn has_password(address: &[u8]) -> bool {
    let after_scheme = address
        .splitn(2, |byte| *byte == b'/')
        .nth(1)
        .unwrap_or(address);
    after_scheme.contains(&b'@') && after_scheme.contains(&b':')
}

/// The arguments without `--amqp`; `None` when it is not among them.
fn without_address(arguments: &[OsString]) -> Option<Vec<OsString>> {
    let mut rest = Vec::with_capacity(arguments.len());
    let mut given = arguments.iter();
    let mut is_found = false;
    while let Some(argument) = given.next() {
        if argument == "--" {
            rest.push(argument.clone());
            rest.extend(given.cloned());
            break;
        }
        if argument == "--amqp" {
            is_found = true;
            given.next();
        } else if argument.as_bytes().starts_with(b"--amqp=") {
            is_found = true;
        } else {
            rest.push(argument.clone());
        }
    }
    is_found.then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_alone_is_taken_off() {
        let of = |text: &str| -> Option<String> {
            let arguments: Vec<OsString> = text.split(' ').map(OsString::from).collect();
            let rest = without_address(&arguments)?;
            let rest: Vec<_> = rest.iter().map(|text| text.to_string_lossy()).collect();
            Some(rest.join(" "))
        };
        for (arguments, expected) in [
            ("-f --amqp amqp://u:p@mq", Some("-f")),
            ("--amqp=amqp://u:p@mq launch x.xml", Some("launch x.xml")),
            (
                "launch --amqp amqp://u:p@mq -- --amqp",
                Some("launch -- --amqp"),
            ),
            ("launch -- --amqp x", None),
            ("--amqp-password-file x list", None),
        ] {
            assert_eq!(of(arguments).as_deref(), expected, "{arguments}");
        }
    }

    #[test]
    fn a_user_alone_is_no_secret() {
        for (address, expected) in [
            ("amqp://u:p@mq", true),
            ("amqp://mq:5672/v", false),
            ("amqp://u@mq", false),
        ] {
            assert_eq!(has_password(address.as_bytes()), expected, "{address}");
        }
    }
}
