//! Users and what they have: the policy in force, and for each user the processes, bytes, rows and
//! launches that count against quotas.
//!
//! The numbers belong to the engine, not to a shard: they are atomic and shared. None of them is
//! stored. At startup they are counted from the records of processes and the rows of the outbox, so
//! they are right after any crash; from then on each shard updates them with what it commits.
//! Without a policy nothing is counted.

use crate::fair::User;
use bureaucrat_model::{Head, ProcessId, Timestamp, lock, unpoisoned};
use bureaucrat_policy::{Policy, Quota, Quotas, Rule, Rules, Violation};
use bureaucrat_sandbox::Budget;
use bureaucrat_store::{Store, StoreError, instances::read_head};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

#[derive(Debug, Default)]
pub struct Account {
    live: AtomicU64,
    bytes: AtomicU64,
    rows: AtomicU64,
    waiting: AtomicU64,
    launches: Mutex<Bucket>,
}

/// Launches that may still arrive, refilled over time.
#[derive(Debug, Default)]
struct Bucket {
    /// In units of what one launch per minute gains in a millisecond, so that nothing is lost by
    /// rounding.
    left: u64,
    /// When it was filled; 0 if never.
    filled: Timestamp,
}

impl Bucket {
    fn take(&mut self, now: Timestamp, per_minute: u64) -> bool {
        const LAUNCH: u64 = 60_000;
        let full = per_minute.saturating_mul(LAUNCH);
        self.left = match self.filled {
            Timestamp(0) => full,
            filled => {
                let gained = now.since(filled).0.saturating_mul(per_minute);
                self.left.saturating_add(gained).min(full)
            }
        };
        self.filled = now;
        let is_enough = self.left >= LAUNCH;
        self.left -= if is_enough { LAUNCH } else { 0 };
        is_enough
    }
}

/// A number that includes this one while it exists.
#[derive(Debug)]
pub struct Claim {
    account: Arc<Account>,
    kind: ClaimKind,
}

#[derive(Debug, Clone, Copy)]
enum ClaimKind {
    Waiting,
    Row,
}

impl Claim {
    fn new(account: Arc<Account>, kind: ClaimKind) -> Self {
        let claim = Self { account, kind };
        claim.number().fetch_add(1, Ordering::Relaxed);
        claim
    }

    fn number(&self) -> &AtomicU64 {
        match self.kind {
            ClaimKind::Waiting => &self.account.waiting,
            ClaimKind::Row => &self.account.rows,
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.number().fetch_sub(1, Ordering::Relaxed);
    }
}

/// An account, if accounts are kept at all.
pub type AccountOf = Option<Arc<Account>>;

/// What an account has at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processes that have not ended.
    pub live: u64,
    /// Bytes of the stored records of processes.
    pub bytes: u64,
    pub rows: u64,
    /// Launches that are waiting for their turn.
    pub waiting: u64,
}

impl Account {
    /// Takes a launch into the queue, or returns the quota that it would violate.
    ///
    /// # Errors
    /// The quota: launches per minute, or waiting launches.
    pub fn queue(self: &Arc<Self>, rules: &Rules, now: Timestamp) -> Result<Claim, Violation> {
        let quotas = &rules.quotas;
        // The queue first: a launch that finds it full does not count for the minute.
        let waiting = self.waiting.load(Ordering::Relaxed);
        let what = "launches waiting for their turn:";
        if let Some(violation) = rules.over(
            Quota::WaitingLaunches,
            waiting + 1,
            what,
            "with this one; publish it again later",
        ) {
            return Err(violation);
        }
        let per_minute = quotas.get(Quota::LaunchesPerMinute);
        let is_free = per_minute == Quotas::UNBOUNDED;
        if !is_free && !lock(&self.launches).take(now, per_minute) {
            let what = format!("more than {per_minute} launches a minute; publish it again later");
            return Err(rules.broken(Rule::Quota(Quota::LaunchesPerMinute), what));
        }
        Ok(self.wait())
    }

    /// Counts a launch that waits.
    pub fn wait(self: &Arc<Self>) -> Claim {
        Claim::new(self.clone(), ClaimKind::Waiting)
    }

    /// Counts a process that is about to start, or returns the quota that it would violate.
    ///
    /// # Errors
    /// The quota: live processes, stored bytes, or rows of the outbox.
    pub fn start(&self, rules: &Rules) -> Result<(), Violation> {
        let usage = self.usage();
        let bytes = rules.over(
            Quota::StoredBytes,
            usage.bytes,
            "the user's processes take",
            "bytes",
        );
        let rows = rules.over(
            Quota::OutboxRows,
            usage.rows,
            "the user's messages that wait in the outbox:",
            "rows",
        );
        if let Some(violation) = bytes.or(rows) {
            return Err(violation);
        }
        let live = self.live.fetch_add(1, Ordering::AcqRel) + 1;
        let over = rules.over(
            Quota::LiveProcesses,
            live,
            "processes that have not ended:",
            "with this one",
        );
        match over {
            None => Ok(()),
            Some(violation) => {
                self.end();
                Err(violation)
            }
        }
    }

    /// Counts a process whose start was decided in an earlier run.
    pub fn count_start(&self) {
        self.live.fetch_add(1, Ordering::AcqRel);
    }

    /// A process ended, or was not started after all.
    pub fn end(&self) {
        subtract(&self.live, 1);
    }

    /// The size of a process's record has changed.
    pub fn resize(&self, before: u64, after: u64) {
        if after >= before {
            self.bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            subtract(&self.bytes, before - after);
        }
    }

