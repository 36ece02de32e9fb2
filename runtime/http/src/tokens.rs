//! Tokens: who may ask over HTTP, and what.
//!
//! A token is 256 random bits. The one of this machine is in a file that only the engine's user can
//! read; of all others, the file of tokens has only hashes, so anyone who reads it has no token. The
//! file is read again when it has changed, so a token that is revoked is refused at once.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bureaucrat_model::Timestamp;
use rustix::{fs::OFlags, io::Errno};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use subtle::ConstantTimeEq;

/// The token of this machine, in the storage.
pub const LOCAL_FILE: &str = "http-token";
/// The other tokens, in the storage.
pub const TOKENS_FILE: &str = "http-tokens.json";
/// What every token begins with, so that scanners of secrets find it.
const PREFIX: &str = "bureaucrat_";
/// The name of this machine's token, which no other token may have.
pub const LOCAL: &str = "local";
/// The most tokens.
pub const TOKENS_MAX: usize = 1_000;
/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 48;
/// The most bytes of the file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What a token allows. Each role also allows what those before it do.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Read,
    /// Launch, send events, give orders.
    Operate,
    /// Deploy and retire definitions and modules.
    Deploy,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Read, Self::Operate, Self::Deploy];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Deploy => "deploy",
        }
    }
}

/// A token as it is stored: everything but itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    pub name: String,
    pub role: Role,
    /// The user of the policy whose processes it is for; all processes without one.
    pub user: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// SHA-256 of the token, in hexadecimal digits.
    hash: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("cannot use {}: {error}", .path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{} is not a list of tokens: {error}", .path.display())]
    Damaged {
        path: PathBuf,
        error: serde_json::Error,
    },
    #[error(
        "{} is not safe: {why}; it must be a file of the engine's user that nobody else can read (chmod 600), or \
         remove it, and it is made again", .path.display()
    )]
    Unsafe { path: PathBuf, why: &'static str },
    #[error("there is a token `{0}` already; revoke it first, or choose another name")]
    Taken(String),
    #[error(
        "`{0}` cannot be the name of a token: it must have 1 to {NAME_BYTES_MAX} bytes of letters, digits, `-`, `_` and `.`, \
         and not be `{LOCAL}`"
    )]
    Name(String),
    #[error("there is no token `{0}`; `bureaucrat token list` shows those that there are")]
    Unknown(String),
    #[error("there are {TOKENS_MAX} tokens, and no more can be; revoke one first")]
    TooMany,
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// A secret that nobody can guess.
pub(crate) fn draw() -> Result<String, TokenError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(TokenError::Random)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether a text can be a token that was drawn here.
fn is_secret(text: &str) -> bool {
    let digits = text.strip_prefix(PREFIX);
    let bytes = digits.and_then(|digits| URL_SAFE_NO_PAD.decode(digits).ok());
    bytes.is_some_and(|bytes| bytes.len() == 32)
}

pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The tokens of a storage.
pub struct Tokens {
    storage: PathBuf,
    local: [u8; 32],
    read: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What the file was when it was read.
    stamp: Option<(u64, u64, i64, i64)>,
    tokens: Arc<[Token]>,
}

impl Tokens {
    /// Makes this machine's token at the first start.
    ///
    /// # Errors
    /// If the files can't be read or written.
    pub fn open(storage: &Path) -> Result<Self, TokenError> {
        let path = storage.join(LOCAL_FILE);
        let secret = match read(&path)? {
            Some(text) if is_secret(text.trim()) => text.trim().to_owned(),
            Some(_) => {
                let why = "it does not hold a token";
                return Err(TokenError::Unsafe { path, why });
            }
            None => {
                let secret = format!("{PREFIX}{}", draw()?);
                write(&path, format!("{secret}\n").as_bytes())?;
                secret
            }
        };
        Ok(Self {
            storage: storage.to_owned(),
            local: hash(&secret),
            read: Mutex::default(),
        })
    }

    /// The token that this is, if it is one that counts.
    pub fn find(&self, secret: &str, now: Timestamp) -> Option<Token> {
        let given = hash(secret);
        if bool::from(given.ct_eq(&self.local)) {
            return Some(self.local());
        }
        let digits = hexadecimal(&given);
        let mut found = None;
        for token in self.current().iter() {
            // Each is compared, so that the time says nothing about the others.
            if bool::from(token.hash.as_bytes().ct_eq(digits.as_bytes())) {
                found = Some(token.clone());
            }
        }
        found.filter(|token| token.counts(now))
    }

