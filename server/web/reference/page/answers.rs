//! The answers of an operation: each status with its body, headers and codes.

use http::StatusCode;
use maud::{Markup, html};

use super::{ours, schema};
use crate::web::reference::prose::Prose;
use crate::web::reference::view::Answer;

/// The anchor of an error code on its page.
pub(super) fn code_anchor(code: &str) -> String {
    format!("code-{code}")
}

/// All answers: successes are shown, errors are folded.
pub(super) fn answers(list: &[Answer], prose: &Prose, foreign: bool) -> Markup {
    let (good, bad): (Vec<&Answer>, Vec<&Answer>) = list.iter().partition(|answer| answer.is_success());
    html! {
        ul.answers {
            @for one in good { (answer(one, prose, foreign)) }
        }
        @if !bad.is_empty() {
            details.errors {
                summary {
                    "Errors "
                    @for one in &bad { span.status.bad { (one.status) } " " }
                }
                ul.answers {
                    @for one in bad { (answer(one, prose, foreign)) }
                }
            }
        }
    }
}

fn answer(answer: &Answer, prose: &Prose, foreign: bool) -> Markup {
    let class = if answer.is_success() { "good" } else { "bad" };
    html! {
        li {
            div.head {
                span.status.(class) { (answer.status) }
                @if let Some(reason) = reason(&answer.status) { span.reason { (reason) } }
                @if let Some(shape) = &answer.shape { (schema::shape(shape)) }
                @if let Some(media) = answer.media.as_deref().filter(|media| *media != "application/json") { code { (media) } }
                @for media in &answer.other_media { " or " code { (media) } }
                @if answer.ours && foreign { (ours()) }
            }
            div.about { (prose.block(&answer.description)) }
            @if !answer.codes.is_empty() {
                p.codes {
                    "Codes: "
                    @for (index, code) in answer.codes.iter().enumerate() {
                        @if index > 0 { ", " }
                        a href=(format!("#{}", code_anchor(code))) { code { (code) } }
                    }
                }
            }
            @if !answer.headers.is_empty() {
                ul.fields {
                    @for header in &answer.headers {
                        li {
                            div.head {
                                code.field { (header.name) }
                                span.place { "header" }
                                (schema::shape(&header.shape))
                                @if header.ours && foreign { (ours()) }
                            }
                            div.about { (prose.block(&header.description)) }
                        }
                    }
                }
            }
        }
    }
}

/// The standard reason phrase of a status.
fn reason(status: &str) -> Option<&'static str> {
    if status == "default" {
        return Some("Anything else");
    }
    StatusCode::from_bytes(status.as_bytes()).ok()?.canonical_reason()
}
