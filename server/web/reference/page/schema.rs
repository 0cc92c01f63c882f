//! Schemas: a value's type, its rules, an object's fields, and each named schema as a section.

use maud::{Markup, html};

use super::{anchor, ours};
use crate::web::reference::code;
use crate::web::reference::prose::{Prose, schema_anchor};
use crate::web::reference::view::{Field, OtherFields, Schema, Shape, Use, Word};

/// A value's type in one line.
pub(super) fn shape(shape: &Shape) -> Markup {
    html! {
        span.shape {
            @for word in &shape.words {
                @match word {
                    Word::Plain(text) => (text),
                    Word::Schema(name) => a href=(format!("#{}", schema_anchor(name))) { (name) },
                }
            }
        }
    }
}

/// The rules for a value.
pub(super) fn rules(shape: &Shape, marked: bool) -> Markup {
    html! {
        @if !shape.rules.is_empty() {
            ul.rules {
                @for rule in &shape.rules {
                    li { (rule.name) " " code { (rule.value) } @if rule.ours && marked { " " (ours()) } }
                }
            }
        }
    }
}

/// Runyard's notes on a part of the vendor's document.
pub(super) fn notes(notes: &[String], prose: &Prose) -> Markup {
    html! {
        @for note in notes {
            p.note { span.tag.ours { "Runyard" } " " (prose.inline(note)) }
        }
    }
}

/// Fields as a list, with nested fields in place.
pub(super) fn fields(list: &[Field], prose: &Prose, foreign: bool) -> Markup {
    html! {
        ul.fields {
            @for field in list {
                li {
                    div.head {
                        code.field { (field.name) }
                        (shape(&field.shape))
                        @if field.required { span.tag.required { "required" } }
                        @if field.ours && foreign { (ours()) }
                    }
                    @if !field.description.is_empty() { div.about { (prose.block(&field.description)) } }
                    (rules(&field.shape, foreign))
                    (notes(&field.notes, prose))
                    @if !field.fields.is_empty() {
                        details {
                            summary { "Fields of " code { (field.name) } }
                            (fields(&field.fields, prose, foreign))
                        }
                    }
                }
            }
        }
    }
}

/// A named schema.
pub(super) fn section(schema: &Schema, prose: &Prose, foreign: bool) -> Markup {
    let id = schema_anchor(&schema.name);
    html! {
        section.schema id=(id) aria-labelledby=(format!("{id}-name")) {
            h3 id=(format!("{id}-name")) {
                (schema.name) " " (anchor(&id))
                @if schema.ours && foreign { " " (ours()) }
            }
            (prose.block(&schema.description))
            p.kind { (shape(&schema.shape)) @if let Some(other_fields) = said(schema.other_fields) { ". " (other_fields) } }
            (rules(&schema.shape, foreign))
            (notes(&schema.notes, prose))
            @if !schema.values.is_empty() { (values(schema, prose)) }
            @if !schema.fields.is_empty() { (fields(&schema.fields, prose, foreign)) }
            @if !schema.extensions.is_empty() { (extensions(schema, prose)) }
            @if let Some(example) = &schema.example {
                details { summary { "Example" } (code::block(&schema.name, "json", None, &code::pretty(example))) }
            }
            @if !schema.used_by.is_empty() { (used_by(schema)) }
        }
    }
}

/// The note on fields that an object does not name.
fn said(other_fields: OtherFields) -> Option<&'static str> {
    match other_fields {
        OtherFields::None => None,
        OtherFields::Closed => Some("Other fields are refused."),
        OtherFields::Open => Some("Other fields may be there."),
    }
}

fn values(schema: &Schema, prose: &Prose) -> Markup {
    html! {
        ul.values {
            @for (value, meaning) in &schema.values {
                li { code { (value) } @if let Some(meaning) = meaning { " " span.tag.ours { "Runyard" } " " (prose.inline(meaning)) } }
            }
        }
    }
}

fn extensions(schema: &Schema, prose: &Prose) -> Markup {
    html! {
        p.label { "What Runyard writes into its " code { "extensions" } }
        ul.fields {
            @for (key, meaning) in &schema.extensions {
                li { div.head { code.field { (key) } (ours()) } div.about { (prose.block(meaning)) } }
            }
        }
    }
}

fn used_by(schema: &Schema) -> Markup {
    html! {
        p.used {
            "Used by "
            @for (index, used) in schema.used_by.iter().enumerate() {
                @if index > 0 { ", " }
                @match used {
                    Use::Operation(id) => a href=(format!("#{id}")) { code { (id) } },
                    Use::Schema(name) => a href=(format!("#{}", schema_anchor(name))) { (name) },
                }
            }
            "."
        }
    }
}
