//! The broker's addresses, put together from what the settings say.

use super::{
    Draft, Origin, Resolved,
    resolve::{Unfit, unfit},
    table,
};
use bureaucrat_connect::{Addresses, Defaults, Password, Secret, Tls};

/// The addresses that were given, or those that the parts in the INI file make. A user, a password
/// and files for TLS go into addresses that have none.
///
/// # Errors
/// When an address can't be read, or the password file can't.
pub fn addresses(draft: &Draft, resolved: &[Resolved]) -> Result<Addresses, Unfit> {
    let defaults = Defaults {
        user: draft.user.clone(),
        password: password(draft, resolved)?,
        tls: Tls {
            ca_file: draft.ca_file.clone(),
            cert_file: draft.cert_file.clone(),
            key_file: draft.key_file.clone(),
            server_name: None,
        },
        heartbeat: draft.heartbeat,
        connect_timeout: draft.connect_timeout,
        name: match draft.connection_name.as_str() {
            "" => name(),
            given => given.to_owned(),
        },
    };
    let (addresses, setting) = match &draft.amqp {
        Some(text) => (Addresses::parse(text.reveal(), &defaults), "amqp"),
        None => {
            let port = (draft.port != 0).then_some(draft.port);
            let encryption = draft.encryption;
            let parts = Addresses::of_parts(&draft.host, port, &draft.vhost, encryption, &defaults);
            (parts, "amqp_host")
        }
    };
    addresses.map_err(|error| error_of(setting, resolved, error.to_string()))
}

/// What an operator of the broker can tell this process by.
fn name() -> String {
    let host = nix::unistd::gethostname().ok();
    let host = host.and_then(|host| host.into_string().ok());
    let host = host.unwrap_or_else(|| "unknown".to_owned());
    format!("bureaucrat {host} {}", std::process::id())
}

/// The password for addresses without one: of a password and a file that holds one, that of the
/// nearer place.
fn password(draft: &Draft, resolved: &[Resolved]) -> Result<Password, Unfit> {
    let nearness = |name: &str| match origin(name, resolved) {
        Origin::Flag(_) => 0,
        Origin::Variable(_) => 1,
        Origin::File { .. } => 2,
        Origin::Default => 3,
    };
    let is_file = nearness("amqp_password_file") < nearness("amqp_password");
    match (&draft.password, &draft.password_file) {
        (_, Some(file)) if is_file => Password::in_file(file)
            .map_err(|error| error_of("amqp_password_file", resolved, error.to_string())),
        (Some(password), _) => Ok(Password::Known(password.clone())),
        (None, _) => Ok(Password::Known(Secret::new("guest"))),
    }
}

pub fn origin(name: &str, resolved: &[Resolved]) -> Origin {
    let mut rows = resolved.iter();
    let row = rows.find(|row| row.name == name);
    row.map_or(Origin::Default, |row| row.origin.clone())
}

pub fn error_of(name: &str, resolved: &[Resolved], reason: String) -> Unfit {
    let row = table::rows().find(|row| row.name == name);
    unfit(
        row.unwrap_or(&table::CONFIG),
        origin(name, resolved),
        reason,
    )
}

/// What has no effect on how the broker is reached, one sentence per item.
pub fn remarks(addresses: &Addresses, resolved: &[Resolved]) -> Vec<String> {
    let mut remarks = addresses.remarks().to_vec();
    if !addresses.iter().any(bureaucrat_connect::Address::is_tls) {
        for name in ["amqp_ca_file", "amqp_cert_file", "amqp_key_file"] {
            let origin = origin(name, resolved);
            if origin != Origin::Default {
                remarks.push(format!(
                    "{origin}: the file for TLS has no effect; to use TLS, begin the broker's \
                     address with amqps://"
                ));
            }
        }
    }
    let parts = ["amqp_host", "amqp_port", "amqp_vhost", "amqp_tls"];
    let address = origin("amqp", resolved);
    for name in parts.into_iter().filter(|_| address != Origin::Default) {
        let origin = origin(name, resolved);
        if origin != Origin::Default {
            remarks.push(format!(
                "{origin}: it has no effect, because {address} gives an address"
            ));
        }
    }
    remarks
}
