//! Parameters: what a client sends in the path, the query, headers and cookies.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::change::How;
use super::document::Document;
use super::effect::Effect;
use super::operations::{Both, Operations};
use super::schemas::Here;
use super::tree::{At, Parameter, escape, members, names_in};
use super::view::{Part, Schema};

impl<'a> Operations<'_, 'a> {
    pub(super) fn parameters(&mut self, both: &Both<'_, 'a>) {
        let (old_names, new_names) = (names_in(both.old.path), names_in(both.new.path));
        // A path parameter is identified by its place; its name is not sent.
        let key =
            |parameter: &Parameter<'a>, names: &[&str]| match names.iter().position(|name| *name == parameter.name) {
                Some(index) if parameter.place == "path" => ("path".to_owned(), index.to_string()),
                _ => parameter.key(),
            };
        let mut left: Vec<Parameter<'a>> = both.new.parameters.clone();
        let mut alone: Vec<Parameter<'a>> = Vec::new();
        for before in &both.old.parameters {
            match left.iter().position(|after| key(after, &new_names) == key(before, &old_names)) {
                Some(index) => self.parameter(both, before, &left.remove(index)),
                None => alone.push(before.clone()),
            }
        }
        // The properties of an exploded object are sent like parameters of their own.
        let alone: Vec<Parameter<'a>> = alone.into_iter().flat_map(|one| exploded(self.old, one)).collect();
        let mut left: Vec<Parameter<'a>> = left.into_iter().flat_map(|one| exploded(self.new, one)).collect();
        let mut still = Vec::new();
        for before in alone {
            match left.iter().position(|after| after.key() == before.key()) {
                Some(index) => self.parameter(both, &before, &left.remove(index)),
                None => still.push(before),
            }
        }
        for before in still {
            match left.iter().position(|after| after.name == before.name) {
                Some(index) => {
                    let after = left.remove(index);
                    let here = self.at_parameter(both, &before, &after);
                    let finding = ("parameter", How::Changed, here.place.clone(), "is in another place".to_owned());
                    let values = (Some(json!(before.place)), Some(json!(after.place)));
                    let pointers = (Some(before.at.pointer.as_str()), Some(after.at.pointer.as_str()));
                    self.schemas.say(&here, finding, pointers, values, Effect::OTHER);
                    self.parameter(both, &before, &after);
                }
                None => self.parameter_came(both, How::Removed, &before),
            }
        }
        for after in left {
            self.parameter_came(both, How::Added, &after);
        }
    }

    /// A server must accept a parameter that a client may send. An old client does not send a new required one.
    fn parameter_came(&mut self, both: &Both<'_, 'a>, how: How, parameter: &Parameter<'a>) {
        let required = parameter.is_required();
        let effect = match how {
            How::Removed => Effect::property_removed(required, false),
            How::Added | How::Changed => Effect::property_added(required, false),
        };
        let kind = if required { "required" } else { "optional" };
        // The operation is part of the key: another one may have the same parameter on both sides.
        let key = format!("{how:?} parameter of {} {}", both.name, parameter.at.pointer);
        let (pair, _) = self.schemas.pairs.open(key, String::new());
        self.schemas.pairs.start(&both.name, both.request(), pair);
        let document = if how == How::Removed { self.old } else { self.new };
        let here = Here { pair, place: place(both, document, parameter) };
        let finding = ("parameter", how, here.place.clone(), format!("{kind} parameter {}", how.word()));
        let pointer = Some(parameter.at.pointer.as_str());
        self.schemas.say(&here, finding, (pointer, pointer), (None, None), effect);
    }

    /// The pair of two parameters, which this operation uses.
    fn at_parameter(&mut self, both: &Both<'_, 'a>, old: &Parameter<'a>, new: &Parameter<'a>) -> Here {
        let place = place(both, self.new, new);
        let here = self.here("parameter", place, &old.at, &new.at);
        self.schemas.pairs.start(&both.name, both.request(), here.pair);
        here
    }

    fn parameter(&mut self, both: &Both<'_, 'a>, old: &Parameter<'a>, new: &Parameter<'a>) {
        let here = self.at_parameter(both, old, new);
        if !self.first(here.pair) {
            return;
        }
        if old.place == "path" && new.place == "path" && old.name != new.name {
            let finding = ("path_parameter", How::Changed, here.place.clone(), "has another name".to_owned());
            let pointers = (Some(old.at.pointer.as_str()), Some(new.at.pointer.as_str()));
            let values = (Some(json!(old.name)), Some(json!(new.name)));
            self.schemas.say(&here, finding, pointers, values, Effect::SAME);
        }
        let required = (old.is_required(), new.is_required());
        self.required(&here, "parameter_required", (&old.at, required.0), (&new.at, required.1));
        self.form(&here, old, new);
        if old.property.is_none() && new.property.is_none() {
            self.notes(&here, &old.at, &new.at, &[]);
            self.media(&here, &old.at, &new.at);
        }
        let parts = (part(old, &here.place), part(new, &here.place));
        self.parts(&here, (&old.at, parts.0), (&new.at, parts.1));
    }

    /// How a value is written. What is not said has a default, and a single value is written alike in most forms.
    fn form(&mut self, here: &Here, old: &Parameter<'a>, new: &Parameter<'a>) {
        let (before, after) = (Form::of(self.old, old), Form::of(self.new, new));
        let mut differ = Vec::new();
        if before.style != after.style && !(before.is_plain() && after.is_plain()) {
            differ.push(("style", json!(before.style), json!(after.style)));
        }
        if before.explode != after.explode && !(before.single && after.single) {
            differ.push(("explode", json!(before.explode), json!(after.explode)));
        }
        for (keyword, was, is) in
            [("allowReserved", before.reserved, after.reserved), ("allowEmptyValue", before.empty, after.empty)]
        {
            if was != is {
                differ.push((keyword, json!(was), json!(is)));
            }
        }
        for (keyword, was, is) in differ {
            let at = |side: &Parameter<'a>| format!("{}/{keyword}", side.at.pointer);
            let pointers = (at(old), at(new));
            let finding = ("parameter_form", How::Changed, here.place.clone(), format!("{keyword} changed"));
            let values = (Some(was), Some(is));
            self.schemas.say(here, finding, (Some(&pointers.0), Some(&pointers.1)), values, Effect::OTHER);
        }
    }
}

