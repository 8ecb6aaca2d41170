//! Which part of a configuration an error is about, found by leaving parts out.
//!
//! Plugins tell their errors as the reference does, without places. The value that an error is
//! about is the deepest one without which it is another error or none.

use cni_core::{Error, Result};

use super::document::{Children, Node};

/// Errors of one configuration are looked for this often; each costs as many judgements as it has
/// values.
const MOST: usize = 50;

/// An error and where it is.
#[derive(Debug)]
pub struct Mistake {
    /// What the plugin says.
    pub error: Error,
    /// The value it is about; none for something that is missing.
    pub offset: Option<usize>,
}

/// How good leaving a value out is: the better, the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    /// Another error.
    Other,
    /// Another error, and the first one had told the key or the value.
    OtherThanTold,
    /// No error.
    Cure,
}

/// Finds the mistakes of a configuration, each with its place. `judge` gets the offsets of values
/// to leave out, among which those in `left_out` are always. Keys of the whole configuration that
/// are `kept` are not to blame.
pub fn find_mistakes(
    root: &Node<'_>,
    kept: &[&str],
    left_out: &[usize],
    judge: impl Fn(&[usize]) -> Result<()>,
) -> Vec<Mistake> {
    let mut left_out = left_out.to_vec();
    let mut found: Vec<Culprit<'_, '_>> = Vec::new();
    let mut mistakes: Vec<Mistake> = Vec::new();
    for _ in 0..MOST {
        let Err(error) = judge(&left_out) else { break };
        let culprit = find_culprit(root, kept, &error, &left_out, &judge);
        // What is missing now may be what has been left out: such an error is none of the user's,
        // and goes away with the rest of the object or list.
        let lacks_something = match &culprit {
            Some(culprit) => left_out.iter().any(|offset| culprit.node.contains(*offset)),
            None => !left_out.is_empty(),
        };
        if lacks_something {
            let last = left_out.last().and_then(|offset| root.find_parent(*offset));
            let Some(parent) = last.filter(|parent| parent.offset != root.offset) else { break };
            left_out.push(parent.offset);
            continue;
        }
        if !culprit.as_ref().is_some_and(|it| found.iter().any(|f| f.explains(&error, it))) {
            mistakes.push(Mistake { error, offset: culprit.as_ref().map(|it| it.node.offset) });
        }
        let Some(culprit) = culprit else { break };
        left_out.push(culprit.node.offset);
        found.push(culprit);
    }
    mistakes
}

/// A value that an error is about.
struct Culprit<'a, 'b> {
    /// The place of the object or list that it is in.
    parent: usize,
    /// Its key, if it is not the element of a list.
    key: Option<&'a str>,
    node: &'a Node<'b>,
}

impl Culprit<'_, '_> {
    /// Whether an error about another value in the same object is there for want of this one.
    fn explains(&self, error: &Error, other: &Self) -> bool {
        self.parent == other.parent && self.key.is_some_and(|key| tells(error, key))
    }
}

fn find_culprit<'a, 'b>(
    root: &'a Node<'b>,
    kept: &[&str],
    error: &Error,
    left_out: &[usize],
    judge: &impl Fn(&[usize]) -> Result<()>,
) -> Option<Culprit<'a, 'b>> {
    let mut best: Option<(Culprit<'a, 'b>, Effect)> = None;
    loop {
        let inside = best.as_ref().map_or(root, |(culprit, _)| culprit.node);
        let effect = |(key, node): (Option<&'a str>, &'a Node<'b>)| {
            if left_out.contains(&node.offset) {
                return None;
            }
            let effect = match judge(&[left_out, &[node.offset]].concat()) {
                Ok(()) => Effect::Cure,
                Err(other) if meaning(&other) == meaning(error) => return None,
                Err(_) if is_told(error, key, node) => Effect::OtherThanTold,
                Err(_) => Effect::Other,
            };
            Some((Culprit { parent: inside.offset, key, node }, effect))
        };
        // Of two values that contradict each other, the later one is in the wrong place.
        let is_kept = |key: &str| best.is_none() && kept.contains(&key);
        let deeper = named_nodes(inside)
            .into_iter()
            .filter(|(key, _)| !key.is_some_and(is_kept))
            .filter_map(effect)
            .max_by_key(|(_, effect)| *effect);
        match (&best, deeper) {
            (_, None) => break,
            (Some((_, Effect::Cure)), Some((_, Effect::Other))) => break,
            (_, found) => best = found,
        }
    }
    best.map(|(culprit, _)| culprit)
}

/// The values in a node, with their keys.
fn named_nodes<'a, 'b>(node: &'a Node<'b>) -> Vec<(Option<&'a str>, &'a Node<'b>)> {
    match &node.children {
        Children::None => Vec::new(),
        Children::Elements(elements) => elements.iter().map(|node| (None, node)).collect(),
        Children::Entries(entries) => {
            entries.iter().map(|entry| (Some(entry.key.as_str()), &entry.value)).collect()
        }
    }
}

/// An error without the numbers of elements, which change when one is left out.
fn meaning(error: &Error) -> (Vec<&str>, &str) {
    let is_number = |word: &&str| {
        !word.is_empty() && word.trim_end_matches(':').bytes().all(|byte| byte.is_ascii_digit())
    };
    (error.msg.split(' ').filter(|word| !is_number(word)).collect(), &error.details)
}

/// Whether an error has a value's key, or the value, or one in it.
fn is_told(error: &Error, key: Option<&str>, node: &Node<'_>) -> bool {
    let value = node.raw.trim_matches('"');
    key.is_some_and(|key| tells(error, key))
        || (value.len() > 1 && tells(error, value))
        || node.nodes().into_iter().any(|inner| is_told(error, None, inner))
}

/// Whether an error has a word, in any case.
fn tells(error: &Error, word: &str) -> bool {
    format!("{} {}", error.msg, error.details).to_lowercase().contains(&word.to_lowercase())
}
