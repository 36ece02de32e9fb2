//! One connection: how it is made, what is made sure of before it is used, and what its errors mean.

use crate::{
    address::{Address, cause},
    statements::{Shape, Statements, Which},
};
use bureaucrat_store::{EPOCH_KEY, Epoch, StoreError, Table, records};
use futures_lite::future::block_on;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use std::{
    error::Error as _,
    sync::{
        Arc,
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
/// With the hash of a schema's name: the lock of who uses it.
pub const LOCK: i32 = 0x6275_7261;
/// What is said of a lock that somebody else has.
pub const HELD: &str = "another session holds the lock of the schema";
/// What the function that checks the epoch fails with.
pub const FENCED: &str = "BU001";

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
    /// It holds the lock of the schema.
    Committing,
    Reading,
}

/// Why something did not work.
#[derive(Debug)]
pub enum Trouble {
    /// The server is away or refuses connections; it may be back soon.
    Away(String),
    /// Another session holds the lock of the schema.
    Held,
    /// Another engine owns the shards now.
    Fenced,
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
            &SqlState::DISK_FULL => Self::Refused(cause(&error)),
            // A standby: the primary is another one now.
            &SqlState::READ_ONLY_SQL_TRANSACTION => Self::Away(cause(&error)),
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
    /// The number of the last commit that was confirmed.
    confirmed: AtomicU64,
    /// The epoch in which we own the shards; 0 before.
    epoch: AtomicU64,
}

/// The owner of all shards.
#[derive(Clone)]
pub struct Present {
    pub epoch: Epoch,
    /// Its record; none before the first owner.
    pub record: Option<Vec<u8>>,
}

pub struct Session {
    pub client: Client,
    statements: Statements,
}

impl Place {
    pub fn new(address: Address, patience: Duration) -> Result<Self, StoreError> {
        Ok(Self {
            threads: Threads::start(&address)?,
            tls: MakeRustlsConnect::new(trusted(&address)),
            address,
            patience,
            confirmed: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
        })
    }

    pub fn shown(&self) -> String {
        self.address.to_string()
    }

    pub fn schema(&self) -> &str {
        self.address.schema()
    }

    pub fn unusable(&self, reason: String) -> StoreError {
        self.address.unusable(reason)
    }

    pub fn confirm(&self, number: u64) {
        self.confirmed.fetch_max(number, Ordering::AcqRel);
    }

    pub fn own(&self, epoch: Epoch) {
        self.epoch.store(epoch.0, Ordering::Release);
    }

    /// Whether another engine has taken the shards, as a session sees it.
    ///
    /// # Errors
    /// [`Trouble::Lasting`] if so.
    pub async fn check(&self, session: &Session) -> Result<(), Trouble> {
        let ours = self.epoch.load(Ordering::Acquire);
        let Present { epoch, .. } = session.present().await?;
        match ours == 0 || epoch.0 == ours {
            true => Ok(()),
            false => Err(Trouble::Lasting(StoreError::Fenced { present: epoch.0 })),
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
                && let Err(trouble) = block_on(session.lock(place.schema()))
            {
                // It may be another engine's, and then for long.
                block_on(place.check(&session))?;
                return Err(trouble);
            }
            // Only now: until we had the lock, another engine could have come and gone.
            block_on(place.check(&session))?;
            // In this order: commits continue meanwhile.
            let confirmed = place.confirmed.load(Ordering::Acquire);
            let (found, _) = block_on(session.counted())?;
            match confirmed.checked_sub(found) {
                None | Some(0) => Ok((session, found)),
                Some(lost) => {
                    // So that no engine starts before somebody has looked.
                    block_on(session.note_lost(lost))?;
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
            Trouble::Held | Trouble::Fenced => self.locked(HELD.into()),
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
                Err(Trouble::Held | Trouble::Fenced) => "another session uses the schema".into(),
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
        let connecting = runtime.spawn(async move {
            let (client, connection) = config.connect(tls).await?;
            // Its errors come to those who wait for an answer.
            tokio::spawn(connection);
            let path = format!("SET search_path TO \"{schema}\"");
            client.batch_execute(&path).await?;
            client.batch_execute(SETTINGS).await?;
            Ok::<_, Trouble>(client)
        });
        let client = block_on(connecting)
            .unwrap_or_else(|_| Err(Trouble::Away("connecting was interrupted".into())))
            .map_err(|trouble| match trouble {
                Trouble::Away(reason) => Trouble::Away(self.with_advice(reason)),
                Trouble::Refused(reason) => Trouble::Refused(self.with_advice(reason)),
                other @ (Trouble::Held | Trouble::Fenced | Trouble::Lasting(_)) => other,
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
    /// Takes the lock of the schema, which the server holds as long as this session lasts.
    pub async fn lock(&self, schema: &str) -> Result<(), Trouble> {
        let lock = "SELECT pg_try_advisory_lock($1, hashtext($2))";
        let row = self.client.query_one(lock, &[&LOCK, &schema]).await?;
        match row.try_get(0)? {
            true => Ok(()),
            false => Err(Trouble::Held),
        }
    }

    pub async fn statement(
        &self,
        shape: Shape,
        table: Table,
    ) -> Result<Statement, tokio_postgres::Error> {
        let which = Which::Of(shape, table);
        self.statements.get(&self.client, which).await
    }

    pub async fn fence(&self) -> Result<Statement, tokio_postgres::Error> {
        self.statements.get(&self.client, Which::Fence).await
    }

    pub async fn present(&self) -> Result<Present, Trouble> {
        let statement = self.statement(Shape::Get, Table::Meta).await?;
        let row = self.client.query_opt(&statement, &[&EPOCH_KEY]).await?;
        let record: Option<Vec<u8>> = row.map(|row| row.try_get(0)).transpose()?;
        let epoch = match &record {
            Some(record) => {
                records::decode(Table::Meta, EPOCH_KEY, record).map_err(Trouble::Lasting)?
            }
            None => 0,
        };
        let epoch = Epoch(epoch);
        Ok(Present { epoch, record })
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
