//! Bodies and responses: media types, headers, statuses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::change::How;
use super::document::Document;
use super::effect::Effect;
use super::operations::{Both, Operations};
use super::schemas::Here;
use super::tree::{At, escape, members, resolve};

/// The ranges that together are all errors.
const ERRORS: [&str; 2] = ["4XX", "5XX"];

impl<'a> Operations<'_, 'a> {
    /// Whether a pair has not been compared yet: several operations can share it.
    pub(super) fn first(&mut self, pair: usize) -> bool {
        self.compared.insert(pair)
    }

    pub(super) fn body(&mut self, both: &Both<'_, 'a>) {
        let before = both.old.at.get(&self.old.root, "requestBody");
        let after = both.new.at.get(&self.new.root, "requestBody");
        let place = |document: &Document, at: &At<'a>| shared(document, at, "requestBodies", "body");
        let own = format!("{}: body", both.name);
        match (before, after) {
            (None, None) => {}
            (None, Some(new)) => self.body_came(both, How::Added, own, &new),
            (Some(old), None) => self.body_came(both, How::Removed, own, &old),
            (Some(old), Some(new)) => {
                let here = self.here("body", place(self.new, &new).unwrap_or(own), &old, &new);
                self.schemas.pairs.start(&both.name, both.request(), here.pair);
                if !self.first(here.pair) {
                    return;
                }
                let required = (old.is_true("required"), new.is_true("required"));
                self.required(&here, "body_required", (&old, required.0), (&new, required.1));
                self.notes(&here, &old, &new, &[]);
                self.media(&here, &old, &new);
            }
        }
    }

    fn body_came(&mut self, both: &Both<'_, 'a>, how: How, place: String, at: &At<'a>) {
        let required = at.is_true("required");
        let effect = match how {
            How::Removed => Effect::property_removed(required, false),
            How::Added | How::Changed => Effect::property_added(required, false),
        };
        let (pair, _) = self.schemas.pairs.open(format!("{how:?} {place}"), String::new());
        self.schemas.pairs.start(&both.name, both.request(), pair);
        let which = if required { "required" } else { "optional" };
        self.came(&Here { pair, place }, "body", how, which, at, effect);
    }

    pub(super) fn answers(&mut self, both: &Both<'_, 'a>) {
        let (before, after) = (answers(&both.old.at, &self.old.root), answers(&both.new.at, &self.new.root));
        for (status, old) in &before {
            match after.get(status) {
                Some(new) => self.answer(both, status, old, new, true),
                None => {
                    self.status(both, How::Removed, status, &before, &after);
                    // The status may still be answered, with the body of its range or `default`.
                    if let Some(wider) = covering(status, &after) {
                        self.answer(both, status, old, &wider, false);
                    }
                }
            }
        }
        for (status, new) in after.iter().filter(|(status, _)| !before.contains_key(*status)) {
            self.status(both, How::Added, status, &before, &after);
            if let Some(wider) = covering(status, &before) {
                self.answer(both, status, &wider, new, false);
            }
        }
    }

    /// A status was added or removed. A client treats an error that it does not know like any other of its class
    /// (RFC 9110, section 15).
    fn status(
        &mut self,
        both: &Both<'_, 'a>,
        how: How,
        status: &str,
        before: &BTreeMap<String, At<'a>>,
        after: &BTreeMap<String, At<'a>>,
    ) {
        let (side, other) = if how == How::Removed { (before, after) } else { (after, before) };
        let is_covered = covering(status, other).is_some() || is_error(status, side);
        let effect = match how {
            _ if is_covered => Effect::SAME,
            How::Removed => Effect::NARROWER,
            How::Added | How::Changed => Effect::WIDER,
        };
        let place = format!("{}: {status}", both.name);
        let (pair, _) = self.schemas.pairs.open(format!("{how:?} status {place}"), String::new());
        self.schemas.pairs.start(&both.name, both.response(), pair);
        let side = if how == How::Removed { both.old } else { both.new };
        let at = At::new(&Value::Null, format!("{}/responses/{}", side.at.pointer, escape(status)));
        self.came(&Here { pair, place }, "status", how, "", &at, effect);
    }

    /// One response. Headers of a range or `default` are not compared with those of one status: each belongs to only
    /// some of the statuses.
    fn answer(&mut self, both: &Both<'_, 'a>, status: &str, old: &At<'a>, new: &At<'a>, whole: bool) {
        let own = format!("{}: {status}", both.name);
        let place = shared(self.new, new, "responses", "response").unwrap_or(own);
        let here = self.here(if whole { "response" } else { "covered response" }, place, old, new);
        self.schemas.pairs.start(&both.name, both.response(), here.pair);
        if !self.first(here.pair) {
            return;
        }
        if whole {
            self.notes(&here, old, new, &["links"]);
            self.headers(&here, old, new);
        }
        self.media(&here, old, new);
    }

    fn headers(&mut self, here: &Here, old: &At<'a>, new: &At<'a>) {
        let of = |side: &At<'a>, root: &'a Value| -> BTreeMap<String, (String, At<'a>)> {
            let below = format!("{}/headers", side.pointer);
            let all = members(side.value, "headers").filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            all.map(|(name, value)| {
                let at = resolve(root, At::new(value, format!("{below}/{}", escape(name))));
                (name.to_ascii_lowercase(), (name.clone(), at))
            })
            .collect()
        };
        let (before, after) = (of(old, &self.old.root), of(new, &self.new.root));
        for (key, (name, at)) in &before {
            let place = format!("{} header {name}", here.place);
            let Some((_, new)) = after.get(key) else {
                // Clients could read even an optional one.
                let effect = Effect::property_removed(at.is_true("required"), false);
                let at = At::new(at.value, format!("{}/headers/{}", old.pointer, escape(name)));
                self.came(&Here { pair: here.pair, place }, "header", How::Removed, kind(&at), &at, effect);
                continue;
            };
            let place = shared(self.new, new, "headers", "header").unwrap_or(place);
            let inner = self.here("header", place, at, new);
            self.schemas.pairs.lead(here.pair, inner.pair, None);
            if self.first(inner.pair) {
                let required = (at.is_true("required"), new.is_true("required"));
                self.required(&inner, "header_required", (at, required.0), (new, required.1));
                self.notes(&inner, at, new, &[]);
                self.schema(&inner, &["schema"], at, new);
            }
        }
        for (_, (name, at)) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
            let effect = Effect::property_added(at.is_true("required"), false);
            let place = format!("{} header {name}", here.place);
            let at = At::new(at.value, format!("{}/headers/{}", new.pointer, escape(name)));
            self.came(&Here { pair: here.pair, place }, "header", How::Added, kind(&at), &at, effect);
        }
    }

    /// The media types of a body. The receiver must accept every media type that it is sent; a client can read only
    /// those that it requested.
    pub(super) fn media(&mut self, here: &Here, old: &At<'a>, new: &At<'a>) {
        let (before, after) = (contents(old), contents(new));
        for (media, one) in &before {
            let Some(other) = after.get(media) else {
                let effect = Effect::REMOVED;
                self.came(here, "media_type", How::Removed, media, one, effect);
                continue;
            };
            let inner = Here { pair: here.pair, place: format!("{} {media}", here.place) };
            self.schema(&inner, &["schema"], one, other);
            self.encoding(&inner, one, other);
            // The schema of each line or event of a stream: `itemSchema` of OpenAPI 3.2, which older documents write as
            // an extension.
            let item = Here { pair: here.pair, place: format!("{} item", inner.place) };
            self.schema(&item, &["itemSchema", "x-item-schema"], one, other);
        }
        for (media, other) in after.iter().filter(|(media, _)| !before.contains_key(*media)) {
            // If there was no body at all, no client requested one.
            self.came(here, "media_type", How::Added, media, other, Effect::media_added(before.is_empty()));
        }
    }

    /// How the properties of a form are written, with defaults.
    fn encoding(&mut self, here: &Here, old: &At<'a>, new: &At<'a>) {
        let names: BTreeSet<&String> =
            [old, new].into_iter().flat_map(|side| members(side.value, "encoding")).map(|(name, _)| name).collect();
        for name in names {
            let of = |side: &At<'a>| encoding(side.value.get("encoding").and_then(|all| all.get(name)));
            let (was, is) = (of(old), of(new));
            // Without a content type, it follows from the schema, which is compared.
            let typed = was["contentType"].is_null() || is["contentType"].is_null();
            let same = |key: &str| was[key] == is[key];
            if same("style") && same("explode") && (typed || same("contentType")) {
                continue;
            }
            let pointer = |side: &At<'a>| format!("{}/encoding/{}", side.pointer, escape(name));
            let pointers = (pointer(old), pointer(new));
            let finding = ("encoding", How::Changed, format!("{}.{name}", here.place), "encoding changed".to_owned());
            let values = (Some(was), Some(is));
            self.schemas.say(here, finding, (Some(&pointers.0), Some(&pointers.1)), values, Effect::OTHER);
        }
    }
}

