//! What becomes of answers and results.

use super::Pure;
use crate::conformance::{calls::ResultMessage, case::Fate};
use bureaucrat_engine::Rejection;
use bureaucrat_model::{Answer, Input};
use bureaucrat_wire::{
    AnswerMessage, HeaderValue, Properties, UnreadableAnswer, WireLimits, decode_result,
};

impl Pure {
    pub(super) fn came_back(&mut self, message: ResultMessage) -> Fate {
        let header = |(name, text): (&str, String)| (name.to_owned(), HeaderValue::Text(text));
        let properties = Properties {
            correlation_id: Some(message.correlation_id),
            headers: message.headers.into_iter().map(header).collect(),
            ..Properties::default()
        };
        let limits = WireLimits::default();
        self.taken(decode_result(&properties, message.body.as_bytes(), &limits))
    }

    /// Brings an answer to its process, and says what happened to it.
    pub(super) fn taken(&mut self, decoded: Result<AnswerMessage, UnreadableAnswer>) -> Fate {
        let (target, turn, (answer, unusable), taken) = match decoded {
            Ok(read) => {
                let answer = (read.answer, read.unusable);
                (read.target, read.turn, answer, Fate::Taken)
            }
            Err(unreadable) => {
                self.dead += 1;
                let Some((target, turn)) = unreadable.waiting else {
                    return Fate::Dead;
                };
                let answer = Answer::Unreadable(unreadable.reason.to_string());
                (target, turn, (answer, Vec::new()), Fate::Bad)
            }
        };
        let input = Input::Answer {
            activity: target.path,
            turn,
            answer,
            unusable,
        };
        let brought = self.bring(target.process, input);
        self.settle();
        match (brought, taken) {
            (Ok(()), taken) => taken,
            // An unreadable answer is a dead letter anyway, whatever it was for.
            (Err(_), Fate::Bad) => Fate::Dead,
            (Err(Some(Rejection::Stale(_) | Rejection::Ended(_))), _) => Fate::Stale,
            (Err(Some(Rejection::NotWaiting(_) | Rejection::Ambiguous { .. }) | None), _) => {
                self.dead += 1;
                Fate::Dead
            }
        }
    }
}
