//! One connection: how it is made, what is made sure of before it is used, and what its errors mean.

use crate::{
    address::{Address, cause},
    standing::Standing,
    statements::{Shape, Statements, Which},
    user::{Lock, User},
};
use bureaucrat_store::{Epoch, Owners, ShardGroups, StoreError, Table, lock};
use futures_lite::future::block_on;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::{
    error::Error as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Statement, error::SqlState};
use tokio_postgres_rustls::MakeRustlsConnect;

/// The first pause before another try, and the longest.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// What is said of a lock that somebody else has.
pub const HELD: &str = "another session holds the lock of the schema";
/// What the functions that check epochs fail with.
pub const FENCED: &str = "BU001";
/// What taking over fails with if the lease is another's, or the format another one.
pub const DISPOSSESSED: &str = "BU002";

/// How a session works: every statement finds its rows by the primary key, and is planned once. A server that loses us
/// ends the session, and with it the lock, within seconds. What is confirmed is on its disk, whatever its settings say.
const SETTINGS: &str = "\
    SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_bitmapscan = off; \
    SET enable_sort = off; SET jit = off; SET client_min_messages = warning; SET lock_timeout = '30s'; \
    SET statement_timeout = 0; SET idle_in_transaction_session_timeout = '10s'; \
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2; \
    SET tcp_user_timeout = '20s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It holds the locks of who commits.
    Committing,
    Reading,
}

/// Why something did not work.
#[derive(Debug)]
pub enum Trouble {
    /// The server is away or refuses connections; it may be back soon.
    Away(String),
    /// Another session holds the lock of the schema, or that of our name.
    Held,
    /// The epochs are others than those that are known.
    Fenced,
    /// The lease of a group is another's, or the format of the store another one.
    Dispossessed,
    /// Trying again would not help.
    Lasting(StoreError),
    /// The server refuses a statement.
    Refused(String),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(code) = error.code() else {
            // What the server did not say itself comes from the connection, or from what we asked of it.
            let is_of_the_network = error.is_closed()
                || error
                    .source()
                    .is_some_and(|source| source.is::<std::io::Error>());
            return match is_of_the_network {
                true => Self::Away(cause(&error)),
                false => Self::Refused(cause(&error)),
            };
        };
        // Connections, what is short for now, operators who stop the server; and transactions that can be repeated.
        let is_for_now = |class: &&str| code.code().starts_with(class);
        match code {
            code if code.code() == FENCED => Self::Fenced,
            code if code.code() == DISPOSSESSED => Self::Dispossessed,
            &SqlState::DISK_FULL => Self::Refused(cause(&error)),
            // A standby: the primary is another one now.
            &SqlState::READ_ONLY_SQL_TRANSACTION => Self::Away(cause(&error)),
            // Who has the lock may wait for a standby.
            &SqlState::LOCK_NOT_AVAILABLE => Self::Away(cause(&error)),
            _ if ["08", "40", "53", "57"].iter().any(is_for_now) => Self::Away(cause(&error)),
            _ => Self::Refused(cause(&error)),
        }
    }
}

/// Where sessions are made.
pub struct Place {
    address: Address,
    patience: Duration,
    threads: Threads,
    tls: MakeRustlsConnect,
    user: User,
    /// The number of the last commit that was confirmed.
    confirmed: AtomicU64,
    /// The epochs in which we took groups.
    ours: Mutex<Owners>,
}

pub struct Session {
    pub client: Client,
    statements: Statements,
}

impl Place {
    pub fn new(address: Address, patience: Duration, user: User) -> Result<Self, StoreError> {
        Ok(Self {
            threads: Threads::start(&address)?,
            tls: MakeRustlsConnect::new(trusted(&address)),
            address,
            patience,
            user,
            confirmed: AtomicU64::new(0),
            ours: Mutex::default(),
        })
    }

    pub fn shown(&self) -> String {
        self.address.to_string()
    }

