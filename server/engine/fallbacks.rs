//! Resolves the fallbacks in a list of children that are created together, or rejects the first invalid one.
//!
//! A fallback is a later child of the same list, so that it cannot have begun. The dependants of a child also wait for
//! its fallback, so a fallback must not wait for its own dependants.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::policy::{Invalid, OnFailure};

/// The fields of a child that this module needs.
pub(crate) struct StepOutline<'a> {
    /// Unique in the list.
    pub(crate) key: &'a str,
    /// Keys; those that are not in the list are ignored.
    pub(crate) depends_on: Vec<Cow<'a, str>>,
    pub(crate) on_failure: &'a OnFailure,
}

/// Returns for every child the indexes of the children that it is the fallback of. An error has the index of the child
/// and the reason.
pub(crate) fn arrange(children: &[StepOutline]) -> Result<Vec<Vec<usize>>, (usize, Invalid)> {
    let mut replaced = vec![Vec::new(); children.len()];
    if children.iter().all(|child| !matches!(child.on_failure, OnFailure::GoTo(_))) {
        return Ok(replaced);
    }
    let places: BTreeMap<&str, usize> = children.iter().enumerate().map(|(place, child)| (child.key, place)).collect();
    for (place, child) in children.iter().enumerate() {
        if let OnFailure::GoTo(key) = child.on_failure {
            match places.get(key.as_str()).filter(|fallback| **fallback > place) {
                Some(fallback) => replaced[*fallback].push(place),
                None => return Err((place, wrong(format!("go to `{key}`: there is no later child with that key")))),
            }
        }
    }
    match waiting_forever(children, &places, &replaced) {
        Some(place) => {
            let first = replaced[place].first().map_or("", |replaced| children[*replaced].key);
            let reason =
                format!("`{}` is to run if `{first}` fails, and waits for what waits for it", children[place].key);
            Err((place, wrong(reason)))
        }
        None => Ok(replaced),
    }
}

fn wrong(reason: String) -> Invalid {
    Invalid { field: "on_failure", reason }
}

/// The first fallback that could wait forever.
///
/// A topological sort over two nodes for each child: its own end, and its effective end, which includes its fallback. A
/// child ends after the effective ends of its dependencies, and a fallback after the children that it replaces. What
/// cannot be sorted is on a cycle.
fn waiting_forever(children: &[StepOutline], places: &BTreeMap<&str, usize>, replaced: &[Vec<usize>]) -> Option<usize> {
    let count = children.len();
    let effective_end = |place: usize| count + place;
    let mut after = vec![Vec::new(); 2 * count];
    let mut open = vec![0_usize; 2 * count];
    let mut comes_after = |later: usize, earlier: usize| {
        after[earlier].push(later);
        open[later] += 1;
    };
    for (place, child) in children.iter().enumerate() {
        comes_after(effective_end(place), place);
        for dependency in child.depends_on.iter().filter_map(|key| places.get(&**key)) {
            comes_after(place, effective_end(*dependency));
        }
        for other in &replaced[place] {
            comes_after(place, *other);
            comes_after(effective_end(*other), effective_end(place));
        }
    }
    let mut next: Vec<usize> = (0..2 * count).filter(|point| open[*point] == 0).collect();
    while let Some(point) = next.pop() {
        for later in std::mem::take(&mut after[point]) {
            open[later] -= 1;
            if open[later] == 0 {
                next.push(later);
            }
        }
    }
    (0..count).find(|place| open[*place] > 0 && !replaced[*place].is_empty())
}
