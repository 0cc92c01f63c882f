//! One document: the answers that it documents, and the schema of the lines of its event streams.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use jsonschema::Validator;
use runyard_api::host::{BodyRule, Checker, Document, Fault, Operation, Place};
use serde_json::{Value, json};

/// Every document that has code.
pub static DOCUMENTS: LazyLock<Vec<&Document>> =
    LazyLock::new(|| runyard_api::DOCUMENTS.iter().map(|(document, _)| *document).collect());

static CONTRACTS: LazyLock<Vec<Contract>> = LazyLock::new(|| DOCUMENTS.iter().copied().map(Contract::of).collect());

/// A document that is prepared to check answers.
pub struct Contract {
    pub document: &'static Document,
    full: Value,
    checker: Checker,
    /// The schema of a line of its streams. `None` where it has no streams.
    event: Option<Validator>,
}

impl Contract {
    /// The contract of the API with this name.
    pub fn named(api: &str) -> &'static Contract {
        CONTRACTS.iter().find(|one| one.document.name == api).unwrap_or_else(|| panic!("no API is named {api}"))
    }

    fn of(document: &'static Document) -> Contract {
        let full: Value = serde_json::from_str(document.full_json).unwrap();
        let items = items(&full);
        assert!(items.len() <= 1, "{}: streams of {items:?}", document.name);
        let event = items.iter().next().map(|item| validator(&full, item));
        Contract { document, checker: Checker::new(document).unwrap(), event, full }
    }

    pub fn operation(&self, id: &str) -> &'static Operation {
        self.document.operations.iter().find(|one| one.id == id).unwrap_or_else(|| panic!("no operation {id}"))
    }

    /// Whether no answer is left for the operation's `default`, because the document lists every status with which the
    /// host can refuse it. The recorder fails every test that sees an undocumented status of the dialect module. A 500
    /// is a bug, and a document that does not list it does not promise bugs.
    pub fn is_complete(&self, operation: &Operation) -> bool {
        let documented = |status: u16| operation.responses.iter().any(|one| one.status == status.to_string());
        let own =
            refusals().into_iter().filter(|fault| concerns(fault, operation)).map(|fault| fault.status().as_u16());
        own.filter(|status| *status != 500).all(documented)
    }

    /// Whether the document marks an operation as not served, so that it documents only refusals.
    pub fn is_not_served(&self, operation: &Operation) -> bool {
        self.full["paths"][operation.path][operation.method.to_lowercase()]["x-runyard-not-served"] == json!(true)
    }

    /// Whether the overlay marks the operation as Runyard's addition to the vendor's.
    pub fn is_added(&self, operation: &Operation) -> bool {
        self.full["paths"][operation.path][operation.method.to_lowercase()]["x-runyard-added"] == json!(true)
    }

    /// The codes that the document lists for a status of an operation (`x-runyard-codes`).
    pub fn codes(&self, operation: &str, status: u16) -> Vec<&str> {
        let one = self.operation(operation);
        let codes = &self.full["paths"][one.path][one.method.to_lowercase()]["x-runyard-codes"][status.to_string()];
        codes.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The status as the document writes it, or an error for an undocumented answer.
    pub fn check(
        &self,
        operation: &str,
        status: u16,
        media: Option<&str>,
        body: &[u8],
    ) -> Result<&'static str, String> {
        let written = self.checker.check(operation, status, media, body);
        written.map_err(|reason| format!("{}: {reason}", self.document.name))
    }

    /// One line of an event stream.
    pub fn check_line(&self, line: &str) -> Result<(), String> {
        if !self.streams_sse() {
            return self.check_event(line);
        }
        match line.trim_end_matches('\n').split_once(": ") {
            // This kind of keep-alive has its own event name; see `KEEP_ALIVE` in its dialect module.
            Some(("event", "keepalive") | ("data", "null")) if self.names_events() => Ok(()),
            Some(("event", name)) if self.names_events() && !name.is_empty() => Ok(()),
            Some(("data", event)) => self.check_event(event),
            // Where a stream covers several runs, an id names the run as well.
            Some(("id", id)) if self.document.name == "acp" && id.starts_with("evt_") => Ok(()),
            Some(("id", seq)) => seq.parse::<u64>().map(|_| ()).map_err(|error| format!("{line:?}: {error}")),
            None if matches!(line, "\n" | ":\n") => Ok(()),
            _ => Err(format!("{line:?} is no line of a server-sent event of ours")),
        }
    }

    /// Whether its events are server-sent events; otherwise they are NDJSON.
    fn streams_sse(&self) -> bool {
        let mut responses = self.document.operations.iter().flat_map(|operation| operation.responses);
        responses.any(|response| response.media == Some("text/event-stream"))
    }

    /// Whether each of its events has a name.
    fn names_events(&self) -> bool {
        self.document.name == "toolregistry"
    }

    fn check_event(&self, line: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(line).map_err(|error| format!("{line:?} is not JSON: {error}"))?;
        let event = self.event.as_ref().ok_or_else(|| format!("{line:?}: the document has no streams"))?;
        event.validate(&value).map_err(|error| format!("{line}: {error}"))
    }
}

