//! The first page: every API.

use maud::html;

use super::{Links, Page};
use crate::web::reference::{Part, file};

/// The page.
pub(in crate::web::reference) fn write(parts: &[Part], links: &Links) -> String {
    let page = Page {
        title: "Every API",
        description: "The run APIs that Runyard serves, and how one run shows on each of them.",
        file: "index.html",
        contents: html! {
            p.label { "APIs" }
            ul.plain { @for part in parts { li { a href=(format!("#{}", part.reference.name)) { (part.reference.title) } } } }
            p.label { "More" }
            ul.plain {
                li { a href=(links.to("documentation.html")) { "Guides" } }
                li { a href=(links.to("mapping.html")) { "One run, every API" } } }
        },
        main: html! {
            div.lead {
                h1 { "Every API of Runyard" }
                p { "One server, several run APIs, each on a port of its own. A run is started through any of them, and can be watched,
                    canceled and answered through all of them." }
                p { "New to Runyard? Begin with the " a href=(links.to("start-quick-start.html")) { "quick start" } ". "
                    a href=(links.to("mapping.html")) { "One run, every API" } " shows how states and events appear in each." }
            }
            ul.cards {
                @for part in parts {
                    @let reference = &part.reference;
                    li id=(reference.name) {
                        h2 { a href=(links.to(&file(reference.name))) { (reference.title) } " " span.version { (reference.version) } }
                        p { (reference.description) }
                        dl.source {
                            div { dt { "Address" } dd { code { (part.url()) } " (" code { "port_base" } " + " (part.offset) ")" } }
                            div { dt { "Vendor" } dd { (reference.source.owner) } }
                            div { dt { "Release" } dd { (reference.source.upstream) " " (reference.source.version) ", " (reference.source.date) } }
                            div { dt { "Operations" } dd { (reference.operations().count()) } }
                            div { dt { "Document" } dd {
                                a href=(links.to(&format!("{}.json", reference.name))) { "JSON" } ", "
                                a href=(links.to(&format!("{}.yaml", reference.name))) { "YAML" }
                            } }
                        }
                    }
                }
            }
        },
    };
    page.write(links)
}
