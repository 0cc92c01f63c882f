//! From a checked document to the [`Model`]: parameters, bodies and answers, one by one.
//!
//! What is refused here is what shows only when they are looked at one by one; the rest is in `check.rs`.

use std::path::Path;

use serde_json::Value;

use crate::document::{self, escape, text};
use crate::model::{Answer, Body, Model, Operation, Parameter, Place, is_json};
use crate::report::Report;
use crate::{Error, Result, names};

/// Reads a checked, self-contained document.
pub(crate) fn read(path: &Path, document: &Value, report: &mut Report) -> Result<Model> {
    let mut operations = Vec::new();
    for (item, method, pointer, value) in document::operations(document) {
        let id = text(value, "operationId").unwrap_or_default();
        let mut reader = Reader { path, document, id, report: &mut *report };
        operations.push(reader.operation(item, method, &pointer, value)?);
    }
    let info = document.get("info").unwrap_or(&Value::Null);
    let errors = || operations.iter().flat_map(|operation| &operation.answers).filter(|answer| !answer.is_success());
    let problem_statuses = errors().filter_map(Answer::code).collect();
    let problem = shared_problem(errors(), report);
    Ok(Model {
        title: text(info, "title").unwrap_or("API").to_owned(),
        version: text(info, "version").unwrap_or_default().to_owned(),
        description: text(info, "description").unwrap_or_default().to_owned(),
        problem,
        problem_statuses,
        operations,
    })
}

fn shared_problem<'a>(errors: impl Iterator<Item = &'a Answer>, report: &mut Report) -> Option<Value> {
    let mut found: Option<&Value> = None;
    for (schema, _) in errors.filter_map(|answer| answer.schema.as_ref()) {
        if found.is_some_and(|first| first != schema) {
            report.note("the document", "errors have different schemas, so an error's body is any JSON in code");
            return None;
        }
        found = Some(schema);
    }
    found.cloned()
}

struct Reader<'a, 'r> {
    path: &'a Path,
    document: &'a Value,
    id: &'a str,
    report: &'r mut Report,
}

