//! Stored modules: their names, versions and aliases, what uses them; setting an alias, and removing.

use super::{
    Answer, DEPLOY_ENGINE, Visit,
    confirm::{Confirm, page as confirm},
    draft::{is_mistake, mistake},
    fields::encoded,
    layout::Section,
    parts::{definition, exactly, facts, said, table},
};
use crate::{
    problem::Problem,
    routes::modules::{ask, pointed, set},
    server::now,
};
use bureaucrat_host::{
    deployed::ByView,
    modules::{ModuleAnswer, ModuleQuery, NamedVersion, Pointed, ShownModule, StoredModule},
};
use bureaucrat_model::{ModuleName, ModuleRef, Wanted};
use maud::{Markup, html};

/// The most modules of the page.
const SHOWN: usize = 1_000;
/// Digits of a hash that are shown.
const HASH_SHOWN: usize = 19;

pub fn list(visit: &Visit) -> Result<Answer, Problem> {
    let ModuleAnswer::Stored { modules } = ask(&visit.call, ModuleQuery::List)? else {
        return Err(Problem::unfit());
    };
    let rows: Vec<Vec<Markup>> = modules.iter().take(SHOWN).map(row).collect();
    let headings = ["Hash", "Names", "Size", "Used by programs", "Stored", "By"];
    let more = modules.len().saturating_sub(SHOWN);
    let body = html! {
        h1 { "Modules" }
        (done(visit))
        @if rows.is_empty() {
            p.empty { "No module is stored. " code { "bureaucrat module deploy FILE --name NAME" } " stores one." }
        } @else {
            (table("Stored modules, those with names first", &headings, &rows))
            @if more > 0 { p.soft { "And " (more) " more." } }
        }
    };
    Ok(Answer::page("Modules", body))
}

fn row(module: &StoredModule) -> Vec<Markup> {
    let hash = module.hash.to_string();
    let now = now();
    vec![
        html! { a.id href=(of(&hash)) title=(hash) { (hash.get(..HASH_SHOWN).unwrap_or(&hash)) "…" } },
        html! {
            @for (number, named) in module.names.iter().enumerate() {
                @if number > 0 { br; }
                (name(named))
            }
        },
        html! { (module.bytes) " bytes" },
        html! { (module.programs) },
        html! { @if let Some(facts) = &module.facts { (exactly(facts.stored_at, now)) } },
        html! { @if let Some(facts) = &module.facts { (by(&facts.by)) } },
    ]
}

/// A version of a name, with the aliases that stand for it.
fn name(named: &NamedVersion) -> Markup {
    let version = format!("{}@{}", named.name, named.version);
    html! {
        a href=(of(&version)) { (version) }
        @for alias in &named.aliases { " " span.label { "@" (alias) } }
    }
}

pub fn module(visit: &Visit) -> Result<Answer, Problem> {
    let shown = shown(visit)?;
    let now = now();
    let (named, title) = (visit.named("module"), title(visit));
    let is_hash = named.contains(':');
    let mut about = vec![
        ("Hash", html! { code { (shown.hash) } }),
        ("Size", html! { (shown.bytes) " bytes" }),
        ("Programs that use it", html! { (shown.programs) }),
        (
            "Processes that use it and have not ended",
            html! { (shown.running) },
        ),
    ];
    if let Some(facts) = &shown.facts {
        about.push(("Stored", exactly(facts.stored_at, now)));
        about.push(("By", by(&facts.by)));
        about.push((
            "Language runtime",
            html! { (if facts.runtime { "with one" } else { "none" }) },
        ));
    }
    if let Some(millis) = shown.compile_ms {
        about.push(("Compiled in", html! { (millis) " ms" }));
    }
    let versions: Vec<Vec<Markup>> = shown
        .versions
        .iter()
        .map(|version| {
            vec![
                name(&version.named),
                exactly(version.deployed_at, now),
                by(&version.by),
                html! {
                    @if visit.may(DEPLOY_ENGINE) {
                        @let version = format!("{}@{}", version.named.name, version.named.version);
                        a href={ (of(&version)) "/alias" } { "Set an alias…" } " "
                        a href={ (of(&version)) "/remove" } { "Remove…" }
                    }
                    @for alias in version.named.aliases.iter().filter(|_| visit.may(DEPLOY_ENGINE)) {
                        " " a href={ (of(&format!("{}@{alias}", version.named.name))) "/remove" } { "Remove the alias " (alias) "…" }
                    }
                },
            ]
        })
        .collect();
    let body = html! {
        p.crumbs { a href=(Section::Modules.path()) { "Modules" } }
        h1 { (title) }
        (done(visit))
        @if visit.may(DEPLOY_ENGINE) && is_hash {
            nav.verbs aria-label="Orders" { a.button.danger href={ (of(named)) "/remove" } { "Remove…" } }
        }
        (facts(&about))
        @if !versions.is_empty() {
            section {
                h2 { "Names" }
                (table("Names that it has", &["Name", "Deployed", "By", "Orders"], &versions))
            }
        }
        (functions(&shown))
        section {
            h2 { "Definitions that use it" }
            @if shown.definitions.is_empty() { p.empty { "None that is deployed." } }
            ul.plan {
                @for view in &shown.definitions { li { (definition(view.name.as_str(), Some(view.version))) } }
            }
        }
    };
    Ok(Answer::page(title, body))
}

