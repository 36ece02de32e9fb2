//! A page that asks whether something is meant, and says what it will do.

use super::{Answer, Visit, once, parts::ticks};
use bureaucrat_views::text::clean;
use maud::{Markup, html};

#[derive(Default)]
pub struct Confirm {
    /// A question.
    pub title: String,
    /// What it is about.
    pub about: Markup,
    /// What will happen.
    pub will: &'static str,
    /// Where the form is sent.
    pub action: String,
    pub button: String,
    /// Whether it can't be undone.
    pub is_final: bool,
    /// If a reason can be given, its longest length.
    pub reason: Option<usize>,
    /// Hidden inputs.
    pub kept: Markup,
    /// Whether it was filled in, and can be changed.
    pub is_drafted: bool,
    /// Whether what it is about may take more than a screen, so that the reason must not scroll it away.
    pub is_long: bool,
    /// The page to return to.
    pub back: String,
}

pub fn page(visit: &Visit, confirm: &Confirm) -> Answer {
    let title = clean(&confirm.title);
    let body = html! {
        div.narrow.wide[confirm.is_long] {
            h1 { (title) }
            (confirm.about)
            p { (ticks(confirm.will)) }
            form.card method="post" action=(confirm.action) {
                input type="hidden" name="proof" value=(visit.proof);
                (once::number())
                (confirm.kept)
                @if let Some(most) = confirm.reason {
                    label for="reason" { "Reason, for the history" }
                    input #reason type="text" name="reason" maxlength=(most) autocomplete="off" autofocus[!confirm.is_long];
                }
                div.actions {
                    button.main.danger[confirm.is_final] type="submit" { (confirm.button) }
                    @if confirm.is_drafted { button type="submit" name="step" value="edit" { "Change it" } }
                    a href=(confirm.back) { "Go back" }
                }
            }
        }
    };
    Answer::page(title, body)
}
