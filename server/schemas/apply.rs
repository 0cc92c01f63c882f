//! Applies a schema to a value. Every comparison of a rule with a value is a step, and so is every piece of a text;
//! the check is given up when the steps are used up. The depth is bounded separately, because only this part recurses.

use serde_json::Value;

use super::{Dependency, Items, Keywords, Rule, RuleId, Schema, TooExpensive, Work};
use crate::catalog::Violation;
use crate::catalog::violation::{self, LISTED_MAX};

/// The deepest recursion: nested values, times the rules that apply to each.
const WALK_DEPTH_MAX: usize = 1_024;
/// How many bytes of a name count as one step.
const BYTES_PER_STEP: usize = 16;

type Answer = Result<bool, TooExpensive>;

/// Whether a value matches.
pub(super) fn fits(schema: &Schema, value: &Value, work: &Work) -> Answer {
    Validation::new(schema, work.steps).check(0, value, false)
}

/// The violations of a value.
pub(super) fn violations(schema: &Schema, value: &Value, work: &Work) -> Result<Vec<Violation>, TooExpensive> {
    let mut walk = Validation::new(schema, work.steps);
    walk.check(0, value, true)?;
    let mut found = walk.found;
    found.sort_by(|a, b| a.field.cmp(&b.field));
    found.dedup();
    Ok(found)
}

struct Validation<'s, 'v> {
    schema: &'s Schema,
    left: u64,
    depth: usize,
    path: Vec<Step<'v>>,
    found: Vec<Violation>,
}

/// A step from a value to one of its members.
#[derive(Clone, Copy)]
enum Step<'v> {
    Name(&'v str),
    Index(usize),
}

impl<'s, 'v> Validation<'s, 'v> {
    fn new(schema: &'s Schema, left: u64) -> Self {
        Validation { schema, left, depth: 0, path: Vec::new(), found: Vec::new() }
    }

    fn take(&mut self, steps: u64) -> Result<(), TooExpensive> {
        self.left = self.left.checked_sub(steps).ok_or(TooExpensive)?;
        Ok(())
    }

    /// Whether a value matches a rule. With `listing`, continues after the first violation and records all of them.
    fn check(&mut self, rule: RuleId, value: &'v Value, listing: bool) -> Answer {
        self.take(1)?;
        match &self.schema.rules[rule] {
            Rule::Always(true) => Ok(true),
            Rule::Always(false) => Ok(self.fails(listing, "is not allowed")),
            Rule::Same(target) => self.check(*target, value, listing),
            Rule::Of(keywords) => {
                if self.depth >= WALK_DEPTH_MAX {
                    return Err(TooExpensive);
                }
                self.depth += 1;
                let fits = self.keywords(keywords, value, listing);
                self.depth -= 1;
                fits
            }
        }
    }

    fn keywords(&mut self, keywords: &'s Keywords, value: &'v Value, listing: bool) -> Answer {
        let parts =
            [Validation::leaf, Validation::members, Validation::dependencies, Validation::items, Validation::combined];
        let mut fits = true;
        for part in parts {
            fits &= part(self, keywords, value, listing)?;
            if !fits && (!listing || self.found.len() >= LISTED_MAX) {
                return Ok(false);
            }
        }
        Ok(fits)
    }

    fn leaf(&mut self, keywords: &'s Keywords, value: &'v Value, listing: bool) -> Answer {
        let Some(leaf) = keywords.leaf.map(|leaf| &self.schema.leaves[leaf]) else { return Ok(true) };
        self.take(leaf.steps(value))?;
        if leaf.validator.is_valid(value) {
            return Ok(true);
        }
        if listing {
            let at = self.at();
            for error in leaf.validator.iter_errors(value).take(LISTED_MAX) {
                self.list(violation::of_leaf(&at, &error));
            }
        }
        Ok(false)
    }

    fn members(&mut self, keywords: &'s Keywords, value: &'v Value, listing: bool) -> Answer {
        let Keywords { properties, patterns, additional, property_names, .. } = keywords;
        let speaks = !properties.is_empty() || !patterns.is_empty() || additional.is_some() || property_names.is_some();
        let Some(members) = value.as_object().filter(|_| speaks) else { return Ok(true) };
        let mut fits = true;
        for (name, member) in members {
            self.take(1 + (name.len() / BYTES_PER_STEP) as u64)?;
            let property = properties.get(name).copied();
            let mut known = property.is_some();
            if let Some(rule) = property {
                fits &= self.below(Step::Name(name), rule, member, listing)?;
            }
            if !patterns.is_empty() || property_names.is_some() {
                let name_value = Value::String(name.clone());
                for (pattern, rule) in patterns {
                    let pattern = &self.schema.leaves[*pattern];
                    self.take(pattern.steps(&name_value))?;
                    if pattern.validator.is_valid(&name_value) {
                        known = true;
                        fits &= self.below(Step::Name(name), *rule, member, listing)?;
                    }
                }
                if let Some(rule) = property_names
                    && !self.apart(*rule, &name_value)?
                {
                    fits = self.breaks(listing, "propertyNames");
                }
            }
            if let Some(rule) = additional.filter(|_| !known) {
                fits &= match self.schema.rules[rule] {
                    Rule::Always(false) => {
                        self.path.push(Step::Name(name));
                        let fits = self.fails(listing, "is not known here");
                        self.path.pop();
                        fits
                    }
                    _ => self.below(Step::Name(name), rule, member, listing)?,
                };
            }
            if !fits && (!listing || self.found.len() >= LISTED_MAX) {
                return Ok(false);
            }
        }
        Ok(fits)
    }