fn encoding(written: Option<&Value>) -> Value {
    let get = |key: &str| written.and_then(|written| written.get(key)).cloned();
    let style = get("style").unwrap_or_else(|| json!("form"));
    let explode = get("explode").unwrap_or_else(|| json!(style == "form"));
    json!({ "style": style, "explode": explode, "contentType": get("contentType") })
}

/// The place of a component that several operations can share.
fn shared(document: &Document, at: &At<'_>, kind: &str, word: &str) -> Option<String> {
    document.component(&at.pointer, kind).map(|name| format!("{word} {name}"))
}

fn kind(at: &At<'_>) -> &'static str {
    if at.is_true("required") { "required" } else { "optional" }
}

fn contents<'a>(side: &At<'a>) -> BTreeMap<String, At<'a>> {
    let below = format!("{}/content", side.pointer);
    let all = members(side.value, "content");
    all.map(|(media, value)| (essence(media), At::new(value, format!("{below}/{}", escape(media))))).collect()
}

/// A media type in lower case, without the character set.
fn essence(media: &str) -> String {
    let mut parts = media.split(';').map(|part| part.trim().to_ascii_lowercase());
    let first = parts.next().unwrap_or_default();
    let mut others: Vec<String> = parts.filter(|part| !part.is_empty() && !part.starts_with("charset")).collect();
    others.sort();
    std::iter::once(first).chain(others).collect::<Vec<_>>().join("; ")
}

