//! Tokens: who may ask over HTTP, and what.
//!
//! A token is 256 random bits. The one of this machine is in a file that only the engine's user can
//! read; of all others, the file of tokens has only hashes, so anyone who reads it has no token. The
//! file is read again when it has changed, so a token that is revoked is refused at once.

mod file;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bureaucrat_model::{Hex, Timestamp, lock};
use file::{read, write};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
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
        let digits = Hex(&given).to_string();
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
            hash: Hex(&self.local).to_string(),
        }
    }

    /// The tokens of the file. One that can't be read has none.
    fn current(&self) -> Arc<[Token]> {
        let path = self.storage.join(TOKENS_FILE);
        let stamp = fs::metadata(&path).ok();
        let stamp = stamp.map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec()));
        let mut known = lock(&self.read);
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
    let _lock = file::lock(storage)?;
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
        hash: Hex(&hash(&secret)).to_string(),
    });
    write_all(storage, &tokens)?;
    Ok(secret)
}

/// Makes a token count no more.
///
/// # Errors
/// If there is none of this name, or the file can't be written.
pub fn revoke(storage: &Path, name: &str) -> Result<(), TokenError> {
    let _lock = file::lock(storage)?;
    let mut tokens = list(storage)?;
    let before = tokens.len();
    tokens.retain(|token| token.name != name);
    if tokens.len() == before {
        return Err(TokenError::Unknown(name.to_owned()));
    }
    write_all(storage, &tokens)
}

fn write_all(storage: &Path, tokens: &[Token]) -> Result<(), TokenError> {
    let path = storage.join(TOKENS_FILE);
    match serde_json::to_vec_pretty(tokens) {
        Ok(text) => write(&path, &text),
        Err(error) => Err(TokenError::Damaged { path, error }),
    }
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
    fn a_name_is_unique_and_plain() {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), "ci.bot-1", None);
        for name in ["ci.bot-1", "local", "", "a b", "ä", &"x".repeat(49)] {
            let made = create(folder.path(), name, (Role::Read, None), (NOW, None));
            assert!(made.is_err(), "{name}");
        }
    }
}
