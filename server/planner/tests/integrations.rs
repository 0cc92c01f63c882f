//! Goals over a catalogue with integrations: which node types are found, what is read from a clause, and what is
//! refused.

use std::sync::Arc;

use proptest::prelude::*;
use runyard_engine::event::Failure;
use runyard_engine::{Constraints, Plan, SideEffect};
use serde_json::{Value, json};

use super::{inputs, request};
use crate::config::integrations::{Integration, parse};
use crate::nodes::catalog::Catalog;
use crate::nodes::integrations::Integrations;
use crate::nodes::perform::http::Http;
use crate::nodes::{Provider, Providers};
use crate::planner::LexicalPlanner;

fn planner() -> LexicalPlanner {
    let text = json!({ "type": "string" });
    let properties = json!({ "title": text, "body": text, "dueDate": text, "priority": { "type": "integer" }, "urgent": { "type": "boolean" } });
    let list = json!([{
        "id": "helpdesk", "name": "Helpdesk", "url": "https://helpdesk.example.org",
        "node_types": [
            {
                "slug": "create_ticket", "description": "Creates a ticket for the team.", "method": "POST", "path": "/tickets",
                "input_schema": { "type": "object", "properties": properties, "required": ["title"] }
            },
            { "slug": "list_tickets", "description": "Lists open tickets.", "path": "/tickets" },
            {
                "slug": "close_ticket", "description": "Closes a ticket for good, tomorrow or after approval.", "method": "POST",
                "path": "/tickets/{key}/close",
                "input_schema": { "type": "object", "properties": { "key": text, "level": { "type": "string", "enum": ["low", "very high"] } }, "required": ["key"] }
            },
            {
                "slug": "delete_ticket", "description": "Deletes a ticket.", "method": "DELETE", "path": "/tickets/{number}",
                "input_schema": { "type": "object", "properties": { "number": { "type": "integer" } }, "required": ["number"] }
            }
        ]
    }, {
        "id": "chat", "name": "Team Chat", "url": "https://chat.example.org",
        "node_types": [{
            "slug": "post_message", "name": "Post message", "description": "Posts into a channel.", "method": "POST", "path": "/messages",
            "verbs": ["announce"], "keywords": ["channel"],
            "input_schema": { "type": "object", "properties": { "text": text }, "required": ["text"] }
        }]
    }]);
    LexicalPlanner::new(with(&parse(&list).unwrap()))
}

/// The builtins and the node types of these integrations.
fn with(list: &[Integration]) -> Arc<Catalog> {
    let integrations = Integrations::listed(list, None);
    Providers::builtin_and(Http::default(), [Arc::new(integrations) as Arc<dyn Provider>]).catalog("default")
}

fn plan(goal: &str, context: Option<Value>) -> Result<Plan, Failure> {
    let context = context.map(|context| context.to_string());
    planner().plan_now(&request(json!({ "goal": goal, "context": context }), Constraints::default()))
}

/// The steps of a plan, or the code of its failure.
fn planned(goal: &str, context: Option<Value>) -> String {
    let name = |id: &str| id.rsplit('.').next().unwrap_or_default().to_owned();
    match plan(goal, context) {
        Ok(plan) => {
            let steps =
                plan.steps.iter().map(|step| format!("{} {}", name(&step.node_type.id), inputs(&step.inputs, step)));
            steps.collect::<Vec<_>>().join("; ")
        }
        Err(failure) => failure.code.to_string(),
    }
}

#[test]
fn goals_find_node_types_of_integrations() {
    for (goal, steps) in [
        ("Create a ticket in helpdesk with title \"No paper\"", "create_ticket {title=\"No paper\"}"),
        ("Create a ticket \"No paper\" in helpdesk", "create_ticket {title=\"No paper\"}"),
        ("Please open a helpdesk ticket with the title 'No paper'", "create_ticket {title=\"No paper\"}"),
        (
            "Add a ticket with title Printer, priority 3 and urgent yes",
            "create_ticket {title=\"Printer\", priority=3, urgent=true}",
        ),
        (
            "Create a ticket with title 'a', body 'b' and due date '2026-01-01'",
            "create_ticket {title=\"a\", body=\"b\", dueDate=\"2026-01-01\"}",
        ),
        ("Create a ticket with title 'a' and priority is 2", "create_ticket {title=\"a\", priority=2}"),
        ("List the tickets in helpdesk", "list_tickets {}"),
        ("Show me the helpdesk tickets", "list_tickets {}"),
        ("Delete the ticket with number 7 in helpdesk", "delete_ticket {number=7}"),
        ("Remove ticket number 7", "delete_ticket {number=7}"),
        ("Post the message 'hello' to the channel", "post_message {text=\"hello\"}"),
        ("Announce 'hello' in the channel", "post_message {text=\"hello\"}"),
        (
            "Generate a UUID, then create a ticket in helpdesk with title the uuid",
            "uuid4 {}; create_ticket {title<S1/uuid4>}",
        ),
        ("Generate a UUID, then post it to the team chat", "uuid4 {}; post_message {text<S1/uuid4>}"),
    ] {
        assert_eq!(planned(goal, None), steps, "{goal}");
    }
}

