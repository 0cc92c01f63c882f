//! One run, every API: the tables of states and events.

use maud::{Markup, html};

use super::{Links, Page, anchor};
use crate::codes::REASONS;
use crate::dialects::mapping::{APIS, Line, events, node_run_states, run_states};
use crate::web::reference::file;
use crate::web::reference::prose::Prose;

/// The page.
pub(in crate::web::reference) fn write(links: &Links) -> String {
    let page = Page {
        title: "One run, every API",
        description: "How states and events of one run show on every API.",
        file: "mapping.html",
        contents: html! {
            ul.plain {
                li { a href="#run-states" { "States of a run" } }
                li { a href="#node-run-states" { "States of a node run" } }
                li { a href="#events" { "Events" } }
                li { a href="#reasons" { "Why a run failed" } }
            }
        },
        main: html! {
            div.lead {
                h1 { "One run, every API" }
                p { "A run has one log. Each API shows it in its own words. These tables are not written by hand: the code that answers requests
                    was asked what it says of every state that there is, and of every event." }
            }
            (table("run-states", "States of a run", "State", &run_states(), links))
            p.after { code { "waiting" } ": nothing is queued or at work, and something with a name is waited for." }
            (table("node-run-states", "States of a node run", "State", &node_run_states(), links))
            p.after { "The Runtime has no node runs: what is below a run shows as tool calls and steps of its event stream." }
            (table("events", "Events", "Recorded", &events(), links))
            p.after { "A number (" code { "seq" } ") counts what an API shows, from 1 and without gaps over a whole run; so the same event has
                other numbers on other APIs." }
            (reasons())
        },
    };
    page.write(links)
}

/// The error codes of runs, which are the same in every API.
fn reasons() -> Markup {
    let prose = Prose::default();
    html! {
        h2.group #reasons { "Why a run failed " (anchor("reasons")) }
        p { "The error of a run has the same code on every API: in " code { "extensions[\"runyard.error\"]" } " on the gateway and the coordinator, in "
            code { "error" } " on the Runtime and on the Runyard API. A composite that is completed from outside has the error that was reported." }
        div.wide tabindex="0" role="group" aria-label="Why a run failed" {
            table {
                thead { tr { th scope="col" { "Code" } th scope="col" { "When" } } }
                tbody {
                    @for (codes, when) in REASONS {
                        tr {
                            td { @for (index, code) in codes.iter().enumerate() { @if index > 0 { ", " } code { (code.as_str()) } } }
                            td { (prose.inline(when)) }
                        }
                    }
                }
            }
        }
    }
}

fn table(id: &str, title: &str, first: &str, lines: &[Line], links: &Links) -> Markup {
    html! {
        h2.group id=(id) { (title) " " (anchor(id)) }
        div.wide tabindex="0" role="group" aria-label=(title) {
            table.mapping {
                thead {
                    tr {
                        th scope="col" { (first) }
                        @for api in APIS {
                            th scope="col" {
                                (api.title)
                                div.documents {
                                    @for name in api.documents { a href=(links.to(&file(name))) { (name) } " " }
                                }
                            }
                        }
                    }
                }
                tbody {
                    @for line in lines {
                        tr {
                            th scope="row" { code { (line.word) } @if !line.when.is_empty() { span.when { (line.when) } } }
                            @for cell in &line.cells {
                                td {
                                    @if cell.is_empty() { span.nothing { "not shown" } }
                                    @for (index, word) in cell.iter().enumerate() {
                                        @if index > 0 { ", " }
                                        code { (word) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
