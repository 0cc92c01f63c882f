//! Operations, their requests and responses: everything of a document except schemas.
//!
//! Schemas in operations are passed to [`Schemas`], with their position.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::change::{Breaks, Change, How, Position, Uses};
use super::keywords;
use super::schemas::Schemas;
use super::tree::{At, Operation, Parameter, escape, members, names_in, resolve, shown};

/// Compares the operations of two documents.
pub(super) struct Operations<'s, 'a> {
    pub(super) old: &'a Value,
    pub(super) new: &'a Value,
    pub(super) schemas: &'s mut Schemas<'a>,
    pub(super) changes: Vec<Change>,
}

/// An operation in both documents, with its name in the new one.
struct Both<'o, 'a> {
    name: String,
    old: &'o Operation<'a>,
    new: &'o Operation<'a>,
}

impl<'a> Operations<'_, 'a> {
    /// Matches old and new operations, and compares them.
    pub(super) fn compare(&mut self, old: &[Operation<'a>], new: &[Operation<'a>]) {
        let mut left: Vec<&Operation<'a>> = new.iter().collect();
        let mut alone = Vec::new();
        for before in old {
            match left.iter().position(|after| after.key() == before.key()) {
                Some(index) => self.both(before, left.remove(index)),
                None => alone.push(before),
            }
        }
        for before in alone {
            let moved = |after: &&Operation<'a>| before.id.is_some() && after.id == before.id;
            match left.iter().position(moved) {
                Some(index) => {
                    let after = left.remove(index);
                    let old = Some(json!(before.asked()));
                    let new = Some(json!(after.asked()));
                    let told = ("operation", How::Changed, after.name(), "is asked elsewhere".to_owned());
                    self.say(told, &after.at.pointer, old, new, Breaks::BOTH);
                    self.both(before, after);
                }
                None => {
                    self.came("operation", How::Removed, before.name(), &before.asked(), &before.at, Breaks::CLIENTS)
                }
            }
        }
        for after in left {
            self.came("operation", How::Added, after.name(), &after.asked(), &after.at, Breaks::SERVERS);
        }
    }

    fn both(&mut self, old: &Operation<'a>, new: &Operation<'a>) {
        let both = Both { name: new.name(), old, new };
        if old.id != new.id {
            let told = ("operation_id", How::Changed, both.name.clone(), "operationId changed".to_owned());
            self.say(told, &new.at.pointer, old.id.map(|id| json!(id)), new.id.map(|id| json!(id)), Breaks::NOBODY);
        }
        self.notes(&both.name, &old.at, &new.at, &["tags"]);
        self.parameters(&both);
        self.body(&both);
        self.answers(&both);
        self.security(&both);
        let callbacks = |operation: &Operation<'a>| operation.at.value.get("callbacks").cloned();
        self.whole("callbacks", &both.name, &new.at.pointer, callbacks(old), callbacks(new), Breaks::BOTH);
    }

    fn parameters(&mut self, both: &Both<'_, 'a>) {
        let (old_names, new_names) = (names_in(both.old.path), names_in(both.new.path));
        // A path parameter is identified by its place; its name is not sent.
        let key =
            |parameter: &Parameter<'a>, names: &[&str]| match names.iter().position(|name| *name == parameter.name) {
                Some(index) if parameter.place == "path" => ("path".to_owned(), index.to_string()),
                _ => parameter.key(),
            };
        let mut left: Vec<&Parameter<'a>> = both.new.parameters.iter().collect();
        let mut alone = Vec::new();
        for before in &both.old.parameters {
            match left.iter().position(|after| key(after, &new_names) == key(before, &old_names)) {
                Some(index) => self.parameter(both, before, left.remove(index)),
                None => alone.push(before),
            }
        }
        for before in alone {
            match left.iter().position(|after| after.name == before.name) {
                Some(index) => {
                    let after = left.remove(index);
                    let told = ("parameter", How::Changed, at_parameter(both, after), "stands elsewhere".to_owned());
                    let (old, new) = (Some(json!(before.place)), Some(json!(after.place)));
                    self.say(told, &after.at.pointer, old, new, Breaks::BOTH);
                    self.parameter(both, before, after);
                }
                None => self.parameter_came(both, How::Removed, before),
            }
        }
        for after in left {
            self.parameter_came(both, How::Added, after);
        }
    }

    /// A server must accept a parameter that a client may send. An old client does not send a new required one.
    fn parameter_came(&mut self, both: &Both<'_, 'a>, how: How, parameter: &Parameter<'a>) {
        let required = parameter.is_required();
        let breaks = match how {
            How::Removed => Breaks::of(true, required),
            How::Added | How::Changed => Breaks::of(required, true),
        };
        let kind = if required { "required" } else { "optional" };
        let told = ("parameter", how, at_parameter(both, parameter), format!("{kind} parameter {}", how.word()));
        self.say(told, &parameter.at.pointer, None, None, breaks);
    }

    fn parameter(&mut self, both: &Both<'_, 'a>, old: &Parameter<'a>, new: &Parameter<'a>) {
        let place = at_parameter(both, new);
        if old.place == "path" && new.place == "path" && old.name != new.name {
            let told = ("path_parameter", How::Changed, place.clone(), "is called otherwise".to_owned());
            self.say(told, &new.at.pointer, Some(json!(old.name)), Some(json!(new.name)), Breaks::NOBODY);
        }
        self.required("parameter_required", &place, &new.at, old.is_required(), new.is_required(), Position::Request);
        self.notes(&place, &old.at, &new.at, &[]);
        for keyword in ["style", "explode", "allowReserved", "allowEmptyValue"] {
            let said = |side: &Parameter<'a>| side.at.value.get(keyword).cloned();
            self.whole("parameter_form", &place, &new.at.pointer, said(old), said(new), Breaks::BOTH);
        }
        self.schema(both, Position::Request, &place, &old.at, &new.at);
        self.media(both, Position::Request, &place, &old.at, &new.at);
    }

    fn body(&mut self, both: &Both<'_, 'a>) {
        let of = |operation: &Operation<'a>, root: &'a Value| operation.at.get(root, "requestBody");
        let place = format!("{}: body", both.name);
        match (of(both.old, self.old), of(both.new, self.new)) {
            (None, None) => {}
            (None, Some(new)) => {
                let required = new.is_true("required");
                self.came("body", How::Added, place, kind(required), &new, Breaks::of(required, true));
            }
            (Some(old), None) => {
                let required = old.is_true("required");
                self.came("body", How::Removed, place, kind(required), &old, Breaks::of(true, required));
            }
            (Some(old), Some(new)) => {
                let required = (old.is_true("required"), new.is_true("required"));
                self.required("body_required", &place, &new, required.0, required.1, Position::Request);
                self.notes(&place, &old, &new, &[]);
                self.media(both, Position::Request, &place, &old, &new);
            }
        }
    }

    fn answers(&mut self, both: &Both<'_, 'a>) {
        let of = |operation: &Operation<'a>, root: &'a Value| -> BTreeMap<String, At<'a>> {
            let statuses = operation
                .at
                .value
                .get("responses")
                .map(|responses| At::new(responses, format!("{}/responses", operation.at.pointer)));
            let Some(responses) = statuses else { return BTreeMap::new() };
            let known = responses.value.as_object().into_iter().flatten().filter(|(key, _)| !key.starts_with("x-"));
            known.filter_map(|(key, _)| Some((key.clone(), responses.get(root, key)?))).collect()
        };
        let (before, after) = (of(both.old, self.old), of(both.new, self.new));
        for (status, old) in &before {
            let place = format!("{}: {status}", both.name);
            match after.get(status) {
                Some(new) => {
                    self.notes(&place, old, new, &["links"]);
                    self.headers(both, &place, old, new);
                    self.media(both, Position::Response, &place, old, new);
                }
                None => match covering(status, &after) {
                    // The status may still be answered, with the body of its range or `default`. Headers are not
                    // compared: those of a range each belong to only some of its statuses.
                    Some(wider) => {
                        self.came("status", How::Removed, place.clone(), "", old, Breaks::NOBODY);
                        self.media(both, Position::Response, &place, old, &wider);
                    }
                    None => self.came("status", How::Removed, place, "", old, Breaks::SERVERS),
                },
            }
        }
        for (status, new) in after.iter().filter(|(status, _)| !before.contains_key(*status)) {
            let place = format!("{}: {status}", both.name);
            match covering(status, &before) {
                Some(wider) => {
                    self.came("status", How::Added, place.clone(), "", new, Breaks::NOBODY);
                    self.media(both, Position::Response, &place, &wider, new);
                }
                None => self.came("status", How::Added, place, "", new, Breaks::CLIENTS),
            }
        }
    }

    fn headers(&mut self, both: &Both<'_, 'a>, place: &str, old: &At<'a>, new: &At<'a>) {
        let of = |side: &At<'a>, root: &'a Value| -> BTreeMap<String, (String, At<'a>)> {
            let below = format!("{}/headers", side.pointer);
            let all = members(side.value, "headers");
            all.map(|(name, value)| {
                let at = resolve(root, At::new(value, format!("{below}/{}", escape(name))));
                (name.to_ascii_lowercase(), (name.clone(), at))
            })
            .collect()
        };
        let (before, after) = (of(old, self.old), of(new, self.new));
        for (key, (name, old)) in &before {
            let place = format!("{place} header {name}");
            let Some((_, new)) = after.get(key) else {
                // Clients could read even an optional one.
                self.came("header", How::Removed, place, kind(old.is_true("required")), old, Breaks::CLIENTS);
                continue;
            };
            self.required(
                "header_required",
                &place,
                new,
                old.is_true("required"),
                new.is_true("required"),
                Position::Response,
            );
            self.notes(&place, old, new, &[]);
            self.schema(both, Position::Response, &place, old, new);
        }
        for (_, (name, new)) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
            let required = new.is_true("required");
            let place = format!("{place} header {name}");
            self.came("header", How::Added, place, kind(required), new, Breaks::of(false, required));
        }
    }

    /// The media types of a body. The receiver must accept every media type that it is sent; a client can read only
    /// those that it requested.
    fn media(&mut self, both: &Both<'_, 'a>, position: Position, place: &str, old: &At<'a>, new: &At<'a>) {
        let of = |side: &At<'a>| -> BTreeMap<String, At<'a>> {
            let below = format!("{}/content", side.pointer);
            let all = members(side.value, "content");
            all.map(|(media, value)| (essence(media), At::new(value, format!("{below}/{}", escape(media))))).collect()
        };
        let (before, after) = (of(old), of(new));
        for (media, old) in &before {
            match after.get(media) {
                Some(new) => {
                    let place = format!("{place} {media}");
                    self.schema(both, position, &place, old, new);
                    self.item(both, position, &format!("{place} item"), old, new);
                }
                None => self.came("media_type", How::Removed, place.to_owned(), media, old, Breaks::CLIENTS),
            }
        }
        for (media, new) in after.iter().filter(|(media, _)| !before.contains_key(*media)) {
            // If there was no body at all, no client requested one.
            let breaks = Breaks::of(position == Position::Response && before.is_empty(), true);
            self.came("media_type", How::Added, place.to_owned(), media, new, breaks);
        }
    }

    fn schema(&mut self, both: &Both<'_, 'a>, position: Position, place: &str, old: &At<'a>, new: &At<'a>) {
        self.pair(both, position, place, (old, schema_of(old, &["schema"])), (new, schema_of(new, &["schema"])));
    }

    /// The schema of each line or event of a stream: `itemSchema` of OpenAPI 3.2, which older documents write as an
    /// extension.
    fn item(&mut self, both: &Both<'_, 'a>, position: Position, place: &str, old: &At<'a>, new: &At<'a>) {
        let of = |side: &At<'a>| schema_of(side, &["itemSchema", "x-item-schema"]);
        self.pair(both, position, place, (old, of(old)), (new, of(new)));
    }

    /// A missing schema allows anything.
    fn pair(
        &mut self,
        both: &Both<'_, 'a>,
        position: Position,
        place: &str,
        (old, before): (&At<'a>, Option<At<'a>>),
        (new, after): (&At<'a>, Option<At<'a>>),
    ) {
        const ANYTHING: &Value = &Value::Bool(true);
        if before.is_none() && after.is_none() {
            return;
        }
        let anything = |side: &At<'a>| At::new(ANYTHING, format!("{}/schema", side.pointer));
        let (before, after) = (before.unwrap_or_else(|| anything(old)), after.unwrap_or_else(|| anything(new)));
        self.schemas.start(&both.name, position, place, before, after);
    }

    /// Security requirements: a list of alternative schemes. A missing list is the same as a list that requires
    /// nothing.
    fn security(&mut self, both: &Both<'_, 'a>) {
        let of = |operation: &Operation<'a>| -> BTreeSet<String> {
            let lists = operation.security.and_then(Value::as_array).filter(|lists| !lists.is_empty());
            let nobody = || [words(&Value::Null)].into();
            lists.map_or_else(nobody, |lists| lists.iter().map(words).collect())
        };
        let (before, after) = (of(both.old), of(both.new));
        let place = format!("{}: security", both.name);
        for (how, gone, breaks) in
            [(How::Removed, &before - &after, Breaks::CLIENTS), (How::Added, &after - &before, Breaks::SERVERS)]
        {
            for words in gone {
                let side = if how == How::Removed { both.old } else { both.new };
                self.came("security", how, place.clone(), &words, &side.at, breaks);
            }
        }
    }

    /// The schemes that security requirements name, and the document's metadata.
    pub(super) fn document(&mut self) {
        let (old, new) = (At::new(self.old, ""), At::new(self.new, ""));
        let schemes = |root: &'a Value| -> BTreeMap<String, At<'a>> {
            let below = root.get("components").unwrap_or(&Value::Null);
            let all = members(below, "securitySchemes");
            let pointer = |name: &str| format!("/components/securitySchemes/{}", escape(name));
            all.map(|(name, value)| (name.clone(), resolve(root, At::new(value, pointer(name))))).collect()
        };
        let (before, after) = (schemes(self.old), schemes(self.new));
        for (name, old) in &before {
            let place = format!("security scheme {name}");
            // A removed scheme also shows up in the operations that named it.
            let Some(new) = after.get(name) else { continue };
            self.notes(&place, old, new, &["bearerFormat"]);
            let strict = |at: &At<'a>| {
                let mut plain = at.value.clone();
                if let Some(fields) = plain.as_object_mut() {
                    fields.retain(|key, _| key != "description" && key != "bearerFormat" && !key.starts_with("x-"));
                }
                Some(plain)
            };
            self.whole("security_scheme", &place, &new.pointer, strict(old), strict(new), Breaks::BOTH);
        }
        if let (Some(old), Some(new)) = (old.get(self.old, "info"), new.get(self.new, "info")) {
            self.notes("info", &old, &new, &["version", "contact", "license", "termsOfService"]);
        }
        self.notes("document", &old, &new, &["servers", "tags", "openapi"]);
    }

    /// Descriptions, which break neither side; `more` has further keys of this kind.
    fn notes(&mut self, place: &str, old: &At<'a>, new: &At<'a>, more: &[&str]) {
        let nothing = serde_json::Map::new();
        let fields = |at: &At<'a>| at.value.as_object().cloned().unwrap_or_else(|| nothing.clone());
        let (before, after) = (fields(old), fields(new));
        let mut found = Vec::new();
        keywords::notes(&before, &after, &mut found);
        let further = more.iter().filter(|key| before.get(**key) != after.get(**key));
        found.extend(further.map(|key| keywords::note(key, before.get(*key), after.get(*key))));
        for one in found.into_iter().filter(|one| one.keyword != super::tree::FILES) {
            let pointer = if one.how == How::Removed { &old.pointer } else { &new.pointer };
            let pointer = format!("{pointer}/{}", escape(&one.keyword));
            self.say((one.subject, one.how, place.to_owned(), one.what), &pointer, one.old, one.new, Breaks::NOBODY);
        }
    }

    fn required(&mut self, subject: &'static str, place: &str, at: &At<'a>, old: bool, new: bool, position: Position) {
        // The sender must now send more, or may send less; the receiver gets a message that it does not expect.
        let (how, what, strict) = match (old, new) {
            (false, true) => (How::Added, "is required now", true),
            (true, false) => (How::Removed, "is no longer required", false),
            _ => return,
        };
        let clients = strict == (position == Position::Request);
        let told = (subject, how, place.to_owned(), what.to_owned());
        self.say(told, &at.pointer, None, None, Breaks::of(clients, !clients));
    }

    /// A part that is compared only for equality.
    fn whole(
        &mut self,
        subject: &'static str,
        place: &str,
        pointer: &str,
        old: Option<Value>,
        new: Option<Value>,
        breaks: Breaks,
    ) {
        if old == new {
            return;
        }
        let how = match (&old, &new) {
            (None, _) => How::Added,
            (_, None) => How::Removed,
            _ => How::Changed,
        };
        let what = format!("{} {}", subject.replace('_', " "), how.word());
        self.say((subject, how, place.to_owned(), what), pointer, old, new, breaks);
    }

    /// A part that was added or removed.
    fn came(&mut self, subject: &'static str, how: How, place: String, which: &str, at: &At<'a>, breaks: Breaks) {
        let what = format!("{} {}", subject.replace('_', " "), how.word());
        let which = (!which.is_empty()).then(|| json!(which));
        let (old, new) = if how == How::Removed { (which, None) } else { (None, which) };
        self.say((subject, how, place, what), &at.pointer, old, new, breaks);
    }

    fn say(
        &mut self,
        (subject, how, place, what): (&'static str, How, String, String),
        pointer: &str,
        old: Option<Value>,
        new: Option<Value>,
        breaks: Breaks,
    ) {
        let (pointer, uses) = (shown(pointer), Uses::new());
        self.changes.push(Change { subject, how, place, pointer, what, old, new, breaks, uses });
    }
}

