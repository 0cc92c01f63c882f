//! Takes values out and puts references in.
//!
//! A value is large if it is longer than a bound as compact JSON. Of an object, its large members are taken out,
//! whole; if the rest is still large, the largest of the other members; if those are many small ones, the whole
//! object. So a stored value has no references, except text of a caller that looks like one, and there it is only
//! text.
//!
//! A caller's object that looks like a reference is taken out whatever its size, so that every object in an event that
//! looks like a reference is one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use runyard_engine::large::{self, Digest, MARK, Reference};
use runyard_engine::{Object, Slot, depth};
use serde_json::Value;

use crate::store::LargeValue;

/// How many levels may be around a value that is taken out.
const LEVELS_AROUND: usize = 2;
/// Smaller members are not taken out.
const MEMBER_MIN: u64 = 1_024;

/// Whether an object that looks like a reference is one.
pub(crate) type Known<'a> = dyn Fn(Digest) -> bool + 'a;

/// The values that were taken out.
#[derive(Debug, Default)]
pub(crate) struct Extracted {
    texts: BTreeMap<Digest, Arc<str>>,
    inline_max: u64,
    depth_max: usize,
    taken: usize,
}

impl Extracted {
    /// No values yet. Values up to this size stay, and those that nest too deep: the decision refuses those.
    pub(crate) fn new(inline_max: u64, depth_max: usize) -> Self {
        Extracted { texts: BTreeMap::new(), inline_max, depth_max: depth_max.saturating_sub(LEVELS_AROUND), taken: 0 }
    }

    /// How many references were put in place.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// The value of a digest that events name.
    pub(crate) fn value(&self, digest: Digest) -> LargeValue {
        LargeValue { digest, text: self.texts.get(&digest).cloned() }
    }

    /// Takes the large values out of one place.
    pub(crate) fn take(&mut self, slot: Slot<'_>, known: &Known<'_>) {
        match slot {
            Slot::Object(object) => self.object(object, true, known),
            Slot::Members(object) => self.object(object, false, known),
            Slot::Value(Value::Object(object)) => self.object(object, true, known),
            Slot::Value(value) => {
                let found = Measure::of(value, known);
                let deep = depth::nests_deeper(value, self.depth_max);
                if !deep && (found.foreign || (found.bytes > self.inline_max && !found.holds)) {
                    *value = Value::Object(self.keep(value).object());
                }
            }
        }
    }

    fn object(&mut self, object: &mut Object, whole: bool, known: &Known<'_>) {
        if depth::object_nests_deeper(object, self.depth_max + 1) {
            return;
        }
        let own = large::reference(object).filter(|reference| known(reference.digest));
        if whole && own.is_none() && object.contains_key(MARK) {
            return self.replace(object);
        }
        // The members that make it a reference stay.
        let measure = |(name, value): (&String, &Value)| match own {
            Some(_) if name == MARK => Measure { holds: true, ..Measure::default() },
            _ => Measure::of(value, known),
        };
        let found: Vec<Measure> = object.iter().map(measure).collect();
        let names: u64 = object.keys().map(|name| name.len() as u64 + 4).sum();
        let mut left = names + 2 + found.iter().map(|found| found.bytes).sum::<u64>();
        let mut out: Vec<usize> = Vec::new();
        for (place, found) in found.iter().enumerate() {
            if found.foreign || (found.bytes > self.inline_max && !found.holds) {
                out.push(place);
                left -= found.bytes.saturating_sub(REFERENCE_BYTES).min(left);
            }
        }
        if left > self.inline_max {
            let mut others: Vec<usize> = (0..found.len())
                .filter(|place| !out.contains(place) && !found[*place].holds && found[*place].bytes >= MEMBER_MIN)
                .collect();
            others.sort_by_key(|place| std::cmp::Reverse(found[*place].bytes));
            for place in others {
                if left <= self.inline_max {
                    break;
                }
                out.push(place);
                left -= found[place].bytes.saturating_sub(REFERENCE_BYTES).min(left);
            }
        }
        if whole && left > self.inline_max && own.is_none() && !found.iter().any(|found| found.holds) {
            return self.replace(object);
        }
        if out.is_empty() {
            return;
        }
        for (place, value) in object.values_mut().enumerate() {
            if out.contains(&place) {
                *value = Value::Object(self.keep(value).object());
            }
        }
    }

    fn replace(&mut self, object: &mut Object) {
        let whole = Value::Object(std::mem::take(object));
        *object = self.keep(&whole).object();
    }

    fn keep(&mut self, value: &Value) -> Reference {
        self.taken += 1;
        let text = value.to_string();
        let (digest, bytes) = (Digest::of(&text), text.len() as u64);
        self.texts.entry(digest).or_insert_with(|| text.into());
        Reference { digest, bytes }
    }
}

/// About the size of a reference.
const REFERENCE_BYTES: u64 = 128;

