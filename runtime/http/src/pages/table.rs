//! The table of all pages that need a session, with who may see them.

use super::{
    Answer, OPERATE, OPERATE_ENGINE, READ, READ_ENGINE, Visit, bulk, definitions, diagram,
    layout::Section, letters, list, overview, process, verbs,
};
use crate::{
    operation::{Access, Method},
    problem::Problem,
};

/// A page, or what a form of one does.
#[derive(Clone, Copy)]
pub struct Page {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    pub(super) section: Section,
    pub(super) run: fn(&Visit) -> Result<Answer, Problem>,
}

type Run = fn(&Visit) -> Result<Answer, Problem>;

impl Page {
    const fn get(path: &'static str, access: Access, section: Section, run: Run) -> Self {
        let method = Method::Get;
        Self {
            method,
            path,
            access,
            section,
            run,
        }
    }

    const fn post(path: &'static str, access: Access, section: Section, run: Run) -> Self {
        let method = Method::Post;
        Self {
            method,
            ..Self::get(path, access, section, run)
        }
    }
}

/// All pages that need a session.
pub fn all() -> Vec<Page> {
    use Section::{Bulk, Definitions, Letters, Overview, Processes};
    vec![
        Page::get("/", READ, Overview, overview::page),
        Page::get("/processes", READ, Processes, list::page),
        Page::get("/processes/{process}", READ, Processes, process::page),
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
            verbs::page,
        ),
        Page::post(
            "/processes/{process}/{verb}",
            OPERATE,
            Processes,
            verbs::give,
        ),
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
        Page::get("/bulk/{job}", READ, Bulk, bulk::job),
        Page::get("/bulk/{job}/stop", OPERATE, Bulk, bulk::ask),
        Page::post("/bulk/{job}/stop", OPERATE, Bulk, bulk::stop),
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
