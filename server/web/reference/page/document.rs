//! A document's page: introduction, first request, operations, errors, schemas.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::operation::{self, Around, method};
use super::{Links, Page, anchor, answers, schema};
use crate::web::reference::codes;
use crate::web::reference::prose::{Prose, schema_anchor};
use crate::web::reference::snippets::{self, Signatures};
use crate::web::reference::view::Reference;
use crate::web::reference::{Part, code, file};

/// The page.
pub(in crate::web::reference) fn write(part: &Part, links: &Links) -> String {
    let reference = &part.reference;
    let prose = Prose::new(reference.schemas.iter().map(|schema| schema.name.clone()));
    let page = Page {
        title: &reference.title,
        description: &format!("{} {}: operations, schemas, errors.", reference.title, reference.version),
        file: &file(reference.name),
        contents: contents(reference),
        main: html! {
            (head(part, links, &prose))
            (begin(part, &prose))
            (operations(part, links, &prose))
            (errors(reference, &prose))
            (schemas(reference, &prose))
        },
    };
    page.write(links)
}

fn contents(reference: &Reference) -> Markup {
    html! {
        input.filter type="search" placeholder="Filter" aria-label="Filter the contents" hidden;
        ul.plain {
            li { a href="#begin" { "Before you begin" } }
        }
        @for group in &reference.groups {
            p.label { (title_case(&group.name)) }
            ul {
                @for one in &group.operations {
                    li { a href=(format!("#{}", one.id)) { span { (one.summary) } (method(&one.method)) } }
                }
            }
        }
        p.label { "Errors" }
        ul.plain { li { a href="#errors" { "Statuses and codes" } } }
        p.label { "Schemas" }
        ul.plain {
            @for schema in &reference.schemas {
                li { a href=(format!("#{}", schema_anchor(&schema.name))) { (schema.name) } }
            }
        }
    }
}

fn head(part: &Part, links: &Links, prose: &Prose) -> Markup {
    let (reference, source) = (&part.reference, &part.reference.source);
    let name = reference.name;
    html! {
        div.lead {
            h1 { (reference.title) " " span.version { (reference.version) } }
            (prose.block(&reference.description))
            dl.source {
                div { dt { "Vendor" } dd { (source.owner) } }
                div { dt { "Release" } dd { (source.upstream) " " (source.version) ", " (source.date) } }
                div { dt { "Licence" } dd { (source.licence) } }
                div { dt { "Address" } dd { code { (part.url()) } " (" code { "port_base" } " + " (part.offset) ")" } }
                div { dt { "Document" } dd {
                    a href=(links.to(&format!("{name}.json"))) { "JSON" } ", " a href=(links.to(&format!("{name}.yaml"))) { "YAML" }
                    @if reference.foreign {
                        "; the vendor's alone: "
                        a href=(links.to(&format!("{name}.owner.json"))) { "JSON" } ", "
                        a href=(links.to(&format!("{name}.owner.yaml"))) { "YAML" }
                    }
                } }
            }
            p { (prose.inline(&source.decided)) }
            @if reference.foreign {
                p { "What is marked " (super::ours()) " is not in the vendor's document: Runyard adds it. No parameter, header or field that is added is ever required." }
            }
        }
    }
}

fn begin(part: &Part, prose: &Prose) -> Markup {
    let reference = &part.reference;
    let variables = snippets::variables(reference);
    let url = part.url();
    html! {
        section.begin id="begin" aria-labelledby="begin-name" {
            div.prose {
                h2 id="begin-name" { "Before you begin" " " (anchor("begin")) }
                p { "Start a server with " code { "runyard serve" } ". The commands below use these shell variables:" }
                dl.variables {
                    div { dt { code { (snippets::url_variable(reference.name)) } } dd { "The address of this API. A page that a server serves shows that server; an exported page shows the default." } }
                    @for variable in &variables {
                        div { dt { code { (variable.name) } } dd { (prose.inline(&variable.meaning)) } }
                    }
                }
                p { "Rust examples are bodies of an async function that returns a " code { "Result" } ", with the crate " code { "runyard-client" }
                    " and its feature " code { (reference.name) } "." }
                @for credential in &reference.credentials {
                    p { "Credentials: " code { (credential.name) } ". " (prose.inline(&credential.description))
                        " Operations marked " em { "credential" } " need one if authentication is enabled: add "
                        code { "-H \"" (credential.header) "\"" } "." }
                }
            }
            div.called {
                (code::block("Shell", "sh", Some("begin"), &format!("export {}={url}", snippets::url_variable(reference.name))))
            }
        }
    }
}

fn operations(part: &Part, links: &Links, prose: &Prose) -> Markup {
    let (reference, signatures) = (&part.reference, Signatures::of(part.surface));
    html! {
        @for group in &reference.groups {
            @let id = format!("group-{}", group.name.replace(' ', "-"));
            h2.group id=(id) { (title_case(&group.name)) " " (anchor(&id)) }
            (prose.block(&group.description))
            @for one in &group.operations {
                @let around = Around {
                    prose,
                    foreign: reference.foreign,
                    curl: snippets::curl(reference, one),
                    rust: snippets::rust(reference, &signatures, one, &part.url()),
                    events: links.to("mapping.html#events"),
                };
                (operation::section(one, &around))
            }
        }
    }
}

fn errors(reference: &Reference, prose: &Prose) -> Markup {
    let rows = codes::of(reference);
    // A code may have several statuses: links lead to the first.
    let mut named = BTreeSet::new();
    let (body, word, request) = refusals(reference.name);
    html! {
        h2.group #errors { "Errors " (anchor("errors")) }
        p { "Every answer that is not a success has the body " a href=(format!("#schema-{body}")) { (body) }
            ". Decide on " code { (word) } ", not on the message; " code { (request) } " finds the request in the server's log." }
        div.wide tabindex="0" role="group" aria-label="Error codes" {
            table {
                thead { tr { th scope="col" { "Status" } th scope="col" { "Code" } th scope="col" { "When" } th scope="col" { "Operations" } } }
                tbody {
                    @for row in rows {
                        tr {
                            td { span.status.bad { (row.code.status().as_u16()) } }
                            td { code id=[named.insert(row.code.as_str()).then(|| answers::code_anchor(row.code.as_str()))] { (row.code.as_str()) } }
                            td { (prose.inline(row.code.when())) }
                            td {
                                @if row.operations.is_empty() { "any request" }
                                @for (index, id) in row.operations.iter().enumerate() {
                                    @if index > 0 { ", " }
                                    a href=(format!("#{id}")) { code { (id) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A document's error body, and the places of the code and of the request's id.
fn refusals(document: &str) -> (&'static str, &'static str, &'static str) {
    match document {
        "toolregistry" => ("Error", "x-error-code", "x-request-id"),
        "acp" => ("ApiError", "code", "x-request-id"),
        "cargo" => ("ApiError", "reason", "x-request-id"),
        _ => ("ErrorEnvelope", "code", "extensions[\"runyard.request_id\"]"),
    }
}

fn schemas(reference: &Reference, prose: &Prose) -> Markup {
    html! {
        h2.group #schemas { "Schemas " (anchor("schemas")) }
        @for one in &reference.schemas {
            (schema::section(one, prose, reference.foreign))
        }
    }
}

/// `node_runs` as `Node runs`.
fn title_case(name: &str) -> String {
    let name = name.replace('_', " ");
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}
