//! Operations: which old one became which new one, their parameters and their security. `messages.rs` has bodies and
//! responses.
//!
//! Parts that several operations share are pairs, which are compared once. Schemas are passed to [`Schemas`].

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::change::{Breaks, Change, How, Position, Uses};
use super::document::Document;
use super::effect::Effect;
use super::keywords;
use super::schemas::{Here, Schemas};
use super::servers::base_paths;
use super::tree::{At, Kind, Operation, escape, members, resolve};
use super::view::Part;

/// Compares the operations of two documents.
pub(super) struct Operations<'s, 'a> {
    pub(super) old: &'a Document,
    pub(super) new: &'a Document,
    pub(super) schemas: &'s mut Schemas<'a>,
    pub(super) changes: Vec<Change>,
    /// The pairs of parts that have been compared.
    pub(super) compared: BTreeSet<usize>,
}

/// An operation in both documents, with its name in the new one.
pub(super) struct Both<'o, 'a> {
    pub(super) name: String,
    pub(super) old: &'o Operation<'a>,
    pub(super) new: &'o Operation<'a>,
}

impl Both<'_, '_> {
    /// The position of what is sent first: a webhook's request comes from the server, as responses do.
    pub(super) fn request(&self) -> Position {
        if self.new.kind == Kind::Operation { Position::Request } else { Position::Response }
    }

    pub(super) fn response(&self) -> Position {
        if self.new.kind == Kind::Operation { Position::Response } else { Position::Request }
    }
}