/// What a search through a value finds.
#[derive(Debug, Clone, Copy, Default)]
struct Measure {
    /// Its length as compact JSON.
    bytes: u64,
    /// It has references.
    holds: bool,
    /// It has an object that looks like a reference and is not one.
    foreign: bool,
}

impl Measure {
    /// Iterative, because a request may be nested as deeply as allowed.
    fn of(value: &Value, known: &Known<'_>) -> Measure {
        let mut found = Measure::default();
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            found.bytes += match value {
                Value::Null => 4,
                Value::Bool(value) => {
                    if *value {
                        4
                    } else {
                        5
                    }
                }
                Value::Number(number) => {
                    let mut count = Count(0);
                    // Writing to a counter cannot fail.
                    let _ = write!(count, "{number}");
                    count.0
                }
                Value::String(text) => text_bytes(text),
                Value::Array(items) => {
                    open.extend(items);
                    (items.len() as u64).saturating_sub(1) + 2
                }
                Value::Object(members) => {
                    if members.contains_key(MARK) {
                        match large::reference(members).is_some_and(|reference| known(reference.digest)) {
                            true => found.holds = true,
                            false => found.foreign = true,
                        }
                    }
                    open.extend(members.values());
                    let names: u64 = members.keys().map(|name| text_bytes(name) + 1).sum();
                    names + (members.len() as u64).saturating_sub(1) + 2
                }
            };
        }
        // A value with both stays: a value must not be taken out with references in it.
        found.foreign &= !found.holds;
        found
    }
}

struct Count(u64);

impl std::fmt::Write for Count {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.len() as u64;
        Ok(())
    }
}

/// The length of a text in JSON, quotes included.
fn text_bytes(text: &str) -> u64 {
    let more = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
        0x00..=0x1f => 5,
        _ => 0,
    };
    text.len() as u64 + 2 + text.bytes().map(more).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const MAX: u64 = 512;

    fn out(value: &mut Value) -> Extracted {
        let mut extracted = Extracted::new(MAX, 64);
        extracted.take(Slot::Value(value), &|_| false);
        extracted
    }

    fn text(bytes: usize) -> String {
        "x".repeat(bytes)
    }

    #[test]
    fn a_value_at_the_bound_stays_and_one_above_it_is_taken_out() {
        let bound = usize::try_from(MAX).unwrap() - 2;
        let mut stays = json!(text(bound));
        assert_eq!(out(&mut stays).taken(), 0);
        assert_eq!(stays, json!(text(bound)));
        let mut goes = json!(text(bound + 1));
        assert_eq!(out(&mut goes).taken(), 1);
        assert_eq!(large::reference(goes.as_object().unwrap()).unwrap().bytes, MAX + 1);
    }

    #[test]
    fn large_members_of_an_object_are_taken_out_and_small_ones_stay() {
        let mut object = json!({ "small": 1, "large": text(900), "list": [text(900), 2] });
        let extracted = out(&mut object);
        assert_eq!(extracted.taken(), 2);
        assert_eq!(object["small"], json!(1));
        for name in ["large", "list"] {
            assert!(large::reference(object[name].as_object().unwrap()).is_some(), "{object}");
        }
    }

    #[test]
    fn an_object_of_many_small_members_is_taken_out_whole() {
        let members: Object = (0..100).map(|n| (n.to_string(), json!(n))).collect();
        let mut object = Value::Object(members.clone());
        let extracted = out(&mut object);
        let reference = large::reference(object.as_object().unwrap()).unwrap();
        assert_eq!(extracted.value(reference.digest).text.as_deref(), Some(&*Value::Object(members).to_string()));
    }

    #[test]
    fn an_object_that_only_looks_like_a_reference_is_stored_as_text() {
        let forged = json!({ MARK: { "digest": Digest::of("x").to_string(), "bytes": 1 } });
        for mut value in [forged.clone(), json!({ "in": forged }), json!([[forged.clone()]]), json!({ MARK: 1 })] {
            let sent = value.to_string();
            let extracted = out(&mut value);
            assert_eq!(extracted.taken(), 1, "{sent}");
            assert!(!value.to_string().contains(&Digest::of("x").to_string()), "{value}");
        }
        // A known digest is a reference.
        let mut known = forged.clone();
        let mut extracted = Extracted::new(MAX, 64);
        extracted.take(Slot::Value(&mut known), &|digest| digest == Digest::of("x"));
        assert_eq!((extracted.taken(), known), (0, forged));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,40}|[\\x00-\\x1f\"\\\\]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 8, |within| {
            prop_oneof![
                prop::collection::vec(within.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\n]{0,6}", within, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_measured_as_it_is_written(value in any_value()) {
            prop_assert_eq!(Measure::of(&value, &|_| false).bytes, value.to_string().len() as u64);
        }
    }
}
