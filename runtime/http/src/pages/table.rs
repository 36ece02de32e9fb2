//! The table of all pages that need a session, with who may see them.

use super::{
    Answer, DEPLOY, DEPLOY_ENGINE, OPERATE, OPERATE_ENGINE, READ, READ_ENGINE, Visit, audit, bulk,
    calls, definitions, deploying, diagram, differences, layout::Section, letters, list, modules,
    order, overview, participants, process, schedules, sent::FORM_BYTES_MAX, start,
};
use crate::{
    operation::{Access, BODY_BYTES_MAX, Method},
    problem::Problem,
    server::Shared,
};
use std::{pin::Pin, sync::Arc};

/// The most bytes of a form with JSON in it, of which each may be three in a form.
const JSON_BYTES_MAX: usize = 3 * BODY_BYTES_MAX + FORM_BYTES_MAX;

/// A page, or what a form of one does.
#[derive(Clone, Copy)]
pub struct Page {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub(super) section: Section,
    /// The most bytes of what is sent to it.
    pub(super) form_bytes_max: usize,
    /// Whether it says itself what is wrong with a file.
    pub(super) takes_files: bool,
    pub(super) run: Run,
}

type Blocking = fn(&Visit) -> Result<Answer, Problem>;
type Answered = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send>>;

/// How a page is made.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// On a thread for what blocks.
    Blocking(Blocking),
    /// It waits for something without a thread.
    Waiting(fn(Arc<Shared>, Visit) -> Answered),
}

impl Page {
    const fn get(path: &'static str, access: Access, section: Section, run: Blocking) -> Self {
        let method = Method::Get;
        Self {
            method,
            path,
            access,
            section,
            form_bytes_max: FORM_BYTES_MAX,
            takes_files: false,
            run: Run::Blocking(run),
        }
    }

    const fn post(path: &'static str, access: Access, section: Section, run: Blocking) -> Self {
        let method = Method::Post;
        Self {
            method,
            ..Self::get(path, access, section, run)
        }
    }

    /// Takes more than other forms.
    const fn taking(self, form_bytes_max: usize) -> Self {
        Self {
            form_bytes_max,
            ..self
        }
    }
}

/// All pages that need a session.
pub fn all() -> Vec<Page> {
    use Section::{
        Audit, Bulk, Definitions, Letters, Modules, Overview, Participants, Processes, Schedules,
    };
    vec![
        Page::get("/", READ, Overview, overview::page),
        Page::get("/processes", READ, Processes, list::page),
        Page::get("/processes/{process}", READ, Processes, process::page),
        Page::get("/processes/{process}/calls", READ, Processes, calls::page),
        Page::get(
            "/processes/{process}/diagram",
            READ,
            Processes,
            diagram::of_process,
        ),
        Page::get(
            "/processes/{process}/{verb}",
            OPERATE,
            Processes,
            order::page,
        ),
        Page::post(
            "/processes/{process}/{verb}",
            OPERATE,
            Processes,
            order::give,
        )
        .taking(JSON_BYTES_MAX),
        Page::get("/participants", READ, Participants, participants::list),
        Page::get("/definitions", READ, Definitions, definitions::list),
        Page::get("/definitions/{name}", READ, Definitions, definitions::name),
        Page::get(
            "/definitions/{name}/{version}",
            READ,
            Definitions,
            definitions::version,
        ),
        Page::get(
            "/definitions/{name}/{version}/diagram",
            READ,
            Definitions,
            diagram::of_definition,
        ),
        Page::get(
            "/definitions/{name}/{version}/differences",
            READ,
            Definitions,
            differences::page,
        ),
        Page::get(
            "/definitions/{name}/retire",
            DEPLOY,
            Definitions,
            deploying::ask_all,
        ),
        Page::post(
            "/definitions/{name}/retire",
            DEPLOY,
            Definitions,
            deploying::retire_all,
        ),
        Page::get(
            "/definitions/{name}/{version}/retire",
            DEPLOY,
            Definitions,
            deploying::ask,
        ),
        Page::post(
            "/definitions/{name}/{version}/retire",
            DEPLOY,
            Definitions,
            deploying::retire,
        ),
        Page::get("/deploy", DEPLOY, Definitions, deploying::page),
        Page {
            takes_files: true,
            run: Run::Waiting(|shared, visit| Box::pin(deploying::deploy(shared, visit))),
            ..Page::post("/deploy", DEPLOY, Definitions, deploying::page)
                .taking(deploying::BYTES_MAX)
        },
        Page::get("/schedules", READ, Schedules, schedules::list),
        Page::get("/modules", READ_ENGINE, Modules, modules::list),
        Page::get("/modules/{module}", READ_ENGINE, Modules, modules::module),
        Page::get(
            "/modules/{module}/alias",
            DEPLOY_ENGINE,
            Modules,
            modules::ask_alias,
        ),
        Page::post(
            "/modules/{module}/alias",
            DEPLOY_ENGINE,
            Modules,
            modules::set_alias,
        ),
        Page::get(
            "/modules/{module}/remove",
            DEPLOY_ENGINE,
            Modules,
            modules::ask_remove,
        ),
        Page::post(
            "/modules/{module}/remove",
            DEPLOY_ENGINE,
            Modules,
            modules::remove,
        ),
        Page::get("/letters", READ_ENGINE, Letters, letters::list),
        Page::get("/letters/{letter}", READ_ENGINE, Letters, letters::letter),
        Page::get(
            "/letters/{letter}/{verb}",
            OPERATE_ENGINE,
            Letters,
            letters::ask,
        ),
        Page::post(
            "/letters/{letter}/{verb}",
            OPERATE_ENGINE,
            Letters,
            letters::order,
        ),
        Page::get("/bulk", READ, Bulk, bulk::list),
        Page::get("/bulk/new/{verb}", OPERATE, Bulk, start::page),
        Page::post("/bulk/new/{verb}", OPERATE, Bulk, start::give).taking(JSON_BYTES_MAX),
        Page::get("/bulk/{job}", READ, Bulk, bulk::job),
        Page::get("/bulk/{job}/stop", OPERATE, Bulk, bulk::ask),
        Page::post("/bulk/{job}/stop", OPERATE, Bulk, bulk::stop),
        Page::get("/audit", READ, Audit, audit::page),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Role;

    #[test]
    fn what_changes_something_needs_a_role_and_is_asked_first() {
        let pages = all();
        let is_read = |access| matches!(access, Access::Needs(Role::Read, _));
        for page in &pages {
            let mut same = pages.iter().filter(|other| other.path == page.path);
            let has_form = same.clone().any(|other| other.method == Method::Post);
            assert_ne!(is_read(page.access), has_form, "{}", page.path);
            assert!(
                same.all(|other| other.access == page.access),
                "{}",
                page.path
            );
            let is_asked = pages
                .iter()
                .any(|other| other.path == page.path && other.method == Method::Get);
            assert!(is_asked, "{}", page.path);
        }
    }
}
