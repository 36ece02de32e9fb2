//! `token …`: makes, lists and revokes tokens for the HTTP API. They are files of the storage; a running
//! engine reads them again.

use super::{print_line, settings};
use crate::{
    Exit,
    arguments::{Options, RoleName, Token, TokenCreate, TokenList},
    failure::{Failure, Kind},
    screen::{self, clean, heading, now},
};
use bureaucrat_http::tokens::{self, Role, TokenError};
use bureaucrat_model::Timestamp;
use serde_json::json;
use std::path::Path;

pub fn run(options: &Options, token: &Token) -> anyhow::Result<Exit> {
    let storage = settings(options)?.storage;
    if !storage.is_dir() {
        let storage = storage.display();
        let what = format!(
            "there is no storage {storage}; start the engine once, or name its storage with --storage"
        );
        return Err(Failure::new(Kind::Setting, what).into());
    }
    match token {
        Token::Create(create) => self::create(&storage, create),
        Token::List(list) => self::list(&storage, list),
        Token::Revoke(revoke) => {
            tokens::revoke(&storage, &revoke.name).map_err(told)?;
            let name = &revoke.name;
            print_line(&match revoke.json {
                true => json!({"name": name, "outcome": "revoked"}).to_string(),
                false => format!("{name} revoked"),
            })?;
            Ok(Exit::Done)
        }
    }
}

fn told(error: TokenError) -> anyhow::Error {
    let kind = match &error {
        TokenError::Unknown(_) => Kind::Unknown,
        TokenError::Name(_) => Kind::Usage,
        TokenError::File { .. }
        | TokenError::Damaged { .. }
        | TokenError::Unsafe { .. }
        | TokenError::Taken(_)
        | TokenError::TooMany
        | TokenError::Random(_) => return error.into(),
    };
    Failure::new(kind, error.to_string()).into()
}

fn create(storage: &Path, create: &TokenCreate) -> anyhow::Result<Exit> {
    let role = match create.role {
        RoleName::Read => Role::Read,
        RoleName::Operate => Role::Operate,
        RoleName::Deploy => Role::Deploy,
    };
    let now = now();
    let expires_at = create.expires.map(|span| {
        let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Timestamp(now.0.saturating_add(span))
    });
    let who = (role, create.user.clone());
    let secret = tokens::create(storage, &create.name, who, (now, expires_at)).map_err(told)?;
    if create.json {
        let line = json!({
            "name": create.name, "role": role, "user": create.user, "token": secret,
            "expires_at": expires_at.map(|at| at.0),
        });
        print_line(&line.to_string())?;
        return Ok(Exit::Done);
    }
    print_line(&secret)?;
    screen::tell("this is the only time that the token is shown");
    Ok(Exit::Done)
}

fn list(storage: &Path, list: &TokenList) -> anyhow::Result<Exit> {
    let tokens = tokens::list(storage).map_err(told)?;
    if list.json {
        for token in &tokens {
            let line = json!({
                "name": token.name, "role": token.role, "user": token.user,
                "created_at": token.created_at.0,
                "expires_at": token.expires_at.map(|at| at.0),
            });
            print_line(&line.to_string())?;
        }
        return Ok(Exit::Done);
    }
    if tokens.is_empty() {
        screen::tell("no tokens but that of this machine, in the file `http-token` of the storage");
        return Ok(Exit::Done);
    }
    let widths = tokens.iter().map(|token| token.name.len());
    let width = widths.max().unwrap_or(0).max("NAME".len());
    let style = heading();
    print_line(&format!(
        "{style}{:<width$}  {:<7}  {:<24}  {:<24}  USER{style:#}",
        "NAME", "ROLE", "CREATED", "EXPIRES"
    ))?;
    for token in &tokens {
        let expires = token
            .expires_at
            .map_or_else(|| "never".to_owned(), |at| at.to_string());
        let user = token
            .user
            .as_deref()
            .map_or_else(|| "(all)".to_owned(), clean);
        print_line(&format!(
            "{:<width$}  {:<7}  {:<24}  {expires:<24}  {user}",
            token.name,
            token.role.name(),
            token.created_at.to_string()
        ))?;
    }
    Ok(Exit::Done)
}
