//! Validates a graph before it runs, and reports every fault of every node. Linear except for name lookups, and
//! iterative, because a graph may be a chain of many thousand nodes.

use std::collections::BTreeMap;
use std::fmt;

/// A node of a graph as written, with only what the validation needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline<'a> {
    /// The key that edges refer to.
    pub key: &'a str,
    /// The name in expressions.
    pub slug: &'a str,
    /// The outgoing edges, by key. `None` is an edge without a target.
    pub children: Vec<Option<&'a str>>,
    /// The node that follows if it fails, by key.
    pub fallback: Option<&'a str>,
    /// How many outgoing edges its type requires.
    pub ways: EdgeCount,
}

/// How many outgoing edges a node type requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeCount {
    /// Exactly this number.
    Exactly(usize),
    /// At most this number.
    AtMost(usize),
    /// Any number.
    Any,
}

/// A fault of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The index of the node; `None` if the fault concerns the whole graph.
    pub place: Option<usize>,
    /// The node's key.
    pub key: String,
    /// The node's slug.
    pub slug: String,
    /// What is wrong.
    pub reason: Reason,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The graph has no entry node.
    NoEntry,
    /// The node has no key.
    NoKey,
    /// An earlier node has the key.
    DuplicateKey,
    /// The slug cannot be used in expressions, which allow letters, digits and underscores.
    InvalidSlug,
    /// An earlier node has the slug.
    DuplicateSlug,
    /// An edge has an unknown target.
    UnknownChild {
        /// The index of the edge, from 0.
        way: usize,
        /// The key that it names.
        child: String,
    },
    /// The fallback is unknown.
    UnknownFallback {
        /// The key that it names.
        child: String,
    },
    /// The number of outgoing edges does not fit the type.
    WrongChildCount {
        /// What the type requires.
        expected: EdgeCount,
        /// The number found.
        found: usize,
    },
    /// The node is on a cycle.
    Circle {
        /// The next node on the cycle.
        by: String,
    },
    /// No edge leads to the node from the entry.
    Unreachable,
}

/// All faults of a graph that begins at `entry`, in the order of the nodes; empty if the graph is valid.
pub fn check(entry: Option<&str>, nodes: &[Outline]) -> Vec<Fault> {
    let mut places = BTreeMap::new();
    let mut slugs = BTreeMap::new();
    let mut faults = Faults { nodes, found: Vec::new() };
    for (place, node) in nodes.iter().enumerate() {
        // The first node with a name keeps it.
        if node.key.is_empty() {
            faults.of(place, Reason::NoKey);
        } else if *places.entry(node.key).or_insert(place) != place {
            faults.of(place, Reason::DuplicateKey);
        }
        if !is_slug(node.slug) {
            faults.of(place, Reason::InvalidSlug);
        } else if *slugs.entry(node.slug).or_insert(place) != place {
            faults.of(place, Reason::DuplicateSlug);
        }
    }
    let next: Vec<Vec<usize>> = (0..nodes.len()).map(|place| ways_on(&mut faults, &places, place)).collect();
    circles(&mut faults, &next);
    match entry.and_then(|entry| places.get(entry)) {
        Some(entry) => unreachable(&mut faults, &next, &places, *entry),
        None => {
            faults.found.push(Fault { place: None, key: String::new(), slug: String::new(), reason: Reason::NoEntry })
        }
    }
    faults.found.sort_by_key(|fault| fault.place);
    faults.found
}

struct Faults<'a> {
    nodes: &'a [Outline<'a>],
    found: Vec<Fault>,
}

impl Faults<'_> {
    fn of(&mut self, place: usize, reason: Reason) {
        let Outline { key, slug, .. } = self.nodes[place];
        self.found.push(Fault { place: Some(place), key: key.to_owned(), slug: slug.to_owned(), reason });
    }
}

