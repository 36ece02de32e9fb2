//! `event`: tells the engine that something happened.

use crate::{
    Exit,
    arguments::{Event, Options},
    files,
};

pub fn run(options: &Options, event: &Event) -> anyhow::Result<Exit> {
    let fields = files::fields(event.fields.as_deref(), &event.field)?;
    super::launch::publish_event(options, event, &fields)
}