    fn dependencies(&mut self, keywords: &'s Keywords, value: &'v Value, listing: bool) -> Answer {
        let Some(members) = value.as_object() else { return Ok(true) };
        let mut fits = true;
        for (name, dependency) in &keywords.dependencies {
            self.take(1)?;
            if members.contains_key(name) {
                match dependency {
                    Dependency::Rule(rule) => fits &= self.check(*rule, value, listing)?,
                    Dependency::Names(names) => {
                        self.take(names.len() as u64)?;
                        if !names.iter().all(|name| members.contains_key(name)) {
                            fits = self.breaks(listing, "dependencies");
                        }
                    }
                }
            }
        }
        Ok(fits)
    }

    fn items(&mut self, keywords: &'s Keywords, value: &'v Value, listing: bool) -> Answer {
        let Some(items) = value.as_array() else { return Ok(true) };
        let mut fits = true;
        for (index, item) in items.iter().enumerate() {
            let rule = match &keywords.items {
                Items::Any => None,
                Items::All(rule) => Some(*rule),
                Items::Each(rules) => rules.get(index).copied().or(keywords.additional_items),
            };
            // A violation here is not reported, nor those after it.
            let Some(rule) = rule else { break };
            fits &= self.below(Step::Index(index), rule, item, listing)?;
            if !fits && (!listing || self.found.len() >= LISTED_MAX) {
                return Ok(false);
            }
        }
        if let Some(rule) = keywords.contains {
            let mut contains = false;
            for item in items {
                contains = contains || self.check(rule, item, false)?;
            }
            if !contains {
                fits = self.breaks(listing, "contains");
            }
        }
        Ok(fits)
    }

    fn combined(&mut self, keywords: &'s Keywords, value: &'v Value, listing: bool) -> Answer {
        let Keywords { all_of, any_of, one_of, not, when, then, otherwise, .. } = keywords;
        let mut fits = true;
        for rule in all_of {
            fits &= self.check(*rule, value, listing)?;
            if !fits && !listing {
                return Ok(false);
            }
        }
        if !any_of.is_empty() && self.count(any_of, value, 1)? == 0 {
            fits = self.breaks(listing, "anyOf");
        }
        if !one_of.is_empty() && self.count(one_of, value, 2)? != 1 {
            fits = self.breaks(listing, "oneOf");
        }
        if let Some(rule) = not
            && self.check(*rule, value, false)?
        {
            fits = self.breaks(listing, "not");
        }
        if let Some(rule) = when {
            let branch = if self.check(*rule, value, false)? { then } else { otherwise };
            if let Some(rule) = branch {
                fits &= self.check(*rule, value, listing)?;
            }
        }
        Ok(fits)
    }

    /// How many of these rules a value matches; stops at `most`.
    fn count(&mut self, rules: &[RuleId], value: &'v Value, most: usize) -> Result<usize, TooExpensive> {
        let mut count = 0;
        for rule in rules {
            count += usize::from(self.check(*rule, value, false)?);
            if count >= most {
                break;
            }
        }
        Ok(count)
    }

    fn below(&mut self, step: Step<'v>, rule: RuleId, value: &'v Value, listing: bool) -> Answer {
        self.path.push(step);
        let fits = self.check(rule, value, listing);
        self.path.pop();
        fits
    }

    /// Checks a value that is no part of the checked value.
    fn apart(&mut self, rule: RuleId, value: &Value) -> Answer {
        let mut walk = Validation { depth: self.depth, ..Validation::new(self.schema, self.left) };
        let fits = walk.check(rule, value, false);
        self.left = walk.left;
        fits
    }

    fn breaks(&mut self, listing: bool, keyword: &str) -> bool {
        if listing {
            self.list(Violation { field: self.at(), reason: format!("breaks the schema's rule {keyword:?}") });
        }
        false
    }

    fn fails(&mut self, listing: bool, reason: &str) -> bool {
        if listing {
            self.list(Violation { field: self.at(), reason: reason.to_owned() });
        }
        false
    }

    fn list(&mut self, violation: Violation) {
        if self.found.len() < LISTED_MAX {
            self.found.push(violation);
        }
    }

    /// The current place as a JSON pointer, with long names cut.
    fn at(&self) -> String {
        self.path.iter().fold(String::new(), |at, step| match step {
            Step::Name(name) => violation::below(&at, name),
            Step::Index(index) => format!("{at}/{index}"),
        })
    }
}