fn is_slug(slug: &str) -> bool {
    !slug.is_empty() && slug.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the indexes of a node's targets, and reports the faults of its edges.
fn ways_on(faults: &mut Faults, places: &BTreeMap<&str, usize>, place: usize) -> Vec<usize> {
    let node = &faults.nodes[place];
    let found = node.children.len();
    let fits = match node.ways {
        EdgeCount::Exactly(expected) => found == expected,
        EdgeCount::AtMost(most) => found <= most,
        EdgeCount::Any => true,
    };
    if !fits {
        faults.of(place, Reason::WrongChildCount { expected: node.ways, found });
    }
    let mut next = Vec::new();
    for (way, child) in node.children.iter().enumerate() {
        match child.map(|child| (child, places.get(child))) {
            Some((_, Some(to))) => next.push(*to),
            Some((child, None)) => faults.of(place, Reason::UnknownChild { way, child: child.to_owned() }),
            None => {}
        }
    }
    match node.fallback.map(|child| (child, places.get(child))) {
        Some((_, Some(to))) => next.push(*to),
        Some((child, None)) => faults.of(place, Reason::UnknownFallback { child: child.to_owned() }),
        None => {}
    }
    next
}

/// Reports every node on a cycle or between two cycles. These remain after repeatedly removing the nodes without
/// incoming edges, and then those without outgoing edges.
fn circles(faults: &mut Faults, next: &[Vec<usize>]) {
    let mut before = vec![Vec::new(); next.len()];
    for (place, ways) in next.iter().enumerate() {
        for to in ways {
            before[*to].push(place);
        }
    }
    let mut left = vec![true; next.len()];
    peel(&mut left, next, &before);
    peel(&mut left, &before, next);
    for (place, ways) in next.iter().enumerate().filter(|(place, _)| left[*place]) {
        if let Some(by) = ways.iter().find(|to| left[**to]) {
            let by = faults.nodes[*by].key.to_owned();
            faults.of(place, Reason::Circle { by });
        }
    }
}

/// Repeatedly removes nodes without incoming edges, until every remaining node has a predecessor.
fn peel(left: &mut [bool], next: &[Vec<usize>], before: &[Vec<usize>]) {
    let mut open: Vec<usize> = before.iter().map(|ways| ways.iter().filter(|from| left[**from]).count()).collect();
    let mut free: Vec<usize> = (0..left.len()).filter(|place| left[*place] && open[*place] == 0).collect();
    while let Some(place) = free.pop() {
        left[place] = false;
        for to in next[place].iter().filter(|to| left[**to]) {
            open[*to] -= 1;
            if open[*to] == 0 {
                free.push(*to);
            }
        }
    }
}

/// Reports unreachable nodes, except those without a usable key, which are already reported.
fn unreachable(faults: &mut Faults, next: &[Vec<usize>], places: &BTreeMap<&str, usize>, entry: usize) {
    let mut reached = vec![false; next.len()];
    reached[entry] = true;
    let mut open = vec![entry];
    while let Some(place) = open.pop() {
        for to in &next[place] {
            if !std::mem::replace(&mut reached[*to], true) {
                open.push(*to);
            }
        }
    }
    for (place, node) in faults.nodes.iter().enumerate() {
        if !reached[place] && places.get(node.key) == Some(&place) {
            faults.of(place, Reason::Unreachable);
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) if self.key.is_empty() => write!(f, "node {}: {}", place + 1, self.reason),
            Some(_) => write!(f, "node `{}`: {}", self.key, self.reason),
            None => write!(f, "{}", self.reason),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoEntry => f.write_str("the graph has no node to begin with"),
            Reason::NoKey => f.write_str("it has no key"),
            Reason::DuplicateKey => f.write_str("an earlier node has the same key"),
            Reason::InvalidSlug => f.write_str("its slug must be letters, digits and underscores"),
            Reason::DuplicateSlug => f.write_str("an earlier node has the same slug"),
            Reason::UnknownChild { way, child } => write!(f, "child {way} is `{child}`, which is no node of the graph"),
            Reason::UnknownFallback { child } => write!(f, "its fallback is `{child}`, which is no node of the graph"),
            Reason::WrongChildCount { expected, found } => {
                write!(f, "it has {found} children, and its type has {expected}")
            }
            Reason::Circle { by } => write!(f, "it leads back to itself, by `{by}`"),
            Reason::Unreachable => f.write_str("no way leads to it"),
        }
    }
}

impl fmt::Display for EdgeCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EdgeCount::Exactly(ways) => write!(f, "{ways}"),
            EdgeCount::AtMost(ways) => write!(f, "at most {ways}"),
            EdgeCount::Any => f.write_str("any number"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node<'a>(key: &'a str, children: &[&'a str]) -> Outline<'a> {
        let children = children.iter().map(|child| Some(*child).filter(|child| !child.is_empty())).collect();
        Outline { key, slug: key, children, fallback: None, ways: EdgeCount::Any }
    }

    fn reported(nodes: &[Outline]) -> Vec<String> {
        check(Some("a"), nodes).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ways_may_part_and_meet_again() {
        let fallback = Outline { fallback: Some("d"), ..node("b", &["d"]) };
        assert_eq!(
            reported(&[node("a", &["b", "c", ""]), fallback, node("c", &["d"]), node("d", &[])]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_fault_is_named_with_its_node() {
        let nodes = [
            Outline { ways: EdgeCount::Exactly(2), ..node("a", &["b"]) },
            Outline { slug: "not so", fallback: Some("missing"), ..node("b", &["nowhere", "c"]) },
            Outline { slug: "a", ways: EdgeCount::AtMost(0), ..node("c", &["b"]) },
            Outline { slug: "other", ..node("a", &[]) },
            node("", &[]),
        ];
        assert_eq!(
            reported(&nodes),
            [
                "node `a`: it has 1 children, and its type has 2",
                "node `b`: its slug must be letters, digits and underscores",
                "node `b`: child 0 is `nowhere`, which is no node of the graph",
                "node `b`: its fallback is `missing`, which is no node of the graph",
                "node `b`: it leads back to itself, by `c`",
                "node `c`: an earlier node has the same slug",
                "node `c`: it has 1 children, and its type has at most 0",
                "node `c`: it leads back to itself, by `b`",
                "node `a`: an earlier node has the same key",
                "node 5: it has no key",
                "node 5: its slug must be letters, digits and underscores",
            ]
        );
        assert_eq!(reported(&[]), ["the graph has no node to begin with"]);
        assert_eq!(reported(&[node("a", &[]), node("z", &["a"])]), ["node `z`: no way leads to it"]);
    }

    #[test]
    fn who_is_only_led_to_by_a_circle_is_on_none() {
        let nodes = [node("a", &["b"]), node("b", &["c"]), node("c", &["b", "d"]), node("d", &[])];
        assert_eq!(
            reported(&nodes),
            ["node `b`: it leads back to itself, by `c`", "node `c`: it leads back to itself, by `b`"]
        );
        assert_eq!(reported(&[node("a", &["a"])]), ["node `a`: it leads back to itself, by `a`"]);
    }

    #[test]
    fn a_hundred_thousand_nodes_in_one_row_are_looked_at_without_running_out_of_stack() {
        let keys: Vec<String> = (0..100_000).map(|place| format!("n{place}")).collect();
        let mut nodes: Vec<Outline> = keys.windows(2).map(|pair| node(&pair[0], &[&pair[1]])).collect();
        nodes.push(node(&keys[99_999], &[]));
        assert!(check(Some("n0"), &nodes).is_empty());
        nodes[99_999].children.push(Some("n0"));
        assert_eq!(check(Some("n0"), &nodes).len(), 100_000);
    }
}