/// The schemas of a document's stream items: names from every `x-item-schema`.
fn items(value: &Value) -> BTreeSet<String> {
    let below = match value {
        Value::Object(object) => object.values().flat_map(items).collect(),
        Value::Array(list) => list.iter().flat_map(items).collect(),
        _ => BTreeSet::new(),
    };
    let here = value.pointer("/x-item-schema/$ref").and_then(Value::as_str);
    let name = |reference: &str| reference.strip_prefix("#/components/schemas/").unwrap().to_owned();
    below.into_iter().chain(here.map(name)).collect()
}

/// One of each fault of the host.
fn refusals() -> Vec<Fault> {
    let text = || String::new();
    vec![
        Fault::UnknownPath { path: text() },
        Fault::MethodNotAllowed { method: text(), allow: Vec::new() },
        Fault::UnsupportedMediaType { found: None, expected: "" },
        Fault::BodyTooLarge { limit_bytes: 0 },
        Fault::BodyMissing,
        Fault::BodyBroken,
        Fault::BodySlow { limit: Duration::ZERO },
        Fault::BodyTooDeep { limit: 0 },
        Fault::NotJson { reason: text() },
        Fault::invalid(Place::Query, "", ""),
        Fault::Unauthenticated { reason: text(), why: "", challenge: text() },
        Fault::Forbidden { reason: text(), scope: None, challenge: None },
        Fault::Unavailable { reason: text(), retry_after: None },
        Fault::Stopping,
        Fault::Internal { reason: text() },
    ]
}

/// Whether a request for this operation can be refused with this fault.
fn concerns(fault: &Fault, operation: &Operation) -> bool {
    let has_body = operation.body != BodyRule::None;
    // Add a new fault to the list above as well.
    match fault {
        // These belong to no operation.
        Fault::UnknownPath { .. }
        | Fault::MethodNotAllowed { .. }
        | Fault::Misdirected { .. }
        | Fault::ForeignOrigin { .. } => false,
        Fault::UnsupportedMediaType { .. }
        | Fault::BodyTooLarge { .. }
        | Fault::BodyMissing
        | Fault::BodyBroken
        | Fault::BodySlow { .. }
        | Fault::BodyTooDeep { .. }
        | Fault::NotJson { .. } => has_body,
        Fault::Invalid { .. } => has_body || !operation.parameters.is_empty(),
        Fault::Unauthenticated { .. } | Fault::Forbidden { .. } | Fault::Unavailable { .. } => operation.secured,
        Fault::Stopping | Fault::Internal { .. } => true,
    }
}

/// A schema of the standard by its name, in the vendor's form: without our overlays.
pub fn standard(name: &str) -> Validator {
    static SCHEMAS: LazyLock<Value> = LazyLock::new(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/arp/schemas.yaml");
        serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    });
    validator(&SCHEMAS, name)
}

/// A validator for one of a document's schemas. It is read separately here, so that a fault of the API's own validator
/// shows.
fn validator(document: &Value, name: &str) -> Validator {
    validator_of(document, &json!({ "$ref": format!("#/components/schemas/{name}") }))
}

/// A validator for a schema anywhere in a document.
pub fn validator_of(document: &Value, schema: &Value) -> Validator {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    name_properties(&mut schema);
    jsonschema::draft202012::options().should_validate_formats(true).offline().build(&schema).unwrap()
}

/// OpenAPI 3.0 cannot express this, so the document uses an extension; here it becomes JSON Schema.
fn name_properties(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            if let Some(names) = object.remove("x-property-names") {
                object.insert("propertyNames".to_owned(), names);
            }
            object.values_mut().for_each(name_properties);
        }
        Value::Array(items) => items.iter_mut().for_each(name_properties),
        _ => {}
    }
}

#[test]
fn the_standards_own_example_of_a_bad_event_is_refused() {
    let gateway = Contract::named("run-gateway");
    let good = r#"{"run_id":"r","seq":0,"time":"2026-01-01T00:00:00Z","type":"run_started"}"#;
    assert_eq!(gateway.check_line(good), Ok(()));
    for bad in [
        r#"{"seq":0,"time":"2026-01-01T00:00:00Z","type":"run_started"}"#,
        r#"{"run_id":"r","seq":-1,"time":"2026-01-01T00:00:00Z","type":"run_started"}"#,
        r#"{"run_id":"r","seq":0,"time":"yesterday","type":"run_started"}"#,
        r#"{"run_id":"r","seq":0,"time":"2026-01-01T00:00:00Z","type":"surprised"}"#,
        r#"{"run_id":"r","seq":0,"time":"2026-01-01T00:00:00Z","type":"run_started","node_run_id":null}"#,
        r#"{"run_id":"r","seq":0,"time":"2026-01-01T00:00:00Z","type":"run_started","extensions":{"plain":1}}"#,
        r#"{"run_id":"r""#,
    ] {
        assert!(gateway.check_line(bad).is_err(), "{bad}");
    }
}
