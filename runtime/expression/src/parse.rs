//! From text to a checked expression.
//!
//! The parser is recursive and would overflow the stack on deep nesting, so length and nesting are
//! limited first, using only the lexer, which is not recursive. Positions refer to the caller's
//! text.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's enums are not ours"
)]

use ruff_python_ast::Expr;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer, parse_expression};
use ruff_text_size::{Ranged, TextSize};

use crate::limits::{NESTING_MAX, SOURCE_BYTES_MAX, TOKENS_MAX};
use crate::slips::{self, Stage};
use crate::wrapped::Wrapped;
use crate::{Expression, Refusal, check};

/// Parses and checks one expression. White space and line breaks around and inside it do not matter.
///
/// # Errors
/// A [`Refusal`] with the first reason found and its place, and what was probably meant.
pub fn parse(source: &str) -> Result<Expression, Refusal> {
    plain(source).map_err(|Refused { refusal, stage }| slips::explain(source, refusal, stage))
}

/// As [`parse`], but does not look for what was meant: for refusals that nobody reads.
///
/// # Errors
/// As [`parse`] has them, in fewer words.
pub fn parse_unexplained(source: &str) -> Result<Expression, Refusal> {
    plain(source).map_err(|refused| refused.refusal)
}

/// Why a text is refused, and by whom.
pub(crate) struct Refused {
    refusal: Refusal,
    stage: Stage,
}

impl Refused {
    /// Without the question of what was meant.
    pub(crate) fn refusal(self) -> Refusal {
        self.refusal
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let stage = Stage::Check;
        Self { refusal, stage }
    }
}

/// Parses and checks, and does not ask what was meant.
pub(crate) fn plain(source: &str) -> Result<Expression, Refused> {
    let of_syntax = |refusal| Refused {
        refusal,
        stage: Stage::Syntax,
    };
    if source.len() > SOURCE_BYTES_MAX {
        return Err(beyond(format!(
            "the expression has {} bytes; at most {SOURCE_BYTES_MAX} are allowed",
            source.len()
        )));
    }
    // As in parentheses, so that line breaks do not matter. The closing one is on a line of its
    // own, so that a comment does not swallow it.
    let wrapped = Wrapped::new(format!("({source}\n)"));
    bound(&wrapped, source)?;
    let parsed = parse_expression(wrapped.as_str()).map_err(|error| {
        of_syntax(wrapped.refusal(error.location.start(), error.error.to_string()))
    })?;
    let tree = parsed.into_expr();
    if let Expr::Tuple(tuple) = &tree
        && tuple.elts.is_empty()
        && tuple.range().start() == TextSize::new(0)
    {
        return Err(Refused::from(at_start(
            "the expression is empty".to_owned(),
        )));
    }
    Ok(check::check(&tree, &wrapped, source.len())?)
}

/// Refuses what goes beyond a limit: nobody asks what was meant then.
fn beyond(reason: String) -> Refused {
    Refused {
        refusal: at_start(reason),
        stage: Stage::Limit,
    }
}

fn at_start(reason: String) -> Refusal {
    Refusal {
        reason,
        line: 1,
        column: 1,
        suggestion: None,
    }
}

/// Refuses what is nested too deeply for the parser, and brackets that would close the parenthesis
/// around the text.
fn bound(wrapped: &Wrapped, source: &str) -> Result<(), Refused> {
    let deep = || {
        let reason = format!("the expression nests deeper than {NESTING_MAX}");
        Err(beyond(reason))
    };
    let mut tokens = lexer::lex(wrapped.as_str(), Mode::Expression);
    let (mut brackets, mut prefixes, mut chained) = (0_usize, 0_usize, 0_usize);
    let mut closed = false;
    for count in 0.. {
        if count > TOKENS_MAX {
            let reason = format!("the expression has more than {TOKENS_MAX} tokens");
            return Err(beyond(reason));
        }
        let token = tokens.next_token();
        if closed
            && !matches!(
                token,
                TokenKind::Newline | TokenKind::NonLogicalNewline | TokenKind::EndOfFile
            )
        {
            return Err(Refused {
                refusal: unbalanced(source),
                stage: Stage::Syntax,
            });
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

/// The parser's message for the bare text, whose brackets are known to be unbalanced.
fn unbalanced(source: &str) -> Refusal {
    let bare = Wrapped::new(format!(" {source}\n)"));
    match parse_expression(source) {
        Err(error) => bare.refusal(
            error.location.start() + TextSize::new(1),
            error.error.to_string(),
        ),
        Ok(_) => at_start("the brackets do not match".to_owned()),
    }
}