#[test]
fn context_values_are_read() {
    let context = json!({ "title": "No paper", "priority": 2 });
    let steps = "create_ticket {title=\"No paper\", priority=2}";
    assert_eq!(planned("Create a ticket in helpdesk", Some(context)), steps);
}

#[test]
fn a_thing_without_a_verb_changes_nothing() {
    for (goal, code) in [
        ("Burn the tickets in helpdesk", "clause_unmapped"),
        ("Ticket 7 in helpdesk", "clause_unmapped"),
        ("Create a poem", "clause_unmapped"),
        ("Delete everything", "clause_unmapped"),
        ("Close the ticket in helpdesk", "arguments_missing"),
        ("Do not delete ticket number 7", "clause_unmapped"),
        ("Create a ticket in helpdesk", "arguments_missing"),
        ("Delete a ticket in helpdesk", "arguments_missing"),
        ("Delete ticket number seven", "arguments_invalid"),
    ] {
        assert_eq!(planned(goal, None), code, "{goal}");
    }
}

/// Pairs of similar goals, of which the second has one word too many.
#[test]
fn a_side_effect_is_refused_if_a_word_is_unused() {
    for goal in [
        "Delete the ticket with number 7 in helpdesk tomorrow.",
        "Delete the ticket with number 7 in helpdesk after approval.",
        "Delete the ticket with number 7 in helpdesk, but only after approval",
        "Delete the ticket with number 7 in helpdesk in 2 days",
        "Delete the ticket with number 7 in helpdesk for Bob",
        "Delete all tickets with number 7 in helpdesk",
        "Delete only the first ticket with number 7",
        "Delete the ticket with number 7 in chat",
        "Delete ticket number 7 and number 8",
        "Delete today the ticket with number 7",
        "Delete ticket number 7 before that",
        "Delete ticket number 7 'tomorrow'",
        "Remove the link to ticket number 7",
        "Close ticket 'T-106' in helpdesk tomorrow.",
        "Close ticket 'T-106' in helpdesk after approval.",
        "Create a ticket 'No paper' in helpdesk for Bob",
        "Create a draft ticket 'No paper' in helpdesk",
        "Announce 'hello' in the channel at noon",
        "Tomorrow at noon:\n1. Delete the ticket with number 7 in helpdesk",
        "If Bob agrees:\n- Delete the ticket with number 7 in helpdesk\n- Generate a UUID",
        "Use integration.helpdesk.delete_ticket with number 7 tomorrow",
    ] {
        let failure = plan(goal, None).unwrap_err();
        assert_eq!(failure.code.as_str(), "clause_unmapped", "{goal}: {}", failure.message);
    }
    let failure = plan("Delete the ticket with number 7 in helpdesk tomorrow, after approval.", None).unwrap_err();
    assert!(failure.message.contains("(tomorrow, after, approval)"), "{}", failure.message);
}

#[test]
fn a_side_effect_is_planned_if_every_word_is_accounted_for() {
    for (goal, steps) in [
        ("Please delete the ticket with the number 7 in helpdesk now.", "delete_ticket {number=7}"),
        ("Could you remove helpdesk ticket number 7?", "delete_ticket {number=7}"),
        ("Close ticket 'T-106' in helpdesk", "close_ticket {key=\"T-106\"}"),
        ("Delete ticket number 7 after waiting 2 seconds", "sleep {seconds=2}; delete_ticket {number=7}"),
        ("Do the following:\n1. Delete the ticket with number 7 in helpdesk", "delete_ticket {number=7}"),
        ("Use integration.helpdesk.delete_ticket to delete ticket number 7", "delete_ticket {number=7}"),
        ("Call integration.helpdesk.delete_ticket with number 7", "delete_ticket {number=7}"),
    ] {
        assert_eq!(planned(goal, None), steps, "{goal}");
    }
}