fn functions(shown: &ShownModule) -> Markup {
    let rows: Vec<Vec<Markup>> = shown
        .exports
        .iter()
        .map(|export| {
            let gives = serde_json::to_value(export.gives);
            let gives = gives
                .ok()
                .and_then(|gives| gives.as_str().map(str::to_owned));
            vec![
                html! { code { (said(&export.name)) } },
                html! { (gives.unwrap_or_default()) },
            ]
        })
        .collect();
    html! {
        section {
            h2 { "Functions" }
            (table("Its functions", &["Function", "Returns a"], &rows))
        }
    }
}

/// Asks for an alias of a version.
pub fn ask_alias(visit: &Visit) -> Result<Answer, Problem> {
    version_of(visit)?;
    shown(visit)?;
    Ok(alias_form(visit, None))
}

fn alias_form(visit: &Visit, wrong: Option<&Problem>) -> Answer {
    let title = format!("Set an alias for {}", title(visit));
    let own = of(visit.named("module"));
    let typed = visit.form.one("alias").unwrap_or_default();
    let body = html! {
        div.narrow {
            h1 { (title) }
            (mistake(wrong))
            p {
                "The alias stands for this version from now on, also if it stood for another one before. Definitions that \
                 name the module by the alias use this version when they are deployed next; those that are deployed stay as \
                 they are."
            }
            form.card method="post" action={ (own) "/alias" } {
                input type="hidden" name="proof" value=(visit.proof);
                label for="alias" { "Alias" }
                input #alias type="text" name="alias" value=(typed) placeholder="live" required autocomplete="off" spellcheck="false";
                div.actions {
                    button.main type="submit" { "Set the alias" }
                    a href=(own) { "Go back" }
                }
            }
        }
    };
    Answer::form(wrong, title, body)
}

pub fn set_alias(visit: &Visit) -> Result<Answer, Problem> {
    let alias = visit.form.one("alias").unwrap_or_default().trim();
    let (name, version) = version_of(visit)?;
    match set(&visit.call, (name.as_str(), alias), Some(version)) {
        Ok(_) => Ok(Answer::See(format!(
            "{}?done=alias",
            of(visit.named("module"))
        ))),
        Err(problem) if is_mistake(&problem) => Ok(alias_form(visit, Some(&problem))),
        Err(problem) => Err(problem),
    }
}

/// The version that an alias can be set for.
fn version_of(visit: &Visit) -> Result<(ModuleName, u64), Problem> {
    match pointed(visit.named("module"))? {
        Pointed::Name(ModuleRef {
            name,
            wanted: Wanted::Version(version),
        }) => Ok((name, version.number().into())),
        Pointed::Hash(_) | Pointed::Name(_) => Err(Problem::not_found(
            "an alias stands for a version of a name, such as `risk@4`",
        )),
    }
}

/// Asks whether it is meant.
pub fn ask_remove(visit: &Visit) -> Result<Answer, Problem> {
    let named = visit.named("module");
    let will = match pointed(named)? {
        Pointed::Hash(_) => {
            "The module is removed, unless a name stands for it or a program uses it. This cannot be undone."
        }
        Pointed::Name(ModuleRef {
            wanted: Wanted::Version(_),
            ..
        }) => {
            "The name has this version no more. Its bytes stay as long as a name stands for them or a program uses them. An \
             alias that stands for it has to be moved or removed first."
        }
        Pointed::Name(ModuleRef {
            wanted: Wanted::Alias(_),
            ..
        }) => "The alias stands for nothing any more. The version that it stood for stays.",
        Pointed::Name(ModuleRef {
            name,
            wanted: Wanted::Newest,
        }) => {
            let what = format!("say which version or alias is removed, as in `{name}@4`");
            return Err(Problem::not_found(what));
        }
    };
    let shown = shown(visit)?;
    Ok(confirm(
        visit,
        &Confirm {
            title: format!("Remove {}?", title(visit)),
            about: facts(&[
                ("Hash", html! { code { (shown.hash) } }),
                ("Programs that use it", html! { (shown.programs) }),
            ]),
            will,
            action: format!("{}/remove", of(named)),
            button: "Remove".to_owned(),
            is_final: true,
            back: of(named),
            ..Confirm::default()
        },
    ))
}

pub fn remove(visit: &Visit) -> Result<Answer, Problem> {
    let module = pointed(visit.named("module"))?;
    ask(&visit.call, ModuleQuery::Remove { module })?;
    Ok(Answer::See(format!(
        "{}?done=remove",
        Section::Modules.path()
    )))
}

/// Says what was just ordered.
fn done(visit: &Visit) -> Markup {
    let words = match visit.query.one("done") {
        Some("alias") => "The alias was set.",
        Some("remove") => "It was removed.",
        Some(_) | None => "",
    };
    html! {
        @if !words.is_empty() { p.notice.good role="status" { (words) } }
    }
}

fn shown(visit: &Visit) -> Result<Box<ShownModule>, Problem> {
    let module = pointed(visit.named("module"))?;
    let ModuleAnswer::Shown(shown) = ask(&visit.call, ModuleQuery::Show { module })? else {
        return Err(Problem::unfit());
    };
    Ok(shown)
}

/// What the module is called in the address.
fn title(visit: &Visit) -> String {
    let named = visit.named("module");
    match named.contains(':') {
        true => format!("module {}…", named.get(..HASH_SHOWN).unwrap_or(named)),
        false => format!("module {named}"),
    }
}

fn of(module: &str) -> String {
    format!("{}/{}", Section::Modules.path(), encoded(module))
}

fn by(by: &ByView) -> Markup {
    super::definitions::by(by)
}
