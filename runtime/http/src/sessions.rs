//! Sessions of browsers: a cookie in place of a token, for as long as the token counts.
//!
//! Only hashes of cookies are kept, in memory: a restart ends all sessions. The table is bounded;
//! when it is full, the oldest session ends.

use crate::tokens::{self, Token, TokenError, Tokens};
use bureaucrat_model::{Timestamp, lock};
use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

/// How long a session lasts, in seconds.
pub const SESSION_SECONDS: u64 = 12 * 3_600;
/// The most sessions.
const SESSIONS_MAX: usize = 1_000;

/// The hash of a session's cookie.
pub type SessionKey = [u8; 32];

#[derive(Default)]
pub struct Sessions(Mutex<Table>);

#[derive(Default)]
struct Table {
    /// By the hashes of their cookies: a lookup tells nothing about a cookie that nobody has.
    sessions: HashMap<SessionKey, (Token, Timestamp)>,
    /// The oldest first.
    order: VecDeque<SessionKey>,
}

impl Sessions {
    /// Begins a session; returns its cookie.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn begin(&self, token: Token, now: Timestamp) -> Result<String, TokenError> {
        let cookie = tokens::draw()?;
        let mut table = lock(&self.0);
        while table.sessions.len() >= SESSIONS_MAX {
            let Some(oldest) = table.order.pop_front() else {
                break;
            };
            table.sessions.remove(&oldest);
        }
        let until = Timestamp(now.0.saturating_add(SESSION_SECONDS * 1_000));
        let hash = tokens::hash(&cookie);
        table.sessions.insert(hash, (token, until));
        table.order.push_back(hash);
        Ok(cookie)
    }

    /// What a session is known by.
    pub fn key(cookie: &str) -> SessionKey {
        tokens::hash(cookie)
    }

    /// The token of a session, as it is now.
    pub fn find(&self, key: &SessionKey, tokens: &Tokens, now: Timestamp) -> Option<Token> {
        let table = lock(&self.0);
        let (token, until) = table.sessions.get(key)?.clone();
        drop(table);
        match now < until {
            true => tokens.named(&token, now),
            false => None,
        }
    }

    pub fn end(&self, cookie: &str) {
        let hash = tokens::hash(cookie);
        let mut table = lock(&self.0);
        table.sessions.remove(&hash);
        table.order.retain(|other| *other != hash);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tokens::Role;

    const NOW: Timestamp = Timestamp(1_000);

    #[test]
    fn a_session_ends_with_its_time_its_logout_and_its_token() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(folder.path()).unwrap();
        let secret = tokens::create(folder.path(), "a", (Role::Read, None), (NOW, None)).unwrap();
        let token = tokens.find(&secret, NOW).unwrap();
        let sessions = Sessions::default();
        let begin = || sessions.begin(token.clone(), NOW).unwrap();
        let (one, other) = (begin(), begin());
        assert!(sessions.find(&Sessions::key(&one), &tokens, NOW).is_some());
        let late = Timestamp(NOW.0 + SESSION_SECONDS * 1_000);
        assert!(sessions.find(&Sessions::key(&one), &tokens, late).is_none());
        sessions.end(&one);
        assert!(sessions.find(&Sessions::key(&one), &tokens, NOW).is_none());
        assert!(
            sessions
                .find(&Sessions::key(&other), &tokens, NOW)
                .is_some()
        );
        tokens::revoke(folder.path(), "a").unwrap();
        assert!(
            sessions
                .find(&Sessions::key(&other), &tokens, NOW)
                .is_none()
        );
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let tokens = Tokens::open(folder.path()).unwrap();
        let secret = std::fs::read_to_string(folder.path().join(tokens::LOCAL_FILE)).unwrap();
        let token = tokens.find(secret.trim(), NOW).unwrap();
        let sessions = Sessions::default();
        let begin = || sessions.begin(token.clone(), NOW).unwrap();
        let first = begin();
        let mut last = begin();
        for _ in 0..SESSIONS_MAX - 1 {
            last = begin();
        }
        assert!(
            sessions
                .find(&Sessions::key(&first), &tokens, NOW)
                .is_none()
        );
        assert!(sessions.find(&Sessions::key(&last), &tokens, NOW).is_some());
    }
}