    /// The token of a session, as it is now.
    pub fn named(&self, token: &Token, now: Timestamp) -> Option<Token> {
        if token.name == LOCAL {
            return Some(self.local());
        }
        let current = self.current();
        let found = current.iter().find(|other| other.hash == token.hash)?;
        Some(found.clone()).filter(|token| token.counts(now))
    }

    fn local(&self) -> Token {
        Token {
            name: LOCAL.to_owned(),
            role: Role::Deploy,
            user: None,
            created_at: Timestamp(0),
            expires_at: None,
            hash: hexadecimal(&self.local),
        }
    }

    /// The tokens of the file. One that can't be read has none.
    fn current(&self) -> Arc<[Token]> {
        let path = self.storage.join(TOKENS_FILE);
        let stamp = fs::metadata(&path).ok();
        let stamp = stamp.map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec()));
        let mut known = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if known.stamp != stamp || stamp.is_none() {
            known.tokens = match list(&self.storage) {
                Ok(tokens) => tokens.into(),
                Err(error) => {
                    tracing::error!(%error, "no token but that of this machine counts");
                    Arc::default()
                }
            };
            known.stamp = stamp;
        }
        known.tokens.clone()
    }
}

impl Token {
    fn counts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires| now < expires)
    }
}

/// The tokens of a storage but that of this machine.
///
/// # Errors
/// If the file can't be read.
pub fn list(storage: &Path) -> Result<Vec<Token>, TokenError> {
    let path = storage.join(TOKENS_FILE);
    let Some(text) = read(&path)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&text).map_err(|error| TokenError::Damaged { path, error })
}

/// Makes a token. It is returned this once, and stored nowhere.
///
/// # Errors
/// If the name is taken or can't be one, or the file can't be written.
pub fn create(
    storage: &Path,
    name: &str,
    (role, user): (Role, Option<String>),
    (now, expires_at): (Timestamp, Option<Timestamp>),
) -> Result<String, TokenError> {
    let is_fit = |sign: char| sign.is_ascii_alphanumeric() || "-_.".contains(sign);
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.chars().all(is_fit);
    if !is_name || name == LOCAL {
        return Err(TokenError::Name(name.to_owned()));
    }
    let _lock = lock(storage)?;
    let mut tokens = list(storage)?;
    if tokens.iter().any(|token| token.name == name) {
        return Err(TokenError::Taken(name.to_owned()));
    }
    if tokens.len() >= TOKENS_MAX {
        return Err(TokenError::TooMany);
    }
    let secret = format!("{PREFIX}{}", draw()?);
    tokens.push(Token {
        name: name.to_owned(),
        role,
        user,
        created_at: now,
        expires_at,
        hash: hexadecimal(&hash(&secret)),
    });
    write_all(storage, &tokens)?;
    Ok(secret)
}

/// Makes a token count no more.
///
/// # Errors
/// If there is none of this name, or the file can't be written.
pub fn revoke(storage: &Path, name: &str) -> Result<(), TokenError> {
    let _lock = lock(storage)?;
    let mut tokens = list(storage)?;
    let before = tokens.len();
    tokens.retain(|token| token.name != name);
    if tokens.len() == before {
        return Err(TokenError::Unknown(name.to_owned()));
    }
    write_all(storage, &tokens)
}

/// Held while the list is changed, so that two changes at the same time are both made.
fn lock(storage: &Path) -> Result<File, TokenError> {
    let path = storage.join("http-tokens.lock");
    let file = private()
        .create(true)
        .write(true)
        .truncate(false)
        .open(&path);
    let locked = file.and_then(|file| {
        file.lock()?;
        Ok(file)
    });
    locked.map_err(|error| TokenError::File { path, error })
}

