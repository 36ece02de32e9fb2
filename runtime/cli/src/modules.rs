//! The running engine's answers about modules.

use base64::{Engine, engine::general_purpose::STANDARD};
use bureaucrat_host::{
    Host,
    definitions::LoadFailure,
    modules::{ModuleAnswer, ModuleQuery},
    query::QueryAnswer,
};

/// Deploys, lists or removes. Blocks for the compile worker and the store.
pub fn answer(host: &Host, query: &ModuleQuery) -> QueryAnswer {
    let modules = host.modules();
    let answered = match query {
        ModuleQuery::Deploy { component } => {
            let Ok(bytes) = STANDARD.decode(component) else {
                return error("the component is not in base64");
            };
            match modules.deploy(&bytes) {
                Ok(deployed) => Ok(ModuleAnswer::Deployed(deployed)),
                Err(LoadFailure::Refused { reasons, .. }) => Ok(ModuleAnswer::Refused {
                    reason: reasons.join("; "),
                }),
                Err(LoadFailure::Environment(reason)) => return error(&reason),
            }
        }
        ModuleQuery::List => modules
            .list()
            .map(|modules| ModuleAnswer::Stored { modules }),
        ModuleQuery::Remove { hash } => modules.remove(*hash),
    };
    match answered {
        Ok(answer) => QueryAnswer::Modules(answer),
        Err(failure) => error(&failure.to_string()),
    }
}

fn error(reason: &str) -> QueryAnswer {
    QueryAnswer::Error {
        reason: reason.to_owned(),
    }
}
