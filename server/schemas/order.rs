//! Rules that apply to the same value: how many there are below each, and how deeply they are nested. Iterative,
//! because the depth is not known yet.

use super::read::Places;
use super::{BadSchema, Dependency, Keywords, Rule, RuleId};

/// The most rules that may apply to one value.
const LOOKS_MAX: u64 = 10_000;

#[derive(Clone, Copy)]
enum Known {
    No,
    Open,
    Yes { looks: u64, depth: usize },
}

/// Refuses rules that lead back to themselves on the same value, and those that are too many or too deep.
///
/// # Errors
/// What is wrong with the schema.
pub(super) fn check(places: &Places<'_>, rules: &[Rule], depth_max: usize) -> Result<(), BadSchema> {
    let mut known = vec![Known::No; rules.len()];
    for rule in 0..rules.len() {
        let mut open = vec![(rule, false)];
        while let Some((rule, is_below_known)) = open.pop() {
            match (known[rule], is_below_known) {
                (Known::Yes { .. }, _) => {}
                (Known::Open, false) => {
                    return Err(format!("refers to itself in a circle, at `{}`", places.text(rule)).into());
                }
                (Known::No | Known::Open, true) => {
                    let (mut looks, mut depth) = (1_u64, 0);
                    for below in in_place(&rules[rule]) {
                        if let Known::Yes { looks: more, depth: deeper } = known[below] {
                            (looks, depth) = (looks.saturating_add(more), depth.max(deeper + 1));
                        }
                    }
                    if looks > LOOKS_MAX {
                        let place = places.text(rule);
                        let reason = format!("asks for more than {LOOKS_MAX} looks at one value, at `{place}`");
                        return Err(BadSchema::too_expensive(reason));
                    }
                    if depth > depth_max {
                        let place = places.text(rule);
                        return Err(BadSchema::too_expensive(format!(
                            "has more than {depth_max} schemas in each other that look at one value, at `{place}` (limits.depth)"
                        )));
                    }
                    known[rule] = Known::Yes { looks, depth };
                }
                (Known::No, false) => {
                    known[rule] = Known::Open;
                    open.push((rule, true));
                    let below = in_place(&rules[rule]).into_iter();
                    open.extend(
                        below.filter(|below| !matches!(known[*below], Known::Yes { .. })).map(|id| (id, false)),
                    );
                }
            }
        }
    }
    Ok(())
}

/// The rules that apply to the same value as this one.
fn in_place(rule: &Rule) -> Vec<RuleId> {
    match rule {
        Rule::Always(_) => Vec::new(),
        Rule::Same(target) => vec![*target],
        Rule::Of(keywords) => {
            let Keywords { all_of, any_of, one_of, not, when, then, otherwise, dependencies, .. } = &**keywords;
            let dependencies = dependencies.iter().filter_map(|(_, dependency)| match dependency {
                Dependency::Rule(rule) => Some(rule),
                Dependency::Names(_) => None,
            });
            let lists = [all_of, any_of, one_of].into_iter().flatten();
            let ones = [not, when, then, otherwise].into_iter().flatten();
            lists.chain(ones).chain(dependencies).copied().collect()
        }
    }
}