#[test]
fn an_unquoted_value_extends_to_the_next_argument_or_to_the_end() {
    for (goal, steps) in [
        ("Create a ticket in helpdesk with title Alpha Beta.", "create_ticket {title=\"Alpha Beta\"}"),
        ("Create a ticket with title The Sea, the Sea", "create_ticket {title=\"The Sea, the Sea\"}"),
        ("Create a ticket with title To Be", "create_ticket {title=\"To Be\"}"),
        ("Create a ticket with title #5 (urgently)", "create_ticket {title=\"#5 (urgently)\"}"),
        (
            "Create a ticket with title Alpha Beta, body No paper left and priority 3",
            "create_ticket {title=\"Alpha Beta\", body=\"No paper left\", priority=3}",
        ),
        (
            "Create a ticket with priority 2, title Alpha Beta and with the due date 2026-01-01",
            "create_ticket {title=\"Alpha Beta\", dueDate=\"2026-01-01\", priority=2}",
        ),
        ("Close a ticket with level very high and key T-106", "close_ticket {key=\"T-106\", level=\"very high\"}"),
        ("Create a ticket with title Alpha 'Beta'", "clause_unmapped"),
        ("Create a ticket with title Printer is urgent", "clause_unmapped"),
    ] {
        assert_eq!(planned(goal, None), steps, "{goal}");
    }
}

#[test]
fn of_two_services_with_side_effects_one_must_be_named() {
    let service = |id: &str| {
        json!({
            "id": id, "name": id, "url": "https://example.org",
            "node_types": [{
                "slug": "delete_ticket", "description": "Deletes a ticket.", "method": "DELETE", "path": "/tickets/{number}",
                "input_schema": { "type": "object", "properties": { "number": { "type": "integer" } }, "required": ["number"] }
            }]
        })
    };
    let list = parse(&json!([service("desk"), service("helpdesk")])).unwrap();
    let planner = LexicalPlanner::new(with(&list));
    let plan = |goal: &str| planner.plan_now(&request(json!({ "goal": goal }), Constraints::default()));
    let failure = plan("Delete ticket number 7").unwrap_err();
    assert!(failure.message.contains("name the service"), "{}", failure.message);
    for service in ["desk", "helpdesk"] {
        let plan = plan(&format!("Delete ticket number 7 in {service}")).unwrap();
        assert_eq!(plan.steps[0].node_type.id, format!("integration.{service}.delete_ticket"));
    }
}

#[test]
fn a_url_is_read_and_its_text_is_hashed() {
    let hash = "fetch {url=\"https://example.org/a\"}; sha256 {text<S1/text>}";
    assert_eq!(planned("Get https://example.org/a, then hash the text", None), hash);
    assert_eq!(planned("Fetch https://example.org/a. Hash the text.", None), hash);
    let context = json!({ "url": "https://example.org/a" });
    assert_eq!(planned("Get URL, then hash the text", Some(context)), hash);
    assert_eq!(planned("Get URL, then hash the text", None), "arguments_missing");
    assert_eq!(planned("Delete https://example.org/a", None), "clause_unmapped");
}

#[test]
fn builtin_node_types_are_found_as_before() {
    for (goal, steps) in [
        ("Create a new UUID", "uuid4 {}"),
        ("Say 'create a ticket'", "echo {echo=\"create a ticket\"}"),
        ("Fetch https://example.org/a?b=c", "fetch {url=\"https://example.org/a?b=c\"}"),
        ("Download the page \"https://example.org/x\"", "fetch {url=\"https://example.org/x\"}"),
        ("Fetch the page", "arguments_missing"),
        ("Fetch https://a.example and https://b.example", "arguments_missing"),
    ] {
        assert_eq!(planned(goal, None), steps, "{goal}");
    }
}

proptest! {
    #[test]
    fn words_in_any_order_plan_no_removal_that_was_not_requested(words in prop::collection::vec(
        prop::sample::select(vec!["ticket", "tickets", "helpdesk", "number", "7", "title", "'x'", "the", "in", "list", "show", "it", "and", "with", "message"]), 0..9)
    ) {
        let planned = plan(&words.join(" "), None);
        let steps = planned.map(|plan| plan.steps).unwrap_or_default();
        prop_assert!(steps.iter().all(|step| step.node_type.side_effect == SideEffect::Read));
    }
}
