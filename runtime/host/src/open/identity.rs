//! The identity of a storage: written when it is created, never changed.

use crate::error::{HostError, meta};
use bureaucrat_model::{Hex, ShardId};
use bureaucrat_store::{Group, Store, StoreError, Table, Unit, Write, records};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

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

/// A hash of these parts for one purpose, which only this storage makes.
pub fn keyed(secret: &[u8; 32], purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length; the fallback avoids a panic.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return [0; 32];
    };
    for part in std::iter::once(purpose.as_bytes()).chain(parts.iter().copied()) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The hash under which a shard remembers what it must not do twice: it begins with the shard.
pub fn seen(secret: &[u8; 32], shard: ShardId, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = keyed(secret, purpose, parts);
    hash[0] = shard.0;
    hash
}

/// The hash of a business key, among the processes of a user with a name.
pub fn business_key(secret: &[u8; 32], user: Option<&str>, name: &str, key: &str) -> [u8; 32] {
    let whose = if user.is_some() { "user" } else { "nobody" };
    let user = user.unwrap_or_default();
    let parts = [whose, user, name, key].map(str::as_bytes);
    keyed(secret, "business key", &parts)
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
        key: Hex(IDENTITY).to_string(),
        reason: "the secret is not 32 bytes long".into(),
    });
    Ok(Identity {
        secret: meta(secret)?,
    })
}
