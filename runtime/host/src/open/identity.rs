//! The identity of a storage: written when it is created, never changed.

use super::opened::meta;
use crate::host::HostError;
use bureaucrat_store::{Group, Store, StoreError, Table, Unit, Write, records};
use serde::{Deserialize, Serialize};

/// The key of the identity in the table of meta records.
pub(crate) const IDENTITY: &[u8] = b"identity";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdentityRecord {
    /// From which ids are derived, 32 bytes.
    #[serde(with = "serde_bytes")]
    pub secret: Vec<u8>,
}

/// The identity of a storage.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// From which ids are derived.
    pub secret: [u8; 32],
}

/// The identity of a storage; a new one gets this secret.
pub fn of(store: &dyn Store, secret_if_new: [u8; 32]) -> Result<Identity, HostError> {
    let found: Option<IdentityRecord> = meta(records::read(store, Table::Meta, IDENTITY))?;
    let Some(found) = found else {
        let record = IdentityRecord {
            secret: secret_if_new.to_vec(),
        };
        let write = Write::Put {
            table: Table::Meta,
            key: IDENTITY.to_vec(),
            value: records::encode(&record)?,
        };
        let units = vec![Unit::of(vec![write])];
        store.commit(&Group { units })?;
        let secret = secret_if_new;
        return Ok(Identity { secret });
    };
    let secret = found.secret.as_slice().try_into();
    let secret = secret.map_err(|_| StoreError::Damaged {
        table: Table::Meta,
        key: records::hexadecimal(IDENTITY),
        reason: "the secret is not 32 bytes long".into(),
    });
    Ok(Identity {
        secret: meta(secret)?,
    })
}