    /// Counts a row of the outbox.
    pub fn row(self: &Arc<Self>) -> Claim {
        Claim::new(self.clone(), ClaimKind::Row)
    }

    pub fn usage(&self) -> Usage {
        Usage {
            live: self.live.load(Ordering::Acquire),
            bytes: self.bytes.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }
}

/// The policy in force and all accounts.
#[derive(Debug)]
pub struct Tenants {
    policy: RwLock<Arc<Policy>>,
    accounts: Option<Mutex<HashMap<User, Arc<Account>>>>,
}

impl Tenants {
    /// Accounts, if there is a policy; stored processes must still be counted.
    pub fn new(policy: Option<Arc<Policy>>) -> Self {
        Self {
            accounts: policy.as_ref().map(|_| Mutex::default()),
            policy: RwLock::new(policy.unwrap_or_default()),
        }
    }

    /// Counts a stored process at startup, from the head of its record and the record's bytes.
    pub fn count(&self, head: &Head, bytes: u64) {
        if let Some(account) = self.account(head.user.as_ref()) {
            account.resize(0, bytes);
            if head.ended_at.is_none() {
                account.live.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    /// The account that a stored process counts against; `None` if there is no record, or no
    /// policy.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn account_of(
        &self,
        store: &dyn Store,
        process: ProcessId,
    ) -> Result<AccountOf, StoreError> {
        if self.accounts.is_none() {
            return Ok(None);
        }
        let head = read_head(store, process)?;
        Ok(head.and_then(|(head, _)| self.account(head.user.as_ref())))
    }

    /// A user's account; `None` if there is no policy.
    pub fn account(&self, user: Option<&String>) -> AccountOf {
        let mut accounts = lock(self.accounts.as_ref()?);
        let user = user.cloned();
        Some(accounts.entry(user).or_default().clone())
    }

    pub const fn counts(&self) -> bool {
        self.accounts.is_some()
    }

    pub fn policy(&self) -> Arc<Policy> {
        unpoisoned(self.policy.read()).clone()
    }

    /// Puts another policy in force from now on. An engine that was started without one does not
    /// count and continues without.
    pub fn replace(&self, policy: Arc<Policy>) {
        if self.accounts.is_some() {
            *unpoisoned(self.policy.write()) = policy;
        }
    }
}

/// Subtracts without going below zero: a wrong number must not become a huge one.
fn subtract(number: &AtomicU64, amount: u64) {
    let _ = number.fetch_update(Ordering::AcqRel, Ordering::Acquire, |value| {
        Some(value.saturating_sub(amount))
    });
}

/// What an evaluation for a user with these rules may use.
pub(crate) fn budget(rules: &Rules) -> Budget {
    let quotas = &rules.quotas;
    Budget {
        fuel: quotas.get(Quota::Fuel),
        memory_bytes: quotas.get(Quota::MemoryBytes),
        table_elements: quotas.get(Quota::TableElements),
        host_calls: quotas.get(Quota::HostCalls),
        host_bytes_returned: quotas.get(Quota::HostBytes),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn rules(quotas: &str) -> Arc<Rules> {
        let policy = Policy::parse(&format!("[default.quotas]\n{quotas}")).unwrap();
        policy.of(None).clone()
    }

    #[test]
    fn launches_come_at_their_rate_and_no_faster() {
        let account = Arc::new(Account::default());
        let rules = rules("launches_per_minute = 6\nwaiting_launches = 1000");
        let mut came = 0;
        for second in 0..60 {
            for _ in 0..10 {
                let now = Timestamp(1_000_000 + second * 1_000);
                came += u64::from(account.queue(&rules, now).is_ok());
            }
        }
        // A full minute's launches at once, then one every ten seconds.
        assert_eq!(came, 6 + 5);
        let rule = account
            .queue(&rules, Timestamp(1_059_000))
            .unwrap_err()
            .rule;
        assert_eq!(rule, Rule::Quota(Quota::LaunchesPerMinute));
    }

    #[test]
    fn what_waits_is_counted_as_long_as_it_waits() {
        let account = Arc::new(Account::default());
        let rules = rules("waiting_launches = 2");
        let now = Timestamp(1);
        let first = account.queue(&rules, now).unwrap();
        let _second = account.queue(&rules, now).unwrap();
        let refused = account.queue(&rules, now).unwrap_err();
        assert_eq!(refused.rule, Rule::Quota(Quota::WaitingLaunches));
        drop(first);
        assert!(account.queue(&rules, now).is_ok());
    }

    #[test]
    fn processes_bytes_and_rows_each_have_their_bound() {
        let account = Arc::new(Account::default());
        let rules = rules("live_processes = 2\nstored_bytes = 100\noutbox_rows = 1");
        let broken = || account.start(&rules).unwrap_err().rule;
        assert!(account.start(&rules).is_ok() && account.start(&rules).is_ok());
        assert_eq!(broken(), Rule::Quota(Quota::LiveProcesses));
        assert_eq!(account.usage().live, 2);
        account.end();
        account.resize(0, 101);
        assert_eq!(broken(), Rule::Quota(Quota::StoredBytes));
        account.resize(101, 100);
        let rows = [account.row(), account.row()];
        assert_eq!(broken(), Rule::Quota(Quota::OutboxRows));
        drop(rows);
        assert!(account.start(&rules).is_ok());
        account.resize(500, 0);
        assert_eq!(account.usage().bytes, 0);
    }
}