fn write_all(storage: &Path, tokens: &[Token]) -> Result<(), TokenError> {
    let path = storage.join(TOKENS_FILE);
    match serde_json::to_vec_pretty(tokens) {
        Ok(text) => write(&path, &text),
        Err(error) => Err(TokenError::Damaged { path, error }),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// The text of a file of our own that nobody else can read or replace; none if it is not there.
fn read(path: &Path) -> Result<Option<String>, TokenError> {
    let failed = |error| TokenError::File {
        path: path.to_owned(),
        error,
    };
    // Opening must not wait for the other end of a pipe, nor follow where a link leads.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => {
            let why = "it is a link";
            let path = path.to_owned();
            return Err(TokenError::Unsafe { path, why });
        }
        Err(error) => return Err(failed(error)),
    };
    let known = file.metadata().map_err(failed)?;
    let why = if !known.is_file() {
        Some("it is not a regular file")
    } else if known.uid() != rustix::process::geteuid().as_raw() {
        Some("it belongs to another user")
    } else if known.mode() & 0o077 != 0 {
        Some("others may read or write it")
    } else {
        None
    };
    if let Some(why) = why {
        let path = path.to_owned();
        return Err(TokenError::Unsafe { path, why });
    }
    let mut text = String::new();
    let read = file.take(FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(failed)?;
    Ok(Some(text))
}

/// Writes a file that only its user can read, whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), TokenError> {
    let folder = path.parent().unwrap_or(path);
    // A file of `tempfile` has the mode 0600.
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    });
    written.map_err(|error| TokenError::File {
        path: path.to_owned(),
        error,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const NOW: Timestamp = Timestamp(1_000);

    fn make(storage: &Path, name: &str, expires_at: Option<Timestamp>) -> String {
        create(storage, name, (Role::Read, None), (NOW, expires_at)).unwrap()
    }

    #[test]
    fn a_token_counts_until_it_is_revoked_or_expires() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path();
        let tokens = Tokens::open(storage).unwrap();
        let secret = make(storage, "a", None);
        let short = make(storage, "b", Some(Timestamp(2_000)));
        let found = tokens.find(&secret, NOW).unwrap();
        assert_eq!((found.name.as_str(), found.role), ("a", Role::Read));
        assert!(tokens.find(&short, NOW).is_some());
        assert!(tokens.find(&short, Timestamp(2_000)).is_none());
        assert!(tokens.find(&format!("{secret}x"), NOW).is_none());
        assert!(tokens.find("", NOW).is_none());
        revoke(storage, "a").unwrap();
        assert!(tokens.find(&secret, NOW).is_none());
        assert!(tokens.named(&found, NOW).is_none());
        assert!(matches!(revoke(storage, "a"), Err(TokenError::Unknown(_))));
    }

    #[test]
    fn nobody_reads_a_token_from_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path();
        let tokens = Tokens::open(storage).unwrap();
        let secret = make(storage, "a", None);
        for file in [LOCAL_FILE, TOKENS_FILE] {
            let mode = fs::metadata(storage.join(file))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        let text = fs::read_to_string(storage.join(TOKENS_FILE)).unwrap();
        assert!(!text.contains(secret.strip_prefix(PREFIX).unwrap()));
        let local = fs::read_to_string(storage.join(LOCAL_FILE)).unwrap();
        assert_eq!(tokens.find(local.trim(), NOW).unwrap().role, Role::Deploy);
        // It stays over a restart.
        let again = Tokens::open(storage).unwrap();
        assert!(again.find(local.trim(), NOW).is_some());
    }

    #[test]
    fn a_file_that_others_can_have_changed_is_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path();
        let path = storage.join(LOCAL_FILE);
        Tokens::open(storage).unwrap();
        let secret = fs::read_to_string(&path).unwrap();
        let why = |make: &dyn Fn()| {
            let _ = fs::remove_file(&path);
            make();
            match Tokens::open(storage).map(|_| ()) {
                Err(TokenError::Unsafe { why, .. }) => why,
                other => panic!("{other:?}"),
            }
        };
        let of_mode = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        for mode in [0o640, 0o604, 0o622] {
            let made = why(&|| of_mode(&secret, mode));
            assert_eq!(made, "others may read or write it", "{mode:o}");
        }
        let elsewhere = storage.join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        let linked = why(&|| std::os::unix::fs::symlink(&elsewhere, &path).unwrap());
        assert_eq!(linked, "it is a link");
        for text in ["", "password\n", "bureaucrat_short"] {
            let made = why(&|| of_mode(text, 0o600));
            assert_eq!(made, "it does not hold a token", "{text}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(Tokens::open(storage).is_err());
        fs::remove_dir(&path).unwrap();
        // Once it is gone, it is made again.
        Tokens::open(storage).unwrap();
    }

    #[test]
    fn a_name_is_unique_and_plain() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), "ci.bot-1", None);
        for name in ["ci.bot-1", "local", "", "a b", "ä", &"x".repeat(49)] {
            let made = create(folder.path(), name, (Role::Read, None), (NOW, None));
            assert!(made.is_err(), "{name}");
        }
    }
}
