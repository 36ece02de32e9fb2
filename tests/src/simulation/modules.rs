//! Deployed modules: clients deploy several under a few names, operators move an alias, and definitions use the names.
//!
//! What is durable of a name never goes back: numbers are given once, a version keeps its module, and its module is there.
//! All modules say the same, so that how a process ends does not depend on which of them its definition found.

use super::{
    Facts, Message, Plan, Random, Trouble, World, bulk, content::Content, facts::Known,
    people::People,
};
use bureaucrat_host::{
    broker::Source,
    module_catalog::NameRecord,
    modules::{ModuleCommand, ModuleOrder},
};
use bureaucrat_model::{ModuleHash, ModuleName, Redelivered};
use bureaucrat_sandbox::build_module;
use bureaucrat_store::{Table, keys, records};
use bureaucrat_wire::{HeaderValue, MODULE_TYPE, ModuleHeaders, Properties};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

/// The names under which modules are deployed.
const NAMES: [&str; 2] = ["m0", "m1"];
/// Different modules, so that most deployments bring one that is not stored.
const VARIANTS: usize = 9;
/// Definitions of so many launches in turn use a name.
const USERS: usize = 4;

/// A module whose function `yes` holds.
fn component(variant: usize) -> Vec<u8> {
    static COMPONENTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let all = COMPONENTS.get_or_init(|| {
        let built = (0..VARIANTS).map(|variant| {
            let text = format!(
                r#"(module (memory (export "memory") 1)
                  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
                  (func (export "yes") (result i32)
                    (i32.store (i32.const 512) (i32.const {variant}))
                    (i32.store8 (i32.const 128) (i32.const 0))
                    (i32.store8 (i32.const 132) (i32.const 1))
                    (i32.const 128)))"#
            );
            let core = wat::parse_str(text).unwrap_or_default();
            build_module(&core, Some("condition"), None).unwrap_or_default()
        });
        built.collect()
    });
    all.get(variant).cloned().unwrap_or_default()
}

/// The name whose module the definition of a launch uses, if it uses any.
pub(super) fn used(launch: usize) -> Option<&'static str> {
    (launch % USERS == USERS - 1).then(|| NAMES[launch / USERS % NAMES.len()])
}