/// A finding in words: its subject, direction, place and text.
pub(super) type Finding = (&'static str, How, String, String);

impl<'a> Operations<'_, 'a> {
    /// Matches old and new operations, and compares them.
    pub(super) fn compare(&mut self, old: &[Operation<'a>], new: &[Operation<'a>]) {
        let (old_prefix, new_prefix) = self.servers(old, new);
        let mut by_key: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (index, after) in new.iter().enumerate().rev() {
            by_key.entry(after.key(&new_prefix)).or_default().push(index);
        }
        let mut matched = BTreeSet::new();
        let mut alone = Vec::new();
        for before in old {
            match by_key.get_mut(&before.key(&old_prefix)).and_then(Vec::pop) {
                Some(index) => {
                    matched.insert(index);
                    self.both(before, &new[index]);
                }
                None => alone.push(before),
            }
        }
        let left = new.iter().enumerate().filter(|(index, _)| !matched.contains(index));
        let mut left: Vec<&Operation<'a>> = left.map(|(_, after)| after).collect();
        for before in alone {
            let moved = |after: &&Operation<'a>| {
                before.id.is_some()
                    && after.id == before.id
                    && after.kind == before.kind
                    && before.kind != Kind::Callback
            };
            match left.iter().position(moved) {
                Some(index) => {
                    let after = left.remove(index);
                    let finding =
                        (before.kind.subject(), How::Changed, after.name(), "has another method or path".to_owned());
                    let values = (Some(json!(before.signature())), Some(json!(after.signature())));
                    self.change(finding, (&before.at.pointer, &after.at.pointer), values, Breaks::BOTH);
                    self.both(before, after);
                }
                None => self.whole_operation(How::Removed, before),
            }
        }
        for after in left {
            self.whole_operation(How::Added, after);
        }
    }

    fn whole_operation(&mut self, how: How, operation: &Operation<'a>) {
        let subject = operation.kind.subject();
        let signature = Some(json!(operation.signature()));
        let (values, breaks) = match how {
            How::Removed => ((signature, None), Breaks::CLIENTS),
            How::Added | How::Changed => ((None, signature), Breaks::SERVERS),
        };
        let finding = (subject, how, operation.name(), format!("{subject} {}", how.word()));
        self.change(finding, (&operation.at.pointer, &operation.at.pointer), values, breaks);
    }

    /// Compares the base paths of the servers, and returns what to write before the paths to match them: a base path
    /// that moved into the paths is no change.
    fn servers(&mut self, old: &[Operation<'a>], new: &[Operation<'a>]) -> (String, String) {
        let (before, after) = (base_paths(self.old.root.get("servers")), base_paths(self.new.root.get("servers")));
        if before == after {
            return Default::default();
        }
        let same = |one: &str, other: &str| {
            let keys: BTreeSet<_> = new.iter().map(|operation| operation.key(other)).collect();
            old.iter().filter(|operation| keys.contains(&operation.key(one))).count()
        };
        if let (Some(one), Some(other), 1, 1) = (before.first(), after.first(), before.len(), after.len())
            && same(one, other) > same("", "")
        {
            return (one.clone(), other.clone());
        }
        self.base_paths("document", ("/servers", "/servers"), &before, &after);
        Default::default()
    }

    fn base_paths(&mut self, place: &str, at: (&str, &str), old: &BTreeSet<String>, new: &BTreeSet<String>) {
        let show = |set: &BTreeSet<String>| {
            let slash = |path: &String| if path.is_empty() { "/".to_owned() } else { path.clone() };
            Some(json!(set.iter().map(slash).collect::<Vec<_>>().join(", ")))
        };
        let breaks = Breaks::of(!old.is_subset(new), !new.is_subset(old));
        let finding = ("server_path", How::Changed, place.to_owned(), "path of the server changed".to_owned());
        self.change(finding, at, (show(old), show(new)), breaks);
    }

    fn both(&mut self, old: &Operation<'a>, new: &Operation<'a>) {
        let both = Both { name: new.name(), old, new };
        let at = (old.at.pointer.as_str(), new.at.pointer.as_str());
        if old.id != new.id {
            let finding = ("operation_id", How::Changed, both.name.clone(), "operationId changed".to_owned());
            let values = (old.id.map(|id| json!(id)), new.id.map(|id| json!(id)));
            self.change(finding, at, values, Breaks::NEITHER);
        }
        if old.servers.is_some() || new.servers.is_some() {
            let of = |own: Option<&Value>, document: &Document| base_paths(own.or(document.root.get("servers")));
            let (before, after) = (of(old.servers, self.old), of(new.servers, self.new));
            if before != after {
                self.base_paths(&both.name, at, &before, &after);
            }
        }
        let (pair, _) = self.schemas.pairs.open(format!("operation {}", at.0), at.1.to_owned());
        let here = Here { pair, place: both.name.clone() };
        self.notes(&here, &old.at, &new.at, &["tags"]);
        self.parameters(&both);
        self.body(&both);
        self.answers(&both);
        self.security(&both);
    }

    /// Security requirements: a list of alternatives. A missing list is the same as one that requires nothing.
    fn security(&mut self, both: &Both<'_, 'a>) {
        let list = |at: &Option<At<'a>>, ours: &Document, theirs: &Document| -> BTreeSet<BTreeSet<String>> {
            let lists = at.as_ref().and_then(|at| at.value.as_array()).filter(|lists| !lists.is_empty());
            let none = || [BTreeSet::new()].into();
            lists.map_or_else(none, |lists| lists.iter().map(|one| requirement(one, ours, theirs)).collect())
        };
        let (before, after) =
            (list(&both.old.security, self.old, self.new), list(&both.new.security, self.new, self.old));
        let pointer = |at: &Option<At<'a>>| at.as_ref().map_or_else(|| "/security".to_owned(), |at| at.pointer.clone());
        let at = (pointer(&both.old.security), pointer(&both.new.security));
        let shared = at.0 == "/security" && at.1 == "/security";
        let (pair, fresh) = self.schemas.pairs.open(format!("security {}", at.0), at.1.clone());
        self.schemas.pairs.start(&both.name, Position::Request, pair);
        if !fresh || before == after {
            return;
        }
        // A caller that sends more than is required fulfils it.
        let fulfils =
            |one: &BTreeSet<String>, all: &BTreeSet<BTreeSet<String>>| all.iter().any(|other| other.is_subset(one));
        let (gone, come) = (&before - &after, &after - &before);
        let breaks =
            Breaks::of(gone.iter().any(|one| !fulfils(one, &after)), come.iter().any(|one| !fulfils(one, &before)));
        let (how, values) = match (gone.is_empty(), come.is_empty()) {
            (true, _) => (How::Added, (None, Some(json!(words(&come))))),
            (_, true) => (How::Removed, (Some(json!(words(&gone))), None)),
            _ => (How::Changed, (Some(json!(words(&before))), Some(json!(words(&after))))),
        };
        let place = if shared { "document: security".to_owned() } else { format!("{}: security", both.name) };
        let what = format!("security {}", how.word());
        let here = Here { pair, place: place.clone() };
        let effect = Effect::new(breaks, breaks);
        self.schemas.say(&here, ("security", how, place, what), (Some(&at.0), Some(&at.1)), values, effect);
    }

    /// The schemes that security requirements name, and the document's metadata.
    pub(super) fn document(&mut self) {
        let (old, new) = (At::new(&self.old.root, ""), At::new(&self.new.root, ""));
        let (before, after) = (schemes(self.old), schemes(self.new));
        for (name, old) in &before {
            let place = format!("security scheme {name}");
            // A removed scheme also shows up in the operations that named it.
            let Some(new) = after.get(name) else { continue };
            let here = self.here("scheme", place.clone(), old, new);
            self.notes(&here, old, new, &["bearerFormat"]);
            let (was, is) = (strict(old.value), strict(new.value));
            if was != is {
                let finding = ("security_scheme", How::Changed, place, "security scheme changed".to_owned());
                self.change(finding, (&old.pointer, &new.pointer), (Some(was), Some(is)), Breaks::BOTH);
            }
        }
        if let (Some(old), Some(new)) = (old.get(&self.old.root, "info"), new.get(&self.new.root, "info")) {
            let here = self.here("info", "info".to_owned(), &old, &new);
            self.notes(&here, &old, &new, &["version", "contact", "license", "termsOfService"]);
        }
        let here = self.here("document", "document".to_owned(), &old, &new);
        // A change of a base path is reported as such.
        let moved = self.changes.iter().any(|change| change.subject == "server_path" && change.place == "document");
        self.notes(&here, &old, &new, if moved { &["tags"] } else { &["servers", "tags"] });
    }

    pub(super) fn here(&mut self, what: &str, place: String, old: &At<'a>, new: &At<'a>) -> Here {
        let (pair, _) = self.schemas.pairs.open(format!("{what} {}", old.pointer), new.pointer.clone());
        Here { pair, place }
    }

    /// Descriptions, which break neither side; `more` has further keys of this kind.
    pub(super) fn notes(&mut self, here: &Here, old: &At<'a>, new: &At<'a>, more: &[&str]) {
        let nothing = Map::new();
        let (before, after) = (old.value.as_object().unwrap_or(&nothing), new.value.as_object().unwrap_or(&nothing));
        let mut found = Vec::new();
        keywords::notes(before, after, &mut found);
        let further = more.iter().filter(|key| before.get(**key) != after.get(**key));
        found.extend(further.map(|key| keywords::note(key, before.get(*key), after.get(*key))));
        for one in found.into_iter().filter(|one| one.keyword != super::tree::FILES) {
            let at = |side: &At<'a>| format!("{}/{}", side.pointer, escape(&one.keyword));
            let pointers = (at(old), at(new));
            let finding = (one.subject, one.how, here.place.clone(), one.what);
            self.schemas.say(here, finding, (Some(&pointers.0), Some(&pointers.1)), (one.old, one.new), Effect::SAME);
        }
    }

    /// A change that is not compared as a pair.
    pub(super) fn change(
        &mut self,
        (subject, how, place, what): Finding,
        (old, new): (&str, &str),
        values: (Option<Value>, Option<Value>),
        breaks: Breaks,
    ) {
        let pointer = if how == How::Removed { self.old.shown(old) } else { self.new.shown(new) };
        let (old, new) = values;
        self.changes.push(Change { subject, how, place, pointer, what, old, new, breaks, uses: Uses::new() });
    }

    /// A part that was added or removed.
    pub(super) fn came(
        &mut self,
        here: &Here,
        subject: &'static str,
        how: How,
        which: &str,
        at: &At<'a>,
        effect: Effect,
    ) {
        let what = format!("{} {}", subject.replace('_', " "), how.word());
        let which = (!which.is_empty()).then(|| json!(which));
        let values = if how == How::Removed { (which, None) } else { (None, which) };
        let finding = (subject, how, here.place.clone(), what);
        self.schemas.say(here, finding, (Some(&at.pointer), Some(&at.pointer)), values, effect);
    }

    /// Whether a part must be sent.
    pub(super) fn required(&mut self, here: &Here, subject: &'static str, old: (&At<'a>, bool), new: (&At<'a>, bool)) {
        let (how, what, effect) = match (old.1, new.1) {
            (false, true) => (How::Added, "is required now", Effect::NARROWER),
            (true, false) => (How::Removed, "is no longer required", Effect::WIDER),
            _ => return,
        };
        let finding = (subject, how, here.place.clone(), what.to_owned());
        self.schemas.say(here, finding, (Some(&old.0.pointer), Some(&new.0.pointer)), (None, None), effect);
    }

    /// The schemas below the first of these keys that exists.
    pub(super) fn schema(&mut self, here: &Here, keys: &[&str], old: &At<'a>, new: &At<'a>) {
        let of = |side: &At<'a>| -> Option<Part<'a>> {
            let at = |key: &&str| {
                let pointer = format!("{}/{key}", side.pointer);
                Some(Part { value: side.value.get(*key)?, pointer, place: here.place.clone() })
            };
            keys.iter().find_map(at)
        };
        let parts = (of(old), of(new));
        self.parts(here, (old, parts.0), (new, parts.1));
    }

    /// Schemas of a part of an operation. A missing schema allows anything.
    pub(super) fn parts(&mut self, here: &Here, old: (&At<'a>, Option<Part<'a>>), new: (&At<'a>, Option<Part<'a>>)) {
        const ANYTHING: &Value = &Value::Bool(true);
        if old.1.is_none() && new.1.is_none() {
            return;
        }
        let or_anything = |(side, part): (&At<'a>, Option<Part<'a>>)| {
            let pointer = format!("{}/schema", side.pointer);
            part.unwrap_or_else(|| Part { value: ANYTHING, pointer, place: here.place.clone() })
        };
        let (before, after) = (or_anything(old), or_anything(new));
        self.schemas.leads(here, &here.place, &[before], &[after], None);
    }
}

