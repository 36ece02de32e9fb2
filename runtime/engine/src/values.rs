//! Values that were computed for an instruction, and what the instruction needs them as.

use crate::machine::Trouble;
use bureaucrat_model::{
    FaultCode, JsonText, Millis, NameLimits, Operand, Timestamp, Way, When, WrittenWay,
};
use std::collections::VecDeque;

/// The computed values of a fiber, each taken once, in order.
pub(crate) struct Values(VecDeque<JsonText>);

impl Values {
    pub fn new(values: Vec<JsonText>) -> Self {
        Self(values.into())
    }

    /// The next value.
    pub fn take(&mut self) -> Result<JsonText, Trouble> {
        let next = self.0.pop_front();
        next.ok_or_else(|| Trouble::program("a value was not computed"))
    }

    pub fn take_or(&mut self, operand: &Operand<JsonText>) -> Result<JsonText, Trouble> {
        match operand {
            Operand::Fixed(value) => Ok(value.clone()),
            Operand::Computed => self.take(),
        }
    }

    /// A text for people.
    pub fn text(&mut self, operand: &Operand<String>) -> Result<String, Trouble> {
        match operand {
            Operand::Fixed(text) => Ok(text.clone()),
            Operand::Computed => Ok(plain(&self.take()?)),
        }
    }

    /// A name of at most `limit` bytes; `what` says whose it is.
    pub fn name(
        &mut self,
        operand: &Operand<String>,
        what: &str,
        limit: usize,
    ) -> Result<String, Trouble> {
        let Operand::Computed = operand else {
            return self.text(operand);
        };
        let name = plain(&self.take()?);
        let problem = match name.len() {
            0 => "is empty".to_owned(),
            bytes if bytes > limit => format!("takes {bytes} bytes; at most {limit} are allowed"),
            _ if name.chars().any(char::is_control) => "has a control character".to_owned(),
            _ => return Ok(name),
        };
        Err(bad(format!("the computed name of the {what} {problem}")))
    }

    /// Which way a task goes, as far as the definition says.
    pub fn way(&mut self, way: &WrittenWay) -> Result<Way, Trouble> {
        let mut name = |operand: &Option<Operand<String>>, what| {
            let operand = operand.as_ref();
            let name = operand.map(|operand| self.name(operand, what, NameLimits::SHORT));
            name.transpose()
        };
        Ok(Way {
            via: way.via,
            queue: name(&way.queue, "queue")?,
            exchange: name(&way.exchange, "exchange")?,
            routing_key: name(&way.routing_key, "routing key")?,
            priority: match &way.priority {
                Some(priority) => Some(self.priority(priority)?),
                None => None,
            },
        })
    }

    fn priority(&mut self, operand: &Operand<u8>) -> Result<u8, Trouble> {
        if let Operand::Fixed(priority) = operand {
            return Ok(*priority);
        }
        let text = plain(&self.take()?);
        text.trim().parse().map_err(|_| {
            bad(format!(
                "the computed {} is not a priority: use a whole number from 0 to 255",
                shown(&text)
            ))
        })
    }

    pub fn code(&mut self, operand: &Operand<FaultCode>) -> Result<FaultCode, Trouble> {
        if let Operand::Fixed(code) = operand {
            return Ok(code.clone());
        }
        let text = plain(&self.take()?);
        let fits = (1..=FaultCode::LENGTH_MAX).contains(&text.len());
        let is_code = |c: char| c.is_alphanumeric() || "._-:".contains(c);
        if FaultCode::is_reserved(&text) {
            return Err(bad(format!(
                "the computed fault code {} is reserved for the engine",
                shown(&text)
            )));
        }
        if fits && text.chars().all(is_code) {
            return Ok(FaultCode::new(&text));
        }
        Err(bad(format!(
            "the computed fault code {} is not 1 to {} letters, digits, `.`, `_`, `-` and `:`",
            shown(&text),
            FaultCode::LENGTH_MAX
        )))
    }

    pub fn span(&mut self, operand: &Operand<Millis>) -> Result<Millis, Trouble> {
        if let Operand::Fixed(span) = operand {
            return Ok(*span);
        }
        let text = plain(&self.take()?);
        let span = Millis::parse(&text).or_else(|| Millis::parse_timedelta(&text));
        if span.is_some_and(|span| span > Millis::LONGEST) {
            let text = shown(&text);
            return Err(bad(format!("the computed {text} is more than 100 years")));
        }
        span.ok_or_else(|| {
            bad(format!(
                "the computed {} is not a duration: write seconds (`90`), a number with a unit \
                 (`5m`) or ISO 8601 (`PT5M`)",
                shown(&text)
            ))
        })
    }

    /// When a span or a time that begins `now` is over.
    pub fn when(&mut self, when: &When, now: Timestamp) -> Result<Timestamp, Trouble> {
        let span = match when {
            When::At(Operand::Fixed(time)) => return within_a_life(*time, now),
            When::At(Operand::Computed) => None,
            When::After(span) => Some(span),
        };
        if let Some(span) = span {
            return Ok(now.after(self.span(span)?));
        }
        let text = plain(&self.take()?);
        let time = Timestamp::parse(&text).ok_or_else(|| {
            bad(format!(
                "the computed {} is not a time: write ISO 8601 with an offset \
                 (`2026-12-01T08:00:00Z`) or Unix seconds",
                shown(&text)
            ))
        })?;
        within_a_life(time, now)
    }
}

/// A time, unless it is later than any wait may last.
fn within_a_life(time: Timestamp, now: Timestamp) -> Result<Timestamp, Trouble> {
    if time > now.after(Millis::LONGEST) {
        return Err(bad(format!("the time {time} is more than 100 years away")));
    }
    Ok(time)
}

/// The text of a value: that of a JSON string, or the JSON of another value.
fn plain(value: &JsonText) -> String {
    let text = value.as_text();
    text.unwrap_or_else(|| value.as_str().to_owned())
}

/// A text from outside, short, in backquotes.
pub(crate) fn shown(text: &str) -> String {
    match text.floor_char_boundary(64) {
        end if end < text.len() => format!("`{}…`", &text[..end]),
        _ => format!("`{text}`"),
    }
}

pub(crate) fn bad(message: String) -> Trouble {
    Trouble::new(FaultCode::BAD_VALUE, message)
}
