//! The client, by progenitor.
//!
//! progenitor is given a document made anew from the [`Model`], with nothing in it that it would choke on or silently change,
//! and with schemas that are only names: the types are those of `types.rs`. What that costs the client is in the report.
//! How a request is sent, and what is made of the answer, is then `runtime.rs`' business.

use std::path::Path;

use openapiv3::OpenAPI;
use progenitor_impl::{GenerationSettings, HooksMode, TypeImpl};
use quote::quote;
use serde_json::{Map, Value, json};
use syn::{ImplItem, Item};

use crate::model::{Answer, Model, Operation, Place};
use crate::report::Report;
use crate::runtime::Runtime;
use crate::schema::plain;
use crate::{Error, Result, names, retype, types};

/// The content of the module `client`. `schemas` are the names of all types.
pub(crate) fn items<'a>(
    path: &Path,
    model: &Model,
    schemas: impl Iterator<Item = &'a String>,
    runtime: &Runtime<'_>,
    report: &mut Report,
) -> Result<Vec<Item>> {
    let schemas: Vec<&String> = schemas.collect();
    let document = document(model, &schemas, report);
    let place = "the client";
    let spec: OpenAPI = serde_json::from_value(document).map_err(|error| Error::Tool {
        path: path.to_owned(),
        place: place.into(),
        tool: "openapiv3",
        reason: error.to_string(),
    })?;
    let mut settings = GenerationSettings::new();
    let behaviour = runtime.path;
    settings.with_hooks(HooksMode::Expected).with_inner_type(quote!(::std::sync::Arc<dyn #behaviour::Behaviour>));
    settings.with_map_type("::std::collections::BTreeMap");
    for name in schemas {
        let name = names::pascal(name);
        // Display, because a path or header parameter is written by it; a type without it shows when the client is compiled.
        settings.with_replacement(
            &name,
            format!("super::types::{name}"),
            [TypeImpl::Display, TypeImpl::FromStr].into_iter(),
        );
    }
    let tokens = types::guarded(path, place, "progenitor", || {
        progenitor_impl::Generator::new(&settings).generate_tokens(&spec).map_err(|error| error.to_string())
    })?;
    let mut items = retype::items(tokens).map_err(|error| Error::Tool {
        path: path.to_owned(),
        place: place.into(),
        tool: "the parser of generated code",
        reason: error.to_string(),
    })?;
    only_our_types(path, &mut items)?;
    without_timeout(&mut items);
    runtime.put_under(&mut items, model);
    Ok(items)
}

/// progenitor's own module of types must have come out empty; it goes.
fn only_our_types(path: &Path, items: &mut Vec<Item>) -> Result<()> {
    for item in items.iter() {
        let Item::Mod(module) = item else { continue };
        let made = module.content.iter().flat_map(|(_, items)| items).find_map(|item| match item {
            Item::Struct(one) => Some(one.ident.to_string()),
            Item::Enum(one) => Some(one.ident.to_string()),
            _ => None,
        });
        if let (true, Some(made)) = (module.ident == "types", made) {
            let reason = format!("it made a second type `{made}` beside ours");
            return Err(Error::Tool { path: path.to_owned(), place: "the client".into(), tool: "progenitor", reason });
        }
    }
    items.retain(|item| !matches!(item, Item::Mod(module) if module.ident == "types" || module.ident == "prelude"));
    Ok(())
}

/// `Client::new` bounds every call as a whole, streams included: it goes, `new_with_client` stays.
fn without_timeout(items: &mut [Item]) {
    for item in items {
        let Item::Impl(block) = item else { continue };
        block.items.retain(|item| !matches!(item, ImplItem::Fn(function) if function.sig.ident == "new"));
    }
}

/// The document that progenitor reads.
fn document(model: &Model, schemas: &[&String], report: &mut Report) -> Value {
    let mut paths = Map::new();
    for operation in &model.operations {
        let item = paths.entry(operation.path.clone()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(item) = item {
            item.insert(operation.method.to_lowercase(), self::operation(model, operation, report));
        }
    }
    // Names only. The types behind them are ours.
    let schemas: Map<String, Value> = schemas.iter().map(|name| ((*name).clone(), json!({}))).collect();
    json!({
        "openapi": "3.0.3",
        "info": { "title": model.title, "version": model.version, "description": model.description },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

fn operation(model: &Model, operation: &Operation, report: &mut Report) -> Value {
    let parameters: Vec<Value> = operation
        .parameters
        .iter()
        .map(|parameter| {
            let place = match parameter.place {
                Place::Path => "path",
                Place::Query => "query",
                Place::Header => "header",
            };
            let required = parameter.required;
            json!({ "name": parameter.name, "in": place, "required": required, "description": parameter.description, "schema": plain(&parameter.schema) })
        })
        .collect();
    let mut made = json!({
        "operationId": operation.id,
        "description": operation.description,
        "parameters": parameters,
        "responses": responses(model, operation, report),
    });
    if let Some(body) = &operation.body {
        if !body.required {
            report.note(&operation.id, "the client always sends the optional body");
        }
        made["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": plain(&body.schema) } } });
    }
    made
}

fn responses(model: &Model, operation: &Operation, report: &mut Report) -> Value {
    let mut made = Map::new();
    let mut add = |status: &str, content: Value| {
        let mut response = json!({ "description": "" });
        if !content.is_null() {
            response["content"] = content;
        }
        made.entry(status.to_owned()).or_insert(response);
    };
    let id = &operation.id;
    let mut kept: Option<&Answer> = None;
    for answer in operation.answers.iter().filter(|answer| answer.is_success()) {
        let same = |first: &Answer| {
            first.schema.as_ref().map(|schema| &schema.0) == answer.schema.as_ref().map(|schema| &schema.0)
                && first.media == answer.media
        };
        let redirects = answer.code().is_some_and(|code| code >= 300);
        if let Some(first) = kept.filter(|first| first.status == answer.status) {
            if first.is_json() || answer.is_json() {
                report.note(
                    id,
                    format!(
                        "the client reads {} as {} only",
                        answer.status,
                        first.media.as_deref().unwrap_or("no body")
                    ),
                );
            }
            continue;
        }
        if redirects || kept.is_some_and(|first| !same(first)) {
            let media = answer.media.as_deref().unwrap_or("no body");
            report.note(
                id,
                format!("the client has no type for {} with {media}: it is a `CallError::Status`", answer.status),
            );
            continue;
        }
        kept = Some(kept.unwrap_or(answer));
        add(&answer.status, content(answer, answer.schema.as_ref().map(|schema| &schema.0)));
    }
    let errors = || operation.answers.iter().filter(|answer| !answer.is_success());
    let typed = |status: &str| {
        errors().any(|answer| answer.is_json() && (answer.status == status || answer.status == "default"))
    };
    for answer in errors() {
        let class = answer.status.chars().next().map(|digit| format!("{digit}XX")).unwrap_or_default();
        if answer.status == "default" && answer.is_json() {
            report.note(id, "`default` is `4XX` and `5XX` to the client");
        } else if answer.status != class && typed(&class) {
            // All errors have one type, so a class covers its statuses; progenitor would make arms that are never reached.
            continue;
        } else if !answer.is_json() {
            report.note(
                id,
                format!(
                    "the client has no type for {} without a JSON body: it is a `CallError::Status`",
                    answer.status
                ),
            );
            continue;
        }
        let any = json!({});
        let content = content(answer, Some(model.problem.as_ref().unwrap_or(&any)));
        if answer.status == "default" {
            add("4XX", content.clone());
            add("5XX", content);
        } else {
            add(&answer.status, content);
        }
    }
    Value::Object(made)
}

/// All JSON is `application/json` to progenitor, everything else a stream.
fn content(answer: &Answer, schema: Option<&Value>) -> Value {
    match (&answer.media, schema) {
        (None, _) => Value::Null,
        (Some(_), Some(schema)) if answer.is_json() => json!({ "application/json": { "schema": plain(schema) } }),
        (Some(media), _) => json!({ media.as_str(): { "schema": { "type": "string" } } }),
    }
}
