//! Operators' questions and orders.

pub mod audit;
pub mod commands;
pub mod definitions;
pub mod letters;
mod listing;
pub mod modules;
pub mod query;
pub mod questions;
pub mod tasks;
mod waiting;
