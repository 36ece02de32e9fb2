//! A queue that is fair to users: each user has a line, and the lines are served in turn, one item
//! each.

use std::collections::{BTreeMap, VecDeque};

/// The owner of an item: a user, or `None` for messages without one.
pub type User = Option<String>;

/// It has no limit of its own: the code that fills it counts.
#[derive(Debug)]
pub struct FairQueue<T> {
    lines: BTreeMap<User, VecDeque<T>>,
    /// The users with a line, in the order of their turns.
    turns: VecDeque<User>,
}

impl<T> Default for FairQueue<T> {
    fn default() -> Self {
        Self {
            lines: BTreeMap::new(),
            turns: VecDeque::new(),
        }
    }
}

impl<T> FairQueue<T> {
    /// Puts an item at the end of its user's line. A user without a line goes last.
    pub fn push(&mut self, user: User, item: T) {
        match self.lines.get_mut(&user) {
            Some(line) => line.push_back(item),
            None => {
                self.turns.push_back(user.clone());
                self.lines.insert(user, VecDeque::from([item]));
            }
        }
    }

    /// Takes the first item of the line whose turn it is; its user then goes last.
    pub fn pop(&mut self) -> Option<(User, T)> {
        let user = self.turns.pop_front()?;
        let line = self.lines.get_mut(&user)?;
        let item = line.pop_front()?;
        if line.is_empty() {
            self.lines.remove(&user);
        } else {
            self.turns.push_back(user.clone());
        }
        Some((user, item))
    }

    /// Puts back the item that was taken last; it will be taken first.
    pub fn give_back(&mut self, user: User, item: T) {
        match self.lines.get_mut(&user) {
            Some(line) => {
                line.push_front(item);
                self.turns.retain(|other| *other != user);
            }
            None => {
                self.lines.insert(user.clone(), VecDeque::from([item]));
            }
        }
        self.turns.push_front(user);
    }

    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        Some(name.to_owned())
    }

    #[test]
    fn users_have_turns_however_long_their_lines_are() {
        let mut queue = FairQueue::default();
        (0..100).for_each(|number| queue.push(user("a"), number));
        queue.push(user("b"), 1_000);
        queue.push(None, 2_000);
        queue.push(user("b"), 1_001);
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop())
            .map(|(_, item)| item)
            .take(7)
            .collect();
        assert_eq!(order, [0, 1_000, 2_000, 1, 1_001, 2, 3]);
    }

    #[test]
    fn what_is_given_back_comes_first_again() {
        let mut queue = FairQueue::default();
        for (name, item) in [("a", 1), ("a", 2), ("b", 3)] {
            queue.push(user(name), item);
        }
        for _ in 0..3 {
            let (user, item) = queue.pop().unwrap_or_default();
            assert_eq!(item, 1);
            queue.give_back(user, item);
        }
        let order: Vec<i32> = std::iter::from_fn(|| queue.pop())
            .map(|(_, item)| item)
            .collect();
        assert_eq!(order, [1, 3, 2]);
        assert!(queue.is_empty() && queue.pop().is_none());
    }
}
