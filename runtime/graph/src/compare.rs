//! What is different between two versions of a definition.
//!
//! Which activity is which is decided as for a migration (`engine/src/migrating/mapping.rs`): by `id`; without one, by the
//! path below the nearest element around that has an `id`, if the elements around are the same ones too. An element of
//! another kind is another one. What only the older version has is put back where it was, and marked as removed.

use crate::{
    node::{Change, Line, Node, Tone},
    text::clean,
};
use bureaucrat_model::ActivityPath;
use std::collections::{BTreeMap, BTreeSet};

/// The longest older value that is shown.
const VALUE_MAX: usize = 40;

/// The newer version with what is different.
pub(crate) fn compared(mut new: Node, old: &Node) -> Node {
    let mut compare = Compare {
        pairs: BTreeMap::new(),
        kept: BTreeSet::new(),
        counts: Counts::default(),
    };
    pair(&mut compare, &new, old);
    compare.mark(&mut new, None);
    let Counts {
        added,
        removed,
        changed,
    } = compare.counts;
    let text = match added + removed + changed {
        0 => "no differences from the other version".to_owned(),
        _ => format!("{added} added, {removed} removed, {changed} changed"),
    };
    new.lines.push(Line {
        tone: Tone::Detail,
        text,
    });
    new
}

#[derive(Default)]
struct Counts {
    added: usize,
    removed: usize,
    changed: usize,
}

/// A node of the older version, and the one around it.
#[derive(Clone, Copy)]
struct Old<'a> {
    node: &'a Node,
    around: Option<&'a ActivityPath>,
}

struct Compare<'a> {
    /// By the path in the newer version.
    pairs: BTreeMap<ActivityPath, Old<'a>>,
    /// Paths in the older version that are in a pair.
    kept: BTreeSet<&'a ActivityPath>,
    counts: Counts,
}

fn pair<'a>(compare: &mut Compare<'a>, new: &Node, old: &'a Node) {
    let mut news = BTreeMap::new();
    let mut new_ids = BTreeMap::new();
    let mut open = vec![new];
    while let Some(node) = open.pop() {
        news.insert(&node.path, node);
        new_ids.extend(node.id.as_deref().map(|id| (id, &node.path)));
        open.extend(node.inner());
    }
    let mut old_ids = BTreeSet::new();
    let mut open = vec![old];
    while let Some(node) = open.pop() {
        old_ids.extend(node.id.as_deref());
        open.extend(node.inner());
    }
    // With each node, where it would be by the elements around it.
    let start = Old {
        node: old,
        around: None,
    };
    let mut open = vec![(start, ActivityPath::default(), true)];
    while let Some((old, by_path, is_around)) = open.pop() {
        let node = old.node;
        let by_id = node.id.as_deref().and_then(|id| new_ids.get(id).copied());
        let target = by_id.cloned().unwrap_or(by_path);
        let found = news.get(&target).filter(|new| {
            let is_another = by_id.is_none()
                && new
                    .id
                    .as_deref()
                    .is_some_and(|id| node.id.is_some() || old_ids.contains(id));
            new.tag == node.tag && !is_another && (is_around || by_id.is_some())
        });
        let is_same = found.is_some() && !compare.pairs.contains_key(&target);
        if is_same {
            compare.pairs.insert(target.clone(), old);
            compare.kept.insert(&node.path);
        }
        for inner in node.inner() {
            let rest = inner.path.0.get(node.path.0.len()..).unwrap_or_default();
            let path = ActivityPath([&target.0, rest].concat());
            let inner = Old {
                node: inner,
                around: Some(&node.path),
            };
            open.push((inner, path, is_same));
        }
    }
}

impl<'a> Compare<'a> {
    /// Marks a node and those in it. `around` is the path in the older version of what is around it now.
    fn mark(&mut self, node: &mut Node, around: Option<&ActivityPath>) {
        let Some(old) = self.pairs.get(&node.path).copied() else {
            self.counts.added += 1;
            node.change = Change::Added;
            for inner in node.children.iter_mut().chain(&mut node.attached) {
                self.mark(inner, None);
            }
            return;
        };
        let mut what = differences(&old.node.written, &node.written);
        if old.around != around {
            what.insert(0, format!("moved, was {}", old.node.path));
        }
        for inner in node.children.iter_mut().chain(&mut node.attached) {
            self.mark(inner, Some(&old.node.path));
        }
        self.moved(&mut node.children, &old.node.children);
        if !what.is_empty() {
            self.counts.changed += 1;
            node.change = Change::Changed(what);
        }
        self.put_back(&mut node.children, &old.node.children);
        self.put_back(&mut node.attached, &old.node.attached);
    }

