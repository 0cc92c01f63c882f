//! The surface: a summary of a document in a few lines, so that a change of the document is a small diff.
//!
//! It has types, bounds and statuses, but no descriptions.

use quote::ToTokens;
use serde_json::Value;
use syn::visit_mut::{self, VisitMut};

use crate::exchange::{Content, Typed};
use crate::model::{Answer, Form, Model};
use crate::{document, names};

/// Operations, then schemas.
pub(crate) fn of_document(name: &str, model: &Model, typed: &[Typed<'_>], schemas: &Value) -> String {
    let mut text = format!("{name}: {} {}\n", model.title, model.version);
    for one in typed {
        let operation = one.operation;
        text += &format!(
            "\n{} {} {}{}\n",
            operation.id,
            operation.method,
            operation.path,
            if operation.secured { " (secured)" } else { "" }
        );
        let fields: Vec<String> =
            one.fields.iter().map(|field| format!("{}: {}", field.name, short(&field.ty))).collect();
        let successes: Vec<String> =
            one.variants.iter().map(|variant| format!("{}{}", variant.name, content(&variant.content))).collect();
        text += &format!("    {}({}) -> {}\n", one.method, fields.join(", "), successes.join(" | "));
        for parameter in &operation.parameters {
            let required = if parameter.required { "!" } else { "?" };
            let place = format!("{:?}", parameter.place).to_lowercase();
            text += &format!("    {place} {}{required}: {}\n", parameter.name, shape(&parameter.schema));
        }
        if let Some(body) = operation.body.as_ref().filter(|body| body.form != Form::Json) {
            let required = if body.required { "!" } else { "?" };
            text += &format!("    body {}{required}: {}\n", body.media, shape(&body.schema));
        }
        // Sorted, `default` last: an overlay appends statuses, so their order has no meaning.
        let mut answers: Vec<&Answer> = operation.answers.iter().collect();
        answers.sort_by(|one, other| one.status.cmp(&other.status));
        for answer in answers {
            text += &format!("    {}\n", answered(answer));
        }
    }
    text + "\n" + &of_schemas(schemas)
}

/// One line per schema.
pub(crate) fn of_schemas(schemas: &Value) -> String {
    let all = schemas.as_object().into_iter().flatten();
    all.map(|(name, schema)| format!("{} = {}\n", names::pascal(name), shape(schema))).collect()
}

fn content(content: &Content) -> String {
    match content {
        Content::Nothing => String::new(),
        Content::Json(ty) => format!("({})", short(ty)),
        Content::Bytes(_) => "(stream)".into(),
    }
}

fn answered(answer: &Answer) -> String {
    let mut text = answer.status.clone();
    if let Some(media) = &answer.media {
        text += &format!(" {media}");
    }
    if let Some((schema, Some(_))) = &answer.schema {
        text += &format!(" {}", shape(schema));
    }
    if !answer.headers.is_empty() {
        text += &format!(" [{}]", answer.headers.join(", "));
    }
    text
}

/// A type without the paths.
fn short(ty: &syn::Type) -> String {
    struct Short;
    impl VisitMut for Short {
        fn visit_path_mut(&mut self, path: &mut syn::Path) {
            visit_mut::visit_path_mut(self, path);
            path.leading_colon = None;
            if let Some(last) = path.segments.pop() {
                path.segments.clear();
                path.segments.push(last.into_value());
            }
        }
    }
    let mut ty = ty.clone();
    Short.visit_type_mut(&mut ty);
    ty.to_token_stream().to_string().replace(' ', "")
}

/// A schema on one line. `!` is required, `?` optional; a closed object is `strict`.
fn shape(schema: &Value) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return names::pascal(reference.rsplit('/').next().unwrap_or(reference));
    }
    let mut text = unbounded(schema);
    let bounds = [
        "minimum",
        "exclusiveMinimum",
        "maximum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "pattern",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "default",
        "nullable",
        "x-property-names",
        "readOnly",
        "writeOnly",
    ];
    for bound in bounds {
        if let Some(value) = schema.get(bound) {
            text += &format!(" <{bound} {value}>");
        }
    }
    text
}

fn unbounded(schema: &Value) -> String {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values
            .iter()
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join("|");
    }
    let joined = |keyword: &str, by: &str| {
        let parts = schema.get(keyword).and_then(Value::as_array)?;
        Some(format!("({})", parts.iter().map(shape).collect::<Vec<_>>().join(by)))
    };
    if let Some(text) =
        joined("oneOf", " xor ").or_else(|| joined("anyOf", " or ")).or_else(|| joined("allOf", " and "))
    {
        return if schema.get("properties").is_some() { format!("{} and {text}", object(schema)) } else { text };
    }
    match document::text(schema, "type") {
        Some("array") => format!("[{}]", schema.get("items").map_or_else(|| "any".to_owned(), shape)),
        Some("object") => object(schema),
        Some(kind) => {
            document::text(schema, "format").map_or_else(|| kind.to_owned(), |format| format!("{kind}({format})"))
        }
        None if schema.get("properties").is_some() => object(schema),
        None => "any".into(),
    }
}

fn object(schema: &Value) -> String {
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let fields: Vec<String> = document::entries(schema, "properties")
        .map(|(name, field)| {
            format!("{name}{}: {}", if required.contains(&name.as_str()) { "!" } else { "?" }, shape(field))
        })
        .collect();
    match (fields.is_empty(), schema.get("additionalProperties")) {
        (true, Some(Value::Bool(false))) => "{} strict".into(),
        (true, Some(Value::Object(values))) => format!("map of {}", shape(&Value::Object(values.clone()))),
        (true, _) => "object".into(),
        (false, Some(Value::Bool(false))) => format!("{{ {} }} strict", fields.join(", ")),
        (false, _) => format!("{{ {} }}", fields.join(", ")),
    }
}