/// The form of a parameter, with defaults (OpenAPI 3.0.3, Parameter Object).
struct Form<'a> {
    style: &'a str,
    explode: bool,
    reserved: bool,
    empty: bool,
    /// Whether its values are single ones: neither lists nor objects.
    single: bool,
}

impl<'a> Form<'a> {
    fn of(document: &'a Document, parameter: &Parameter<'a>) -> Self {
        let style = parameter.at.text("style").unwrap_or(match parameter.place.as_str() {
            "query" | "cookie" => "form",
            _ => "simple",
        });
        let explode = parameter.at.value.get("explode").and_then(Value::as_bool).unwrap_or(style == "form");
        Self {
            style,
            explode,
            reserved: parameter.at.is_true("allowReserved"),
            empty: parameter.at.is_true("allowEmptyValue"),
            single: schema(document, parameter).is_some_and(|schema| is_single(&schema)),
        }
    }

    /// Whether the value is written as it is.
    fn is_plain(&self) -> bool {
        self.single && !matches!(self.style, "label" | "matrix")
    }
}

fn schema<'a>(document: &'a Document, parameter: &Parameter<'a>) -> Option<Schema<'a>> {
    Some(Schema::all(document, &[part(parameter, "")?]))
}

fn part<'a>(parameter: &Parameter<'a>, place: &str) -> Option<Part<'a>> {
    let At { value, pointer } = &parameter.at;
    let place = place.to_owned();
    if parameter.property.is_some() {
        return Some(Part { value, pointer: pointer.clone(), place });
    }
    Some(Part { value: value.get("schema")?, pointer: format!("{pointer}/schema"), place })
}

fn is_single(schema: &Schema<'_>) -> bool {
    let kinds = ["string", "integer", "number", "boolean"];
    schema.types.as_ref().is_some_and(|types| types.iter().all(|kind| kinds.contains(kind)))
}

/// The parameters that an exploded object stands for; else the parameter itself.
fn exploded<'a>(document: &'a Document, parameter: Parameter<'a>) -> Vec<Parameter<'a>> {
    let form = Form::of(document, &parameter);
    if form.style != "form" || !form.explode || !matches!(parameter.place.as_str(), "query" | "cookie") {
        return vec![parameter];
    }
    let Some(schema) = schema(document, &parameter) else { return vec![parameter] };
    let is_object = schema.types == Some(BTreeSet::from(["object"])) && schema.unions.is_empty();
    let properties: Vec<(&String, Part<'a>)> = schema
        .names("properties")
        .into_iter()
        .filter_map(|name| Some((name, schema.below("properties", name).into_iter().next()?)))
        .collect();
    let all_single = properties.iter().all(|(_, part)| is_single(&Schema::all(document, std::slice::from_ref(part))));
    if !is_object || properties.is_empty() || !all_single {
        return vec![parameter];
    }
    let one = |(name, part): (&String, Part<'a>)| Parameter {
        at: At::new(part.value, part.pointer),
        property: Some(parameter.is_required() && schema.required(name).is_some()),
        place: parameter.place.clone(),
        name: name.clone(),
    };
    properties.into_iter().map(one).collect()
}

/// The place of a parameter for people: of a shared one, its component or its path.
fn place(both: &Both<'_, '_>, document: &Document, parameter: &Parameter<'_>) -> String {
    if let Some(name) = document.component(&parameter.at.pointer, "parameters") {
        return format!("parameter {name}");
    }
    let path = format!("/paths/{}/parameters/", escape(both.new.path));
    let several = members(&document.root, "paths")
        .any(|(other, item)| other == both.new.path && item.as_object().is_some_and(|item| methods(item) > 1));
    if several && parameter.at.pointer.starts_with(&path) {
        return format!("{}: {} {}", both.new.path, parameter.place, parameter.name);
    }
    format!("{}: {} {}", both.name, parameter.place, parameter.name)
}

fn methods(item: &serde_json::Map<String, Value>) -> usize {
    item.keys().filter(|key| super::tree::METHODS.contains(&key.as_str())).count()
}