    pub fn schema(&self) -> &str {
        self.address.schema()
    }

    pub const fn user(&self) -> &User {
        &self.user
    }

    pub fn unusable(&self, reason: String) -> StoreError {
        self.address.unusable(reason)
    }

    pub fn confirm(&self, number: u64) {
        self.confirmed.fetch_max(number, Ordering::AcqRel);
    }

    pub fn own(&self, groups: ShardGroups, epoch: Epoch) {
        lock(&self.ours).take(groups, epoch);
    }

    /// The epochs in which we took groups.
    pub fn ours(&self) -> Owners {
        *lock(&self.ours)
    }

    /// What is still ours, as a session sees it.
    pub async fn standing(&self, session: &Session) -> Result<Standing, Trouble> {
        Ok(Standing::of(&self.ours(), &session.owners().await?))
    }

    /// # Errors
    /// [`Trouble::Lasting`] if others have taken all that was ours.
    async fn check(&self, session: &Session) -> Result<(), Trouble> {
        let standing = self.standing(session).await?;
        match standing.is_lost() {
            true => Err(Trouble::Lasting(standing.fenced())),
            false => Ok(()),
        }
    }

    /// Waits for an answer at most that long.
    ///
    /// # Errors
    /// [`Trouble::Away`] if none comes in time, besides those of the question.
    pub fn within<T>(
        &self,
        span: Duration,
        question: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, Trouble> {
        let Some(runtime) = &self.threads.0 else {
            return Err(Trouble::Away("the store is closed".into()));
        };
        // The timer is the runtime's, on whichever thread this waits.
        let _context = runtime.enter();
        let answered = block_on(async { tokio::time::timeout(span, question).await });
        answered.unwrap_or_else(|_| {
            let seconds = span.as_secs();
            Err(Trouble::Away(format!(
                "it has not answered for {seconds} seconds"
            )))
        })
    }

    /// When what begins now is given up.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.patience
    }

    /// Another session, in a schema that is there, with the number of the last commit.
    pub fn connect(&self, purpose: Purpose, until: Instant) -> Result<(Session, u64), StoreError> {
        self.patiently(until, |place| {
            let session = place.attempt()?;
            if purpose == Purpose::Committing
                && block_on(session.lock(place.schema(), &place.user))? != Lock::Ours
            {
                // It may be another's, and then for long.
                block_on(place.check(&session))?;
                return Err(Trouble::Held);
            }
            // Only now: until we had the lock, another engine could have come and gone.
            block_on(place.check(&session))?;
            // In this order: commits continue meanwhile.
            let confirmed = place.confirmed.load(Ordering::Acquire);
            let (found, _) = block_on(session.counted(place.user.name()))?;
            match confirmed.checked_sub(found) {
                None | Some(0) => Ok((session, found)),
                Some(lost) => {
                    // So that no engine starts before somebody has looked.
                    block_on(session.note_lost(place.user.name(), lost))?;
                    Err(Trouble::Lasting(place.lost(lost)))
                }
            }
        })
    }

    /// What a trouble means for a store that is being opened, or can be used no more.
    pub fn failure(&self, trouble: Trouble) -> StoreError {
        match trouble {
            Trouble::Lasting(error) => error,
            Trouble::Refused(reason) | Trouble::Away(reason) => self.unusable(reason),
            Trouble::Held | Trouble::Fenced | Trouble::Dispossessed => self.locked(HELD.into()),
        }
    }