/// A definition that asks a module first, which changes nothing.
pub(super) fn asking(xml: &str, name: &str) -> String {
    let named = format!(r#"<module name="asked" use="{name}"/><context>"#);
    let asking =
        r#"</context><switch><case><condition module="asked" function="yes"/></case></switch>"#;
    xml.replacen("<context>", &named, 1)
        .replacen("</context>", asking, 1)
}

/// A planned deployment.
#[derive(Debug)]
pub(super) struct Upload {
    message: Message,
    is_published: bool,
}

/// The deployments of a run: each name has one at least.
pub(super) fn uploads(random: &mut Random) -> Vec<Upload> {
    let more = (0..random.below(7)).map(|_| random.place(NAMES.len()));
    let names: Vec<usize> = (0..NAMES.len()).chain(more.collect::<Vec<_>>()).collect();
    let uploads = names.into_iter().enumerate().map(|(number, name)| {
        let variant = number % VARIANTS;
        let header = HeaderValue::Text(NAMES[name].to_owned());
        Upload {
            message: Message {
                content: Content::Module { name, variant },
                properties: Properties {
                    content_type: Some(MODULE_TYPE.to_owned()),
                    headers: vec![(ModuleHeaders::NAME.to_owned(), header)],
                    ..Properties::default()
                },
                body: component(variant),
                redelivered: Redelivered::No,
            },
            is_published: false,
        }
    });
    uploads.collect()
}

impl People {
    /// Publishes the next module, or repeats one; returns false if something else is to be published.
    pub(super) fn upload(&mut self, random: &mut Random, plan: &Plan) -> bool {
        let next = self.uploads.iter().position(|upload| !upload.is_published);
        let repeats = plan.has(Trouble::Repeats) && random.once_in(20);
        let place = match next {
            Some(place) if random.once_in(3) => place,
            None if repeats => random.place(self.uploads.len()),
            Some(_) | None => return false,
        };
        let upload = &mut self.uploads[place];
        upload.is_published = true;
        self.facts.count("modules published");
        let message = upload.message.clone();
        self.broker.publish_to_engine(Source::Launches, message);
        true
    }

    /// Whether every module was published.
    pub(super) fn have_uploaded(&self) -> bool {
        self.uploads.iter().all(|upload| upload.is_published)
    }
}

impl World {
    /// An operator lets an alias stand for the newest version of a name.
    pub(super) fn move_alias(&mut self) {
        let name = NAMES[self.random.place(NAMES.len())];
        let (Ok(alias), Ok(to)) = ("live".parse(), name.parse()) else {
            return;
        };
        let Some(engine) = self
            .engine
            .as_ref()
            .filter(|_| self.config.sharing.has_common())
        else {
            return;
        };
        let (command, _) = ModuleCommand::new(ModuleOrder::Alias { alias, to }, bulk::operator());
        engine.order_module(command);
        self.facts.count("aliases moved");
    }
}

/// What is durable about modules.
#[derive(Debug, Default)]
pub(super) struct Uploaded {
    modules: BTreeSet<ModuleHash>,
    names: BTreeMap<String, NameRecord>,
}

impl Facts {
    /// Whether the module that the definition of a launch uses is deployed.
    pub(super) fn has_module(&self, launch: usize) -> bool {
        let known = self.known();
        used(launch).is_none_or(|name| known.uploaded.names.contains_key(name))
    }
}

impl Known {
    pub(super) fn module_written(&mut self, key: &[u8], value: Option<&Vec<u8>>) {
        match (<[u8; 32]>::try_from(key), value) {
            (Ok(hash), Some(value)) if ModuleHash::of(value).0 == hash => {
                self.uploaded.modules.insert(ModuleHash(hash));
            }
            (Ok(_) | Err(_), _) => {
                self.violate("a module is not what its key says, or is gone".to_owned())
            }
        }
    }

    pub(super) fn module_name_written(&mut self, key: &[u8], value: Option<&Vec<u8>>) {
        let name: Option<ModuleName> = keys::name_of(key).ok().map(|(_, name)| name);
        let (Some(name), Some(value)) = (name, value) else {
            return self.violate("the name of a module was removed".to_owned());
        };
        let record = match records::decode::<NameRecord>(Table::ModuleNames, key, value) {
            Ok(record) => record,
            Err(error) => return self.violate(error.to_string()),
        };
        let before = self.uploaded.names.insert(name.to_string(), record.clone());
        let (next, earlier) = match before {
            Some(before) => (before.next.number(), before.versions),
            None => (1, BTreeMap::new()),
        };
        let mut modules = BTreeSet::new();
        for (version, entry) in &record.versions {
            let wrong = match earlier.get(version) {
                Some(known) if known.module != entry.module => "is another module than before",
                None if version.number() < next => "has a number that was given before",
                Some(_) | None if version.number() >= record.next.number() => {
                    "has a number that is given next"
                }
                Some(_) | None if !modules.insert(entry.module) => "is a module that has a version",
                Some(_) | None if !self.uploaded.modules.contains(&entry.module) => {
                    "is a module that is not there"
                }
                Some(_) | None => continue,
            };
            self.violate(format!("`{name}@{version}` {wrong}"));
        }
        if earlier
            .keys()
            .any(|version| !record.versions.contains_key(version))
        {
            self.violate(format!("a version of `{name}` is gone"));
        }
        *self.counts.entry("names of modules written").or_default() += 1;
    }

    /// Whether a module that was acknowledged is a version of its name.
    pub(super) fn is_uploaded(&self, name: usize, variant: usize) -> Result<(), String> {
        let module = ModuleHash::of(&component(variant));
        let record = self.uploaded.names.get(NAMES[name]);
        match record.is_some_and(|record| record.version_with(module).is_some()) {
            true => Ok(()),
            false => Err("no version is this module".to_owned()),
        }
    }
}
