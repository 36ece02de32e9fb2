//! From text to a checked expression.
//!
//! The parser recurses and would overflow the stack on deep nesting, so length and nesting are bounded first, by the lexer
//! alone, which does not recurse. Positions count within the caller's text.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::Expr;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer, parse_expression};
use ruff_text_size::{Ranged, TextSize};

use crate::limits::{NESTING_MAX, SOURCE_BYTES_MAX, TOKENS_MAX};
use crate::wrapped::Wrapped;
use crate::{Expression, Refusal, check};

/// Parses and checks one expression. White space and line breaks around and inside it do not matter.
///
/// # Errors
/// A [`Refusal`] with the first reason found and its place.
pub fn parse(source: &str) -> Result<Expression, Refusal> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(at_start(format!(
            "an expression of {} bytes; at most {SOURCE_BYTES_MAX} are allowed",
            source.len()
        )));
    }
    // As in parentheses, so that line breaks do not matter; on a line of its own, the closing one survives a comment.
    let wrapped = Wrapped::new(format!("({source}\n)"));
    bound(&wrapped, source)?;
    let parsed = parse_expression(wrapped.as_str()).map_err(|error| {
        wrapped.refusal(error.location.start(), format!("syntax: {}", error.error))
    })?;
    let tree = parsed.into_expr();
    if let Expr::Tuple(tuple) = &tree
        && tuple.elts.is_empty()
        && tuple.range().start() == TextSize::new(0)
    {
        return Err(at_start("an empty expression".to_owned()));
    }
    check::check(&tree, &wrapped, source.len())
}

fn at_start(reason: String) -> Refusal {
    Refusal {
        reason,
        line: 1,
        column: 1,
    }
}

/// Refuses what would nest too deep for the parser, and brackets that would close the parenthesis around the text.
fn bound(wrapped: &Wrapped, source: &str) -> Result<(), Refusal> {
    let deep = || Err(at_start(format!("nesting deeper than {NESTING_MAX}")));
    let mut tokens = lexer::lex(wrapped.as_str(), Mode::Expression);
    let (mut brackets, mut prefixes, mut chained) = (0_usize, 0_usize, 0_usize);
    let mut closed = false;
    for count in 0.. {
        if count > TOKENS_MAX {
            return Err(at_start(format!("more than {TOKENS_MAX} tokens")));
        }
        let token = tokens.next_token();
        if closed
            && !matches!(
                token,
                TokenKind::Newline | TokenKind::NonLogicalNewline | TokenKind::EndOfFile
            )
        {
            return Err(unbalanced(source));
        }
        match token {
            TokenKind::EndOfFile => break,
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                brackets += 1;
            }
            TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::FStringEnd
            | TokenKind::TStringEnd => {
                brackets = brackets.saturating_sub(1);
                closed = brackets == 0;
            }
            TokenKind::Else | TokenKind::DoubleStar | TokenKind::Lambda | TokenKind::Await => {
                chained += 1
            }
            _ => {}
        }
        let prefix = matches!(
            token,
            TokenKind::Not
                | TokenKind::Minus
                | TokenKind::Plus
                | TokenKind::Tilde
                | TokenKind::Star
                | TokenKind::Await
                | TokenKind::Yield
        );
        prefixes = if prefix { prefixes + 1 } else { 0 };
        if brackets > NESTING_MAX + 1 || prefixes > NESTING_MAX || chained > NESTING_MAX {
            return deep();
        }
    }
    Ok(())
}

/// The parser's complaint about the bare text, whose brackets are known to be unbalanced.
fn unbalanced(source: &str) -> Refusal {
    let bare = Wrapped::new(format!(" {source}\n)"));
    match parse_expression(source) {
        Err(error) => bare.refusal(
            error.location.start() + TextSize::new(1),
            format!("syntax: {}", error.error),
        ),
        Ok(_) => at_start("syntax: unbalanced brackets".to_owned()),
    }
}
