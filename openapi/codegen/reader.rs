//! Reads a checked document into the [`Model`]: parameters, bodies and responses.
//!
//! What is not supported is refused for each operation. `responses.rs` reads responses.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::{self, escape, text};
use crate::model::{Answer, Body, Form, Model, Operation, Parameter, Place, Style};
use crate::refusal::{Effect, Refusal, Refusals};
use crate::report::Report;
use crate::{forms, names, paths, responses};

/// Reads a checked, self-contained document.
pub(crate) fn read(document: &Value, report: &mut Report, refusals: &mut Refusals) -> Model {
    let mut operations = Vec::new();
    let mut routes = paths::Routes::default();
    for (item, method, pointer, value) in document::operations(document) {
        let id = text(value, "operationId").unwrap_or_default();
        let mut reader = Reader { document, id, method, path: item, report: &mut *report, refusals: &mut *refusals };
        match reader.operation(&pointer, value, &mut routes) {
            Ok(operation) => operations.push(operation),
            Err(reason) => reader.lose(reason, Effect::LeftOut),
        }
    }
    let info = document.get("info").unwrap_or(&Value::Null);
    let errors = || operations.iter().flat_map(|operation| &operation.answers).filter(|answer| !answer.is_success());
    let problem_statuses = errors().filter_map(Answer::code).collect();
    let problem = shared_problem(errors(), report);
    Model {
        title: text(info, "title").unwrap_or("API").to_owned(),
        version: text(info, "version").unwrap_or_default().to_owned(),
        description: text(info, "description").unwrap_or_default().to_owned(),
        problem,
        problem_statuses,
        operations,
    }
}

fn shared_problem<'a>(errors: impl Iterator<Item = &'a Answer>, report: &mut Report) -> Option<Value> {
    let mut found: Option<&Value> = None;
    let json = errors.filter(|answer| answer.is_json());
    for (schema, _) in json.filter_map(|answer| answer.schema.as_ref()) {
        if found.is_some_and(|first| first != schema) {
            report.note("the document", "errors have different schemas, so an error's body is any JSON in code");
            return None;
        }
        found = Some(schema);
    }
    found.cloned()
}

/// One operation being read.
pub(crate) struct Reader<'a, 'r> {
    pub(crate) document: &'a Value,
    pub(crate) id: &'a str,
    method: &'a str,
    path: &'a str,
    pub(crate) report: &'r mut Report,
    refusals: &'r mut Refusals,
}

/// `Err` says why the operation is left out.
pub(crate) type Read<T> = Result<T, String>;