fn schemes(document: &Document) -> BTreeMap<String, At<'_>> {
    let below = document.root.get("components").unwrap_or(&Value::Null);
    let pointer = |name: &str| format!("/components/securitySchemes/{}", escape(name));
    let all = members(below, "securitySchemes");
    all.map(|(name, value)| (name.clone(), resolve(&document.root, At::new(value, pointer(name))))).collect()
}

/// A security scheme without what is for people.
fn strict(scheme: &Value) -> Value {
    let mut plain = scheme.clone();
    if let Some(fields) = plain.as_object_mut() {
        fields.retain(|key, _| key != "description" && key != "bearerFormat" && !key.starts_with("x-"));
    }
    plain
}

/// One alternative: the schemes and scopes that it requires. A scheme that only one of the documents names is known by
/// its content.
fn requirement(one: &Value, ours: &Document, theirs: &Document) -> BTreeSet<String> {
    let (known, others) = (schemes(ours), schemes(theirs));
    let mut all = BTreeSet::new();
    for (name, scopes) in one.as_object().into_iter().flatten() {
        let scheme = known.get(name).filter(|_| !others.contains_key(name)).map(|at| strict(at.value));
        let same = |scheme: &Value| {
            let same = others.iter().find(|(other, at)| !known.contains_key(*other) && strict(at.value) == *scheme);
            same.map(|(other, _)| other.clone().min(name.clone()))
        };
        let name = scheme.as_ref().and_then(same).unwrap_or_else(|| name.clone());
        let scopes = scopes.as_array().into_iter().flatten().filter_map(Value::as_str);
        all.extend(scopes.map(|scope| format!("{name}({scope})")));
        all.insert(name);
    }
    all
}

/// Security alternatives in words.
fn words(all: &BTreeSet<BTreeSet<String>>) -> String {
    let one = |set: &BTreeSet<String>| {
        // A scope includes its scheme.
        let scoped = |name: &String| set.iter().any(|other| other.starts_with(&format!("{name}(")));
        let plain: Vec<&str> = set.iter().filter(|name| !scoped(name)).map(String::as_str).collect();
        if plain.is_empty() { "no authentication".to_owned() } else { plain.join(" and ") }
    };
    all.iter().map(one).collect::<Vec<_>>().join(", or ")
}