impl<'a> Reader<'a, '_> {
    fn refuse<T>(&self, reason: impl Into<String>) -> Result<T> {
        Err(Error::unsupported(self.path, format!("operation {}", self.id), reason))
    }

    /// What stands at the end of a reference. `check.rs` made sure that there is something.
    fn resolve(&self, value: &'a Value, pointer: &str) -> (&'a Value, String) {
        document::resolved(self.document, value, pointer).unwrap_or((&Value::Null, pointer.to_owned()))
    }

    fn operation(&mut self, path: &'a str, method: &str, pointer: &str, value: &'a Value) -> Result<Operation> {
        let parameters = self.parameters(path, pointer, value)?;
        let body = self.body(pointer, value)?;
        let answers = self.answers(pointer, value)?;
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
            method: method.to_uppercase(),
            path: path.to_owned(),
            description: texts.into_iter().flatten().collect::<Vec<_>>().join("\n\n"),
            parameters,
            body,
            answers,
            secured,
            // RFC 9110, 9.2.2.
            idempotent: marked || matches!(method, "get" | "head" | "put" | "delete" | "options" | "trace"),
        })
    }

    fn parameters(&mut self, path: &str, pointer: &str, value: &'a Value) -> Result<Vec<Parameter>> {
        let item = format!("/paths/{}", escape(path));
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
            let (entry, at) = self.resolve(entry, &at);
            if let Some(parameter) = self.parameter(entry, &at)? {
                // An operation's own parameter replaces its path's.
                parameters.retain(|earlier| (earlier.place, &earlier.name) != (parameter.place, &parameter.name));
                parameters.push(parameter);
            }
        }
        self.named_alike(&parameters)?;
        self.fit_the_path(path, &mut parameters)?;
        Ok(parameters)
    }

    fn named_alike(&self, parameters: &[Parameter]) -> Result<()> {
        for (index, parameter) in parameters.iter().enumerate() {
            if parameter.field == "body" || parameters[..index].iter().any(|earlier| earlier.field == parameter.field) {
                return self.refuse(format!(
                    "parameter `{}` has the Rust name of another field, `{}`",
                    parameter.name, parameter.field
                ));
            }
        }
        Ok(())
    }

    fn fit_the_path(&self, path: &str, parameters: &mut [Parameter]) -> Result<()> {
        let wanted: Vec<&str> = path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        let given =
            |name: &str| parameters.iter().any(|parameter| parameter.place == Place::Path && parameter.name == name);
        if let Some(missing) = wanted.iter().find(|name| !given(name)) {
            return self.refuse(format!("`{{{missing}}}` of the path is not among the parameters"));
        }
        let stray = parameters
            .iter()
            .find(|parameter| parameter.place == Place::Path && !wanted.contains(&parameter.name.as_str()));
        if let Some(stray) = stray {
            return self.refuse(format!("path parameter `{}` is not in the path", stray.name));
        }
        // Path parameters in the order of the path, then the rest as written.
        parameters.sort_by_key(|parameter| match parameter.place {
            Place::Path => wanted.iter().position(|name| *name == parameter.name).unwrap_or_default(),
            _ => wanted.len(),
        });
        Ok(())
    }

    fn parameter(&mut self, value: &'a Value, pointer: &str) -> Result<Option<Parameter>> {
        let Some(name) = text(value, "name") else {
            return self.refuse(format!("the parameter at {pointer} has no name"));
        };
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
            Some("cookie") => return self.refuse(format!("parameter `{name}` is a cookie, which has no carrier here")),
            _ => return self.refuse(format!("parameter `{name}` is neither in path, query nor header")),
        };
        let Some(schema) = value.get("schema") else {
            return self.refuse(format!("parameter `{name}` has no `schema` (`content` is not carried)"));
        };
        let required = value.get("required") == Some(&Value::Bool(true));
        if place == Place::Path && !required {
            return self.refuse(format!("path parameter `{name}` must say `required: true`"));
        }
        if place == Place::Header && !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
            return self.refuse(format!("`{name}` is not a header name"));
        }
        let many = self.style(value, name, place, schema)?;
        Ok(Some(Parameter {
            name: name.to_owned(),
            field: names::snake(name),
            place,
            required,
            many,
            schema: schema.clone(),
            pointer: format!("{pointer}/schema"),
            description: text(value, "description").unwrap_or_default().to_owned(),
        }))
    }

    /// Whether the parameter is a list, after everything about its form that cannot be carried was refused.
    fn style(&self, value: &Value, name: &str, place: Place, schema: &'a Value) -> Result<bool> {
        let usual = if place == Place::Query { "form" } else { "simple" };
        match text(value, "style") {
            None => {}
            Some(style) if style == usual => {}
            Some(style) => {
                return self.refuse(format!("parameter `{name}` has style `{style}`: only `{usual}` is carried"));
            }
        }
        match (self.kind(schema), place) {
            (Some("object"), _) => self.refuse(format!("parameter `{name}` is an object: make each field a parameter")),
            (Some("array"), Place::Query) if value.get("explode") == Some(&Value::Bool(false)) => self.refuse(format!(
                "parameter `{name}` is a list with `explode: false`, which clients would send repeated all the same"
            )),
            (Some("array"), Place::Query) => Ok(true),
            (Some("array"), _) => self.refuse(format!("parameter `{name}` is a list outside of the query")),
            _ => Ok(false),
        }
    }

    fn kind(&self, schema: &'a Value) -> Option<&'a str> {
        let (schema, _) = self.resolve(schema, "");
        text(schema, "type").or_else(|| schema.get("properties").map(|_| "object"))
    }

    fn body(&mut self, pointer: &str, value: &'a Value) -> Result<Option<Body>> {
        let Some(body) = value.get("requestBody") else { return Ok(None) };
        if matches!(pointer.rsplit('/').next(), Some("get" | "head" | "trace")) {
            return self.refuse("a body with this method has no meaning (RFC 9110), and proxies drop it");
        }
        let (body, at) = self.resolve(body, &format!("{pointer}/requestBody"));
        let media: Vec<&String> = document::entries(body, "content").map(|(media, _)| media).collect();
        let Some(chosen) = media.iter().find(|media| is_json(media)) else {
            return self.refuse(format!("the request body is {}: only JSON is carried", list(&media)));
        };
        if media.len() > 1 {
            self.report.note(self.id, format!("of the request bodies {}, only {chosen} has code", list(&media)));
        }
        let content = format!("{at}/content/{}", escape(chosen));
        let Some(schema) = self.document.pointer(&content).and_then(|content| content.get("schema")) else {
            return self.refuse("the request body has no schema: write `schema: {}` for any JSON");
        };
        Ok(Some(Body {
            required: body.get("required") == Some(&Value::Bool(true)),
            schema: schema.clone(),
            pointer: format!("{content}/schema"),
            description: text(body, "description").unwrap_or_default().to_owned(),
        }))
    }

    fn answers(&mut self, pointer: &str, value: &'a Value) -> Result<Vec<Answer>> {
        let mut answers = Vec::new();
        for (status, response) in document::entries(value, "responses") {
            let (response, at) = self.resolve(response, &format!("{pointer}/responses/{}", escape(status)));
            self.status(status)?;
            if response.get("links").is_some() {
                self.report.note(self.id, "`links` have no code");
            }
            let answer = |media: Option<&String>, schema| Answer {
                status: status.clone(),
                media: media.cloned(),
                schema,
                description: text(response, "description").unwrap_or_default().to_owned(),
                headers: document::entries(response, "headers").map(|(name, _)| name.clone()).collect(),
            };
            let mut bare = true;
            for (media, content) in document::entries(response, "content") {
                bare = false;
                let schema = content
                    .get("schema")
                    .map(|schema| (schema.clone(), format!("{at}/content/{}/schema", escape(media))));
                if schema.is_none() && is_json(media) {
                    return self.refuse(format!("answer {status} has no schema: write `schema: {{}}` for any JSON"));
                }
                answers.push(answer(Some(media), schema));
            }
            if bare {
                answers.push(answer(None, None));
            }
        }
        self.enough(&answers)?;
        Ok(answers)
    }

    fn status(&self, status: &str) -> Result<()> {
        match (status, status.parse::<u16>()) {
            ("default" | "4XX" | "5XX", _) => Ok(()),
            (_, Ok(code)) if names::status(code).is_some() => Ok(()),
            (_, Ok(code)) => self.refuse(format!("status {code} is not one that the generator has a name for")),
            _ => self.refuse(format!("`{status}` is not carried: write single statuses, `4XX`, `5XX` or `default`")),
        }
    }

    fn enough(&self, answers: &[Answer]) -> Result<()> {
        if !answers.iter().any(Answer::is_success) {
            return self.refuse("documents no success");
        }
        for (index, answer) in answers.iter().enumerate() {
            let kind = |answer: &Answer| answer.media.is_some() && answer.is_json();
            let twice =
                answers[..index].iter().any(|other| other.status == answer.status && kind(other) && kind(answer));
            if twice {
                return self.refuse(format!("answer {} has two JSON bodies", answer.status));
            }
        }
        Ok(())
    }
}

fn list(media: &[&String]) -> String {
    if media.is_empty() {
        "nothing".into()
    } else {
        media.iter().map(|media| format!("`{media}`")).collect::<Vec<_>>().join(" and ")
    }
}
