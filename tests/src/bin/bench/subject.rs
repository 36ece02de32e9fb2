//! The engine under test: the binary next to this one, with the settings of the crash tests and
//! those of the command line.

use anyhow::Result;
use bureaucrat_tests::engine::{Engine, broker_url};
use clap::Args;
use std::path::Path;

#[derive(Debug, Clone, Default, Args)]
pub struct Subject {
    /// An option for the engine, such as --engine-option=--shards=1; may be repeated
    #[arg(long = "engine-option", value_name = "OPTION")]
    options: Vec<String>,
    /// A variable for the engine's environment; may be repeated
    #[arg(long = "engine-variable", value_name = "NAME=VALUE", value_parser = variable)]
    variables: Vec<(String, String)>,
}

impl Subject {
    /// The same with one more option.
    pub fn with_option(&self, option: String) -> Self {
        let options = std::iter::once(option).chain(self.options.iter().cloned());
        Self {
            options: options.collect(),
            variables: self.variables.clone(),
        }
    }

    /// The engine, not started: its queues begin with `prefix`, its state is in `folder`.
    ///
    /// # Errors
    /// When no broker is named.
    pub fn engine(&self, folder: &Path, prefix: &str) -> Result<Engine> {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        Ok(Engine::new(&broker_url()?, folder, prefix, &options)
            .with_environment(self.variables.iter().cloned()))
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