    /// Marks those that are in another order than before: as few as possible.
    fn moved(&mut self, news: &mut [Node], olds: &[Node]) {
        let places: BTreeMap<&ActivityPath, usize> = olds
            .iter()
            .enumerate()
            .map(|(place, old)| (&old.path, place))
            .collect();
        let places: Vec<Option<usize>> = news
            .iter()
            .map(|new| {
                let old = self.pairs.get(&new.path)?;
                places.get(&old.node.path).copied()
            })
            .collect();
        let stays = longest_ascending(&places);
        for (at, new) in news.iter_mut().enumerate() {
            if places.get(at).is_none_or(Option::is_none) || stays.contains(&at) {
                continue;
            }
            let Some(old) = self.pairs.get(&new.path) else {
                continue;
            };
            let moved = format!("moved, was {}", old.node.path);
            if let Change::Changed(what) = &mut new.change {
                what.insert(0, moved);
            } else {
                self.counts.changed += 1;
                new.change = Change::Changed(vec![moved]);
            }
        }
    }

    /// Puts what was removed behind what it followed.
    fn put_back(&mut self, news: &mut Vec<Node>, olds: &[Node]) {
        let places: BTreeMap<ActivityPath, usize> = news
            .iter()
            .enumerate()
            .filter_map(|(place, new)| {
                let old = self.pairs.get(&new.path)?;
                Some((old.node.path.clone(), place))
            })
            .collect();
        let mut removed: BTreeMap<usize, Vec<Node>> = BTreeMap::new();
        let mut next = 0;
        for old in olds {
            if self.kept.contains(&old.path) {
                next = places.get(&old.path).map_or(next, |place| place + 1);
            } else {
                let old = self.removed(old);
                removed.entry(next).or_default().push(old);
            }
        }
        let kept = std::mem::take(news);
        for (place, new) in kept.into_iter().enumerate() {
            news.extend(removed.remove(&place).unwrap_or_default());
            news.push(new);
        }
        news.extend(removed.into_values().flatten());
    }

    /// A copy of what was removed, without what is elsewhere now.
    fn removed(&mut self, old: &Node) -> Node {
        self.counts.removed += 1;
        let mut copy = |list: &[Node]| {
            let mut copies = Vec::new();
            for inner in list {
                if !self.kept.contains(&inner.path) {
                    copies.push(self.removed(inner));
                }
            }
            copies
        };
        Node {
            children: copy(&old.children),
            attached: copy(&old.attached),
            change: Change::Removed,
            ..old.shallow()
        }
    }
}

/// The indexes of a longest ascending part of the numbers that there are.
fn longest_ascending(numbers: &[Option<usize>]) -> BTreeSet<usize> {
    // For each length, the index of the smallest number that ends such a part; for each index, the one before it.
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; numbers.len()];
    for (at, number) in numbers.iter().enumerate() {
        let Some(number) = *number else { continue };
        let length = ends.partition_point(|(end, _)| *end < number);
        if let Some(before) = before.get_mut(at) {
            let last = length.checked_sub(1).and_then(|last| ends.get(last));
            *before = last.map(|(_, index)| *index);
        }
        match ends.get_mut(length) {
            Some(end) => *end = (number, at),
            None => ends.push((number, at)),
        }
    }
    let last = ends.last().map(|(_, index)| *index);
    let parts = std::iter::successors(last, |at| before.get(*at).copied().flatten());
    parts.collect()
}

type Written = [(String, String)];

fn by_name(written: &Written) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in written {
        found.entry(name).or_default().push(value);
    }
    found
}

/// What is different, in words.
fn differences(old: &Written, new: &Written) -> Vec<String> {
    let (before, now) = (by_name(old), by_name(new));
    let mut names: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, _) in new.iter().chain(old) {
        if seen.insert(name) {
            names.push(name);
        }
    }
    let mut what = Vec::new();
    for name in names {
        let values = |written: &BTreeMap<_, Vec<_>>| written.get(name).cloned().unwrap_or_default();
        let (before, now): (Vec<&str>, Vec<&str>) = (values(&before), values(&now));
        if before == now {
            continue;
        }
        let shown = match name {
            "text" => "value",
            name => name,
        };
        what.push(match (before.as_slice(), now.as_slice()) {
            ([], _) => format!("{shown} is new"),
            ([value], _) if value.chars().count() <= VALUE_MAX => {
                let gone = if now.is_empty() { ", is gone" } else { "" };
                format!("{shown} was {}{gone}", clean(value))
            }
            (_, []) => format!("{shown} is gone"),
            (_, _) => format!("{shown} changed"),
        });
    }
    what
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_few_as_possible_are_moved() {
        let stays = |numbers: &[usize]| {
            let numbers: Vec<_> = numbers.iter().copied().map(Some).collect();
            longest_ascending(&numbers).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(stays(&[0, 1, 2]), [0, 1, 2]);
        assert_eq!(stays(&[2, 0, 1]), [1, 2]);
        assert_eq!(stays(&[0, 4, 1, 2, 3]), [0, 2, 3, 4]);
        assert_eq!(stays(&[1, 0]).len(), 1);
        assert!(stays(&[]).is_empty());
        assert_eq!(
            longest_ascending(&[Some(3), None, Some(5)]),
            BTreeSet::from([0, 2])
        );
    }
}
