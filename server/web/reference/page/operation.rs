//! An operation as a section: description, request and answers, with examples of calls beside them.

use maud::{Markup, html};

use super::answers::answers;
use super::{anchor, ours, schema};
use crate::web::reference::code;
use crate::web::reference::prose::Prose;
use crate::web::reference::view::{Body, Operation, Parameter};

/// The data that a section needs besides the operation.
pub(super) struct Around<'a> {
    pub(super) prose: &'a Prose,
    pub(super) foreign: bool,
    pub(super) curl: String,
    pub(super) rust: String,
    /// The page that lists events, with the equivalent in other APIs.
    pub(super) events: String,
}

/// The section.
pub(super) fn section(operation: &Operation, around: &Around<'_>) -> Markup {
    let name = format!("{}-name", operation.id);
    html! {
        section.operation id=(operation.id) aria-labelledby=(name) {
            div.prose {
                h3 id=(name) { (operation.summary) " " (anchor(&operation.id)) }
                p.route { (method(&operation.method)) " " code { (breakable(&operation.path)) } }
                (about(operation, around))
                @if !operation.parameters.is_empty() {
                    h4 { "Parameters" }
                    ul.fields { @for one in &operation.parameters { (parameter(one, around)) } }
                }
                @if let Some(body) = &operation.body { (request(body, around)) }
                h4 { "Answers" }
                (answers(&operation.answers, around.prose, around.foreign))
            }
            div.called {
                (code::block("curl", "sh", Some(&operation.id), &around.curl))
                (code::block("Rust", "rust", Some(&operation.id), &around.rust))
                @if let Some(answer) = operation.success() {
                    @if let Some(example) = &answer.example { (answered(&answer.status, example)) }
                }
            }
        }
    }
}

/// The example of an answer: JSON, or the text of a stream.
fn answered(status: &str, example: &serde_json::Value) -> Markup {
    let title = format!("Answer {status}");
    match example.as_str() {
        Some(text) => code::block(&title, "text", None, text.trim_end()),
        None => code::block(&title, "json", None, &code::pretty(example)),
    }
}

/// The method, with its colour.
pub(super) fn method(method: &str) -> Markup {
    html! { span.method.(method.to_lowercase()) { (method) } }
}

/// A path with a possible line break after each slash, so that it fits a narrow screen.
fn breakable(path: &str) -> Markup {
    html! {
        @for (index, part) in path.split('/').enumerate() {
            @if index > 0 { "/" wbr; }
            (part)
        }
    }
}

fn about(operation: &Operation, around: &Around<'_>) -> Markup {
    let has = |name: &str| operation.parameters.iter().any(|parameter| parameter.name == name);
    html! {
        (around.prose.block(&operation.description))
        (schema::notes(&operation.notes, around.prose))
        ul.facts {
            li { code { (operation.id) } }
            li { @if operation.secured { "credential" } @else { "no credentials" } }
            @if let Some(scope) = &operation.scope { li { "always asks for one, with the scope " code { (scope) } } }
            @if operation.method == "GET" && operation.stream.is_none() { li { "changes nothing" } }
            @if has("Idempotency-Key") { li { "safe to repeat with an " code { "Idempotency-Key" } } }
            @if operation.idempotent { li { "safe to repeat" } }
            @if operation.stream.is_some() {
                li { a href=(around.events) { "which events there are" } }
                li { "a stream: it goes on until the run has ended" }
                @if has("Last-Event-ID") { li { "resumes after the event named by " code { "after_seq" } " or " code { "Last-Event-ID" } } }
            }
        }
    }
}

fn parameter(parameter: &Parameter, around: &Around<'_>) -> Markup {
    html! {
        li {
            div.head {
                code.field { (parameter.name) }
                span.place { (parameter.place) }
                (schema::shape(&parameter.shape))
                @if parameter.required { span.tag.required { "required" } }
                @if parameter.ours && around.foreign { (ours()) }
            }
            div.about { (around.prose.block(&parameter.description)) }
            (schema::rules(&parameter.shape, around.foreign))
        }
    }
}

fn request(body: &Body, around: &Around<'_>) -> Markup {
    html! {
        h4 { "Body" }
        div.head {
            (schema::shape(&body.shape))
            code { (body.media) }
            @if body.required { span.tag.required { "required" } }
        }
        (around.prose.block(&body.description))
        (schema::fields(&body.fields, around.prose, around.foreign))
    }
}
