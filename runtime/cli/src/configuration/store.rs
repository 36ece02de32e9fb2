//! The database that holds the records, if it is not a folder of the storage.

use super::{
    Draft, Origin, Resolved,
    broker::{error_of, origin},
    resolve::Unfit,
};
use crate::password;
use bureaucrat_store_postgres::{Address, AddressError};

/// # Errors
/// If there are two passwords or none can be read, or one is where everybody sees it.
pub fn address(draft: &Draft, resolved: &[Resolved]) -> Result<Option<Address>, Unfit> {
    let unfit = |name, reason: String| error_of(name, resolved, reason);
    let Some(text) = &draft.store else {
        return match &draft.store_password_file {
            Some(_) => {
                let reason = "there is no database whose password this would be: set `store`";
                Err(unfit("store_password_file", reason.to_owned()))
            }
            None => Ok(None),
        };
    };
    let address = text.reveal().parse();
    let address: Address =
        address.map_err(|error: AddressError| unfit("store", error.to_string()))?;
    let is_flag = matches!(origin("store", resolved), Origin::Flag(_));
    match (&draft.store_password_file, address.has_password()) {
        (Some(_), true) => {
            let reason = "the address has a password already";
            Err(unfit("store_password_file", reason.to_owned()))
        }
        (None, true) if is_flag => {
            let reason = "every user of this machine can see a password on the command line; put it into a \
                          file, and name that with `store_password_file`";
            Err(unfit("store", reason.to_owned()))
        }
        (None, _) => Ok(Some(address)),
        (Some(path), false) => match password::in_file(path) {
            Ok(password) => Ok(Some(address.with_password(&password))),
            Err(error) => Err(unfit("store_password_file", error.to_string())),
        },
    }
}
