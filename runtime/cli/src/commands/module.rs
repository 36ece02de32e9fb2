//! `module …`: what authors of condition modules need besides their own tools, and what operators
//! do with stored modules.

mod bench;
mod cases;
mod diff;
mod junit;
mod shown;
mod signing;
mod stored;
mod testing;
mod tools;

use super::print_line;
use crate::{
    Exit,
    arguments::{Module, ModuleBuild, Options},
    files, output,
};
use anyhow::Context;
use bureaucrat_model::ModuleHash;
use bureaucrat_sandbox::build_module;

/// Runs a subcommand.
pub fn run(options: &Options, module: &Module) -> anyhow::Result<Exit> {
    match module {
        Module::Build(build) => make(build),
        Module::Check(check) => tools::check(options, check),
        Module::Run(run) => tools::run(options, run),
        Module::Test(test) => testing::run(options, test),
        Module::Bench(bench) => bench::run(options, bench),
        Module::Diff(diff) => diff::run(options, diff),
        Module::Deploy(deploy) => stored::deploy(options, deploy),
        Module::List(list) => stored::list(options, list),
        Module::Show(show) => shown::run(options, show),
        Module::Alias(alias) => stored::alias(options, alias),
        Module::Sign(sign) => signing::run(sign),
        Module::Remove(remove) => stored::remove(options, remove),
    }
}

fn make(build: &ModuleBuild) -> anyhow::Result<Exit> {
    let name = || build.file.display().to_string();
    // Accepts text and binary, like other Wasm tools.
    let bytes = files::read(&build.file)?;
    files::not_a_definition(&build.file, &bytes)?;
    let core = wat::parse_bytes(&bytes).with_context(name)?.into_owned();
    let wit = build.wit.as_deref().map(files::read_text).transpose()?;
    let component =
        build_module(&core, build.world.as_deref(), wit.as_deref()).with_context(name)?;
    output::write(&build.output, &component)?;
    print_line(&ModuleHash::of(&component).to_string())?;
    Ok(Exit::Done)
}