    /// Tries until it works, nothing helps, or time is over.
    fn patiently<T>(
        &self,
        until: Instant,
        attempt: impl Fn(&Self) -> Result<T, Trouble>,
    ) -> Result<T, StoreError> {
        let mut pause = PAUSE;
        let mut told = false;
        loop {
            let now = Instant::now();
            let reason = match attempt(self) {
                Ok(made) => {
                    if told {
                        tracing::info!("the database can be used");
                    }
                    return Ok(made);
                }
                Err(trouble @ (Trouble::Lasting(_) | Trouble::Refused(_))) => {
                    return Err(self.failure(trouble));
                }
                Err(trouble) if now >= until => return Err(self.failure(trouble)),
                Err(Trouble::Held | Trouble::Fenced | Trouble::Dispossessed) => {
                    "another session uses the schema".into()
                }
                Err(Trouble::Away(reason)) => reason,
            };
            if !told {
                tracing::warn!(database = %self.address, %reason, "the database cannot be used yet; waiting for it");
                told = true;
            }
            sleep(pause.min(until.saturating_duration_since(now)));
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    pub fn lost(&self, lost: u64) -> StoreError {
        let path = self.shown();
        StoreError::LostCommits { path, lost }
    }

    pub fn locked(&self, reason: String) -> StoreError {
        let path = self.shown();
        StoreError::Locked { path, reason }
    }

    /// A session in which nothing is known of the schema.
    pub fn attempt(&self) -> Result<Session, Trouble> {
        let Some(runtime) = &self.threads.0 else {
            return Err(Trouble::Away("the store is closed".into()));
        };
        let (config, tls) = (self.address.config().clone(), self.tls.clone());
        let schema = self.schema().to_owned();
        let making = async move {
            let (client, connection) = config.connect(tls).await?;
            // Its errors come to those who wait for an answer.
            tokio::spawn(connection);
            let path = format!("SET search_path TO \"{schema}\"");
            client.batch_execute(&path).await?;
            client.batch_execute(SETTINGS).await?;
            Ok::<_, Trouble>(client)
        };
        // A server that is suspended takes connections and says nothing.
        let limit = self.address.making();
        let connecting = runtime.spawn(async move {
            let made = tokio::time::timeout(limit, making).await;
            made.unwrap_or_else(|_| {
                let seconds = limit.as_secs();
                let what =
                    format!("it took a connection, and has not answered for {seconds} seconds");
                Err(Trouble::Away(what))
            })
        });
        let client = block_on(connecting)
            .unwrap_or_else(|_| Err(Trouble::Away("connecting was interrupted".into())))
            .map_err(|trouble| match trouble {
                Trouble::Away(reason) => Trouble::Away(self.with_advice(reason)),
                Trouble::Refused(reason) => Trouble::Refused(self.with_advice(reason)),
                other @ (Trouble::Held
                | Trouble::Fenced
                | Trouble::Dispossessed
                | Trouble::Lasting(_)) => other,
            })?;
        Ok(Session {
            client,
            statements: Statements::default(),
        })
    }

    /// What can be done about an error of TLS.
    fn with_advice(&self, reason: String) -> String {
        let is_about_tls = ["TLS", "certificate", "invalid peer"];
        match is_about_tls.iter().any(|word| reason.contains(word)) {
            true if self.address.is_encrypted() => format!(
                "{reason}; name the CA's file in SSL_CERT_FILE, or add ?sslmode=disable to talk in \
                 the clear"
            ),
            _ => reason,
        }
    }
}

impl Session {
    pub async fn statement(
        &self,
        shape: Shape,
        table: Table,
    ) -> Result<Statement, tokio_postgres::Error> {
        self.prepared(Which::Of(shape, table)).await
    }

    pub async fn prepared(&self, which: Which) -> Result<Statement, tokio_postgres::Error> {
        self.statements.get(&self.client, which).await
    }
}

/// TLS that trusts whom this machine trusts.
fn trusted(address: &Address) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    if address.is_encrypted() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    // `ring` has both versions of TLS.
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("ring has TLS 1.2 and 1.3"))
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Where connections are served, so that those who ask can block.
struct Threads(Option<Runtime>);

impl Threads {
    fn start(address: &Address) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgres")
            .enable_all()
            .build()
            .map_err(|error| address.unusable(error.to_string()))?;
        Ok(Self(Some(runtime)))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // It may be dropped where blocking is not allowed.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