impl<'a> Reader<'a, '_> {
    /// Records something that is not supported for this operation.
    pub(crate) fn lose(&mut self, reason: impl Into<String>, effect: Effect) {
        let operation = Some((self.method.to_uppercase(), self.path.to_owned()));
        self.refusals.add(Refusal {
            operation,
            place: format!("operation {}", self.id),
            reason: reason.into(),
            effect,
        });
    }

    /// The target of a reference.
    pub(crate) fn resolve(&self, value: &'a Value, pointer: &str) -> Read<(&'a Value, String)> {
        document::resolved(self.document, value, pointer)
            .ok_or_else(|| format!("the reference at {pointer} leads nowhere"))
    }

    fn operation(&mut self, pointer: &str, value: &'a Value, routes: &mut paths::Routes) -> Read<Operation> {
        if !document::METHODS.contains(&self.method) {
            return Err(format!("the method {} (OpenAPI 3.2) is not carried", self.method.to_uppercase()));
        }
        let routable = match routes.add(self.method, self.path)? {
            None => true,
            Some(reason) => {
                self.lose(reason, Effect::ClientOnly);
                false
            }
        };
        let parameters = self.parameters(pointer, value)?;
        let body = self.body(pointer, value)?;
        let answers = responses::read(self, pointer, value)?;
        if value.get("callbacks").is_some() {
            self.report.note(self.id, "`callbacks` have no code");
        }
        let security = value.get("security").or_else(|| self.document.get("security")).and_then(Value::as_array);
        let secured = security
            .is_some_and(|all| all.iter().any(|one| one.as_object().is_some_and(|schemes| !schemes.is_empty())));
        let marked = value.get("x-runyard-idempotent") == Some(&Value::Bool(true));
        let texts = [text(value, "summary"), text(value, "description")];
        Ok(Operation {
            id: self.id.to_owned(),
            name: names::snake(self.id),
            method: self.method.to_uppercase(),
            path: self.path.to_owned(),
            description: texts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"),
            parameters,
            body,
            answers,
            secured,
            // RFC 9110, 9.2.2.
            idempotent: marked || matches!(self.method, "get" | "head" | "put" | "delete" | "options" | "trace"),
            routable,
        })
    }

    fn parameters(&mut self, pointer: &str, value: &'a Value) -> Read<Vec<Parameter>> {
        let item = format!("/paths/{}", escape(self.path));
        let shared = self.document.pointer(&item).and_then(|item| item.get("parameters")).and_then(Value::as_array);
        let own = value.get("parameters").and_then(Value::as_array);
        let listed = |list: Option<&'a Vec<Value>>, at: String| {
            list.into_iter()
                .flatten()
                .enumerate()
                .map(move |(index, entry)| (entry, format!("{at}/parameters/{index}")))
        };
        let mut parameters: Vec<Parameter> = Vec::new();
        for (entry, at) in listed(shared, item.clone()).chain(listed(own, pointer.to_owned())) {
            let (entry, at) = self.resolve(entry, &at)?;
            if let Some(parameter) = self.parameter(entry, &at)? {
                // An operation's own parameter replaces its path's.
                parameters.retain(|earlier| (earlier.place, &earlier.name) != (parameter.place, &parameter.name));
                parameters.push(parameter);
            }
        }
        self.fit_the_path(&mut parameters);
        self.name_apart(&mut parameters);
        Ok(parameters)
    }

    /// Adds a number to a parameter whose Rust name another field has.
    fn name_apart(&mut self, parameters: &mut [Parameter]) {
        let mut taken = BTreeSet::from(["body".to_owned()]);
        for parameter in parameters {
            let field = names::apart(&parameter.field, |name| taken.contains(name));
            if field != parameter.field {
                let note = format!("parameter `{}` is the field `{field}`: another has the name", parameter.name);
                self.report.note(self.id, note);
            }
            taken.insert(field.clone());
            parameter.field = field;
        }
    }

    /// Path parameters in the order of the path, each once; then the others as written.
    fn fit_the_path(&mut self, parameters: &mut Vec<Parameter>) {
        let wanted = paths::names(self.path);
        for missing in &wanted {
            if parameters.iter().any(|parameter| parameter.place == Place::Path && parameter.name == *missing) {
                continue;
            }
            let reason = format!("`{{{missing}}}` of the path is not among the parameters: it is taken for text");
            self.lose(reason, Effect::Assumed);
            parameters.push(Parameter {
                name: (*missing).to_owned(),
                field: names::snake(missing),
                place: Place::Path,
                required: true,
                many: false,
                style: Style::Commas,
                schema: serde_json::json!({ "type": "string" }),
                pointer: String::new(),
                description: String::new(),
            });
        }
        let stray =
            |parameter: &Parameter| parameter.place == Place::Path && !wanted.contains(&parameter.name.as_str());
        for parameter in parameters.iter().filter(|parameter| stray(parameter)) {
            self.lose(format!("path parameter `{}` is not in the path", parameter.name), Effect::Ignored);
        }
        parameters.retain(|parameter| !stray(parameter));
        parameters.sort_by_key(|parameter| match parameter.place {
            Place::Path => wanted.iter().position(|name| *name == parameter.name).unwrap_or_default(),
            _ => wanted.len(),
        });
    }

    fn parameter(&mut self, value: &'a Value, pointer: &str) -> Read<Option<Parameter>> {
        let Some(name) = text(value, "name") else { return Err(format!("the parameter at {pointer} has no name")) };
        let place = match text(value, "in") {
            Some("path") => Place::Path,
            Some("query") => Place::Query,
            Some("header")
                if ["accept", "content-type", "authorization"].contains(&name.to_ascii_lowercase().as_str()) =>
            {
                // OpenAPI 3.0.3, Parameter Object: such definitions are ignored.
                self.report.note(self.id, format!("header parameter `{name}` is ignored, as OpenAPI demands"));
                return Ok(None);
            }
            Some("header") => Place::Header,
            Some("cookie") => Place::Cookie,
            _ => return Err(format!("parameter `{name}` is neither in path, query, header nor cookie")),
        };
        if matches!(place, Place::Header | Place::Cookie) && !names::is_token(name) {
            return Err(format!("`{name}` is not a {} name", place.as_str()));
        }
        let mut required = value.get("required") == Some(&Value::Bool(true));
        if place == Place::Path && !required {
            self.lose(format!("path parameter `{name}` must say `required: true`"), Effect::Assumed);
            required = true;
        }
        let (schema, at, encoded) = self.parameter_schema(value, pointer);
        // A missing parameter is null already.
        let schema = without_null(schema);
        let (style, many) = if encoded { (Style::Json, false) } else { self.style(value, name, place, &schema)? };
        Ok(Some(Parameter {
            name: name.to_owned(),
            field: names::snake(name),
            place,
            required,
            many,
            style,
            schema,
            pointer: at,
            description: text(value, "description").unwrap_or_default().to_owned(),
        }))
    }

    /// The schema, its pointer, and whether the value is JSON text. Any JSON if there is no schema.
    fn parameter_schema(&mut self, value: &'a Value, pointer: &str) -> (Value, String, bool) {
        if let Some(schema) = value.get("schema") {
            return (schema.clone(), format!("{pointer}/schema"), false);
        }
        let content = document::entries(value, "content").next();
        let any = || Value::Object(serde_json::Map::new());
        match content.and_then(|(media, content)| Some((media, content.get("schema")?))) {
            Some((media, schema)) => (schema.clone(), format!("{pointer}/content/{}/schema", escape(media)), true),
            None => (any(), String::new(), content.is_some()),
        }
    }

    /// The style of the parameter, and whether it is a repeated array.
    fn style(&self, value: &Value, name: &str, place: Place, schema: &Value) -> Read<(Style, bool)> {
        let usual = if matches!(place, Place::Query | Place::Cookie) { "form" } else { "simple" };
        let style = text(value, "style").unwrap_or(usual);
        let explode = value.get("explode").and_then(Value::as_bool).unwrap_or(style == "form");
        let kind = self.kind(schema);
        let style = match (style, explode) {
            ("form", true) if place == Place::Query => Style::Repeated,
            ("form", _) => Style::Commas,
            ("simple", true) => Style::Pairs,
            ("simple", false) => Style::Commas,
            ("spaceDelimited", false) => Style::Spaces,
            ("pipeDelimited", false) => Style::Pipes,
            ("spaceDelimited" | "pipeDelimited", true) => Style::Repeated,
            ("deepObject", _) => Style::Brackets,
            ("label", false) if place == Place::Path => Style::Label,
            ("label", true) if place == Place::Path => Style::LabelPairs,
            ("matrix", false) if place == Place::Path => Style::Matrix,
            ("matrix", true) if place == Place::Path => Style::MatrixPairs,
            _ if !matches!(kind, Some("array" | "object")) && !matches!(style, "label" | "matrix") => Style::Commas,
            _ => return Err(format!("parameter `{name}` has style `{style}`, which is not carried: write `{usual}`")),
        };
        Ok((style, kind == Some("array") && style == Style::Repeated))
    }

    fn kind(&self, schema: &Value) -> Option<&'static str> {
        let (schema, _) = document::resolved(self.document, schema, "")?;
        match text(schema, "type") {
            Some("array") => Some("array"),
            Some("object") => Some("object"),
            None if schema.get("properties").is_some() => Some("object"),
            _ => None,
        }
    }

    fn body(&mut self, pointer: &str, value: &'a Value) -> Read<Option<Body>> {
        let Some(body) = value.get("requestBody") else { return Ok(None) };
        if matches!(self.method, "get" | "head" | "trace") {
            self.lose("a body with this method has no meaning (RFC 9110), and proxies drop it", Effect::Ignored);
            return Ok(None);
        }
        let (body, at) = self.resolve(body, &format!("{pointer}/requestBody"))?;
        let media: Vec<(&String, Form)> = document::entries(body, "content")
            .map(|(media, content)| (media, Form::of(media, content.get("schema"))))
            .collect();
        // Formats with types have precedence.
        let order = [Form::Json, Form::Fields, Form::Parts, Form::Text, Form::Bytes];
        let chosen = order.iter().find_map(|wanted| media.iter().find(|(_, form)| form == wanted));
        let Some((chosen, form)) = chosen else {
            self.lose("the request body has no content", Effect::Ignored);
            return Ok(None);
        };
        if media.len() > 1 {
            let all: Vec<String> = media.iter().map(|(media, _)| format!("`{media}`")).collect();
            self.report.note(self.id, format!("of the request bodies {}, only {chosen} has code", all.join(" and ")));
        }
        let content = format!("{at}/content/{}", escape(chosen));
        let found = self.document.pointer(&content);
        let schema = found.and_then(|content| content.get("schema"));
        let parts = found.filter(|_| *form == Form::Parts).map(|content| forms::read(self.document, content));
        Ok(Some(Body {
            required: body.get("required") == Some(&Value::Bool(true)),
            form: *form,
            media: if chosen.contains('*') { "application/json".to_owned() } else { (*chosen).clone() },
            schema: schema.cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new())),
            pointer: schema.map(|_| format!("{content}/schema")).unwrap_or_default(),
            description: text(body, "description").unwrap_or_default().to_owned(),
            parts: parts.unwrap_or_default(),
        }))
    }
}

fn without_null(mut schema: Value) -> Value {
    if let Value::Object(fields) = &mut schema {
        fields.shift_remove("nullable");
    }
    schema
}
