//! Business keys: each process that has one and has not ended is in the index, and nothing else is.

use super::{
    Auditor, Presence, Repair,
    instances::{Keyed, Known, Phase, Processes},
};
use crate::open::identity::{self, IDENTITY, IdentityRecord};
use bureaucrat_model::ProcessId;
use bureaucrat_store::{StoreError, Table, Write, records};

impl Auditor<'_> {
    pub(super) fn business_keys(&mut self, processes: &mut Processes) -> Result<(), StoreError> {
        let table = Table::BusinessKeys;
        let identity = records::read::<IdentityRecord>(self.store, Table::Meta, IDENTITY);
        let secret = identity.ok().flatten();
        let secret = secret.and_then(|identity| <[u8; 32]>::try_from(identity.secret).ok());
        // Without its identity a store cannot tell which key is whose.
        let Some(secret) = secret else {
            return self.each(table, |_, _, _| Ok(())).map(drop);
        };
        let hash = |keyed: &Keyed| {
            identity::business_key(&secret, keyed.user.as_deref(), &keyed.name, &keyed.key)
        };
        let gaps = self.each(table, |auditor, key, value| {
            let Ok(process) = <[u8; 16]>::try_from(&*value) else {
                let what = "it names no process".to_owned();
                let findings = &mut auditor.findings;
                findings.damaged(table, &key, None, what, Repair::Remove);
                return Ok(());
            };
            let process = ProcessId::from_bytes(process);
            if processes.presence(process) == Presence::Hidden {
                return Ok(());
            }
            let keyed = match processes.known.get_mut(&process) {
                Some(known) => held_key(known),
                None => processes.decided.get_mut(&process).and_then(Option::as_mut),
            };
            match keyed {
                Some(keyed) if hash(keyed).as_slice() == key => keyed.found = true,
                Some(_) | None => {
                    let what = "the process does not have this key, or has ended".to_owned();
                    let findings = &mut auditor.findings;
                    findings.orphan(table, &key, Some(process), what);
                }
            }
            Ok(())
        })?;
        if !gaps.is_empty() {
            return Ok(());
        }
        let known = processes.known.iter_mut();
        let known = known.map(|(process, known)| (process, held_key(known)));
        let decided = processes.decided.iter_mut();
        let decided = decided.map(|(process, keyed)| (process, keyed.as_mut()));
        for (process, keyed) in known.chain(decided) {
            let Some(keyed) = keyed.filter(|keyed| !keyed.found) else {
                continue;
            };
            let write = Write::Put {
                table,
                key: hash(keyed).to_vec(),
                value: process.as_bytes().to_vec(),
            };
            let what = format!("the key `{}` of the process is not in the index", keyed.key);
            self.findings.missing(write, Some(*process), what);
        }
        Ok(())
    }
}

/// The key that a process has until it ends.
fn held_key(known: &mut Known) -> Option<&mut Keyed> {
    match known.phase {
        Phase::Running | Phase::Parked(_) => known.key.as_mut(),
        Phase::Ended(_) => None,
    }
}