fn answers<'a>(operation: &At<'a>, root: &'a Value) -> BTreeMap<String, At<'a>> {
    let Some(responses) = operation.value.get("responses") else { return BTreeMap::new() };
    let responses = At::new(responses, format!("{}/responses", operation.pointer));
    let known = responses.value.as_object().into_iter().flatten().filter(|(key, _)| !key.starts_with("x-"));
    let name = |key: &str| if key == "default" { key.to_owned() } else { key.to_ascii_uppercase() };
    known.filter_map(|(key, _)| Some((name(key), responses.get(root, key)?))).collect()
}

/// Whether a status is an error. `default` is one where successes are listed.
fn is_error(status: &str, listed: &BTreeMap<String, At<'_>>) -> bool {
    match status {
        "default" => has_success(listed),
        other => other.starts_with(['4', '5']),
    }
}

fn has_success(listed: &BTreeMap<String, At<'_>>) -> bool {
    listed.keys().any(|status| status.starts_with(['1', '2', '3']))
}

/// The entry for a status that a document does not list: its range, else `default`. Where successes are listed,
/// `default` covers errors only.
fn covering<'a>(status: &str, listed: &BTreeMap<String, At<'a>>) -> Option<At<'a>> {
    let range = status.chars().next().filter(char::is_ascii_digit).map(|class| format!("{class}XX"));
    let range = range.filter(|range| range != status).and_then(|range| listed.get(&range));
    if status == "default" {
        // Together they are what `default` was.
        let [Some(one), Some(_)] = ERRORS.map(|range| listed.get(range)) else { return None };
        return has_success(listed).then(|| one.clone());
    }
    let default = || listed.get("default").filter(|_| !has_success(listed) || status.starts_with(['4', '5']));
    range.or_else(default).cloned()
}
