//! Loaded programs, by the text that they were compiled from and by their own hash.

use super::Loaded;
use bureaucrat_model::ProgramHash;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

#[derive(Default)]
pub(super) struct Cache {
    by_source: HashMap<[u8; 32], Arc<Loaded>>,
    by_program: HashMap<ProgramHash, Arc<Loaded>>,
    /// In order of arrival; the first one is dropped when there are too many.
    order: VecDeque<([u8; 32], ProgramHash)>,
}

impl Cache {
    pub fn of_source(&self, source: &[u8; 32]) -> Option<Arc<Loaded>> {
        self.by_source.get(source).cloned()
    }

    pub fn of_program(&self, program: ProgramHash) -> Option<Arc<Loaded>> {
        self.by_program.get(&program).cloned()
    }

    /// Keeps a program under the hash of its text; it takes the place of what the text was before,
    /// when names in it stood for other modules. At most `most` texts are kept.
    pub fn insert(&mut self, source: [u8; 32], loaded: &Arc<Loaded>, most: usize) {
        let before = self.by_source.insert(source, loaded.clone());
        if before.as_ref().map(|before| before.hash) != Some(loaded.hash) {
            if before.is_some() {
                let place = self.order.iter().position(|(other, _)| *other == source);
                let program = place.and_then(|place| self.order.remove(place));
                self.forget_unless_kept(program.map(|(_, program)| program));
            }
            self.order.push_back((source, loaded.hash));
        }
        self.by_program.insert(loaded.hash, loaded.clone());
        while self.order.len() > most {
            let Some((source, program)) = self.order.pop_front() else {
                break;
            };
            self.by_source.remove(&source);
            self.forget_unless_kept(Some(program));
        }
    }

    fn forget_unless_kept(&mut self, program: Option<ProgramHash>) {
        if let Some(program) = program
            && !self.order.iter().any(|(_, other)| *other == program)
        {
            self.by_program.remove(&program);
        }
    }
}