fn at_parameter(both: &Both<'_, '_>, parameter: &Parameter<'_>) -> String {
    format!("{}: {} {}", both.name, parameter.place, parameter.name)
}

/// The schema under the first of these keys that exists.
fn schema_of<'a>(side: &At<'a>, keys: &[&str]) -> Option<At<'a>> {
    let at = |key: &&str| Some(At::new(side.value.get(*key)?, format!("{}/{key}", side.pointer)));
    keys.iter().find_map(at)
}

fn kind(required: bool) -> &'static str {
    if required { "required" } else { "optional" }
}

/// A media type in lower case, without parameters such as the character set.
fn essence(media: &str) -> String {
    media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// One security alternative, in words.
fn words(list: &Value) -> String {
    let schemes = list.as_object().into_iter().flatten().map(|(name, scopes)| {
        let scopes: Vec<&str> = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if scopes.is_empty() { name.clone() } else { format!("{name}({})", scopes.join(", ")) }
    });
    let mut schemes: Vec<String> = schemes.collect();
    schemes.sort();
    if schemes.is_empty() { "nobody is asked".to_owned() } else { schemes.join(" and ") }
}

/// The entry for an error status that a document does not list: its range, else `default`. `default` does not cover
/// successes, so a success has only its range.
fn covering<'a>(status: &str, listed: &BTreeMap<String, At<'a>>) -> Option<At<'a>> {
    let number = status.parse::<u16>().ok();
    let range = number.and_then(|number| listed.get(&format!("{}XX", number / 100)));
    let is_error = number.is_some_and(|number| number >= 400) || matches!(status, "4XX" | "5XX");
    range.or_else(|| listed.get("default").filter(|_| is_error)).cloned()
}
