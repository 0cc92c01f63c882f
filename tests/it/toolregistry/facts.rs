//! Our document matches the vendor's, fact by fact. The facts come from the operations that the vendor publishes:
//! paths, parameters, defaults, bounds, formats, enums, required fields, statuses.

use std::collections::BTreeSet;

use runyard_api::toolregistry::DOCUMENT;
use serde_json::{Value, json};

/// The facts of the published operations. `*` is required, `(...)` a format, `{...}` an enum, `[...]` a list.
pub(super) const FACTS: &str = "\
GET /v1/runs is RunController_listRuns
GET /v1/runs query includeEvents: boolean default false
GET /v1/runs query userId: string
GET /v1/runs query status: string{QUEUED RUNNING AUTH_REQUIRED PAUSED CANCELED NO_SUCCESS PARTIAL_SUCCESS SUCCESS FAILED}
GET /v1/runs query customerIntegrationIds: [string]
GET /v1/runs query page: number minimum 1 maximum 1000 default 1
GET /v1/runs query pageSize: number minimum 1 maximum 100 default 10
GET /v1/runs 200 application/json: [RunDto]
GET /v1/runs 401
GET /v1/runs 500
POST /v1/runs is RunController_createRun
POST /v1/runs body*: CreateRunRequest
POST /v1/runs 201 application/json: CreateRunResponse
POST /v1/runs 400
POST /v1/runs 401
GET /v1/runs/approval is RunController_runApproval
GET /v1/runs/approval query token*: string
GET /v1/runs/approval 201 application/json: nothing
GET /v1/runs/approval 400
GET /v1/runs/approval 401
GET /v1/runs/{runId} is RunController_getRun
GET /v1/runs/{runId} path runId*: string(uuid)
GET /v1/runs/{runId} query includeEvents: string
GET /v1/runs/{runId} 200 application/json: RunDto
GET /v1/runs/{runId} 401
GET /v1/runs/{runId} 404
DELETE /v1/runs/{runId} is RunController_abortRun
DELETE /v1/runs/{runId} path runId*: string(uuid)
DELETE /v1/runs/{runId} 200
DELETE /v1/runs/{runId} 401
DELETE /v1/runs/{runId} 404
GET /v1/runs/{runId}/sse is RunController_sse
GET /v1/runs/{runId}/sse path runId*: string(uuid)
GET /v1/runs/{runId}/sse query includeToolCalls: string
GET /v1/runs/{runId}/sse 200 text/event-stream: string
GET /v1/runs/{runId}/sse 401
GET /v1/runs/{runId}/sse 404
GET /v1/runs/{runId}/sse 500
RunDto.runId*: string(uuid)
RunDto.repeatKey*: string(string)
RunDto.repeatRunId: string(uuid)
RunDto.status*: string{QUEUED RUNNING AUTH_REQUIRED PAUSED CANCELED NO_SUCCESS PARTIAL_SUCCESS SUCCESS FAILED}
RunDto.executionPlanId*: string(uuid)
RunDto.events*: [object]
RunDto.result: object
RunDto.intent*: string
RunDto.context*: string
RunDto.createdAt*: string(date-time)
RunDto.updatedAt*: string(date-time)
CreateRunRequest.intent*: string
CreateRunRequest.selectedCustomerIntegrationIds*: [string]
CreateRunRequest.context*: string
CreateRunRequest.userId*: string
CreateRunRequest.approvalStrategy: string{NONE ON_TOOL_CALL ON_START}
CreateRunRequest.repeatKey: string(string)
CreateRunRequest.outputSchema: object(json-schema)
CreateRunRequest.passThrough: [CustomerProvidedPassThrough]
CustomerProvidedPassThrough.customerIntegrationId*: string
CustomerProvidedPassThrough.headers: object
CustomerProvidedPassThrough.query: object
CustomerProvidedPassThrough.values: CustomerProvidedAwsCredentials | CustomerProvidedAwsAssumeRole | CustomerProvidedOktaCredentials
CustomerProvidedAwsCredentials.accessKeyId*: string
CustomerProvidedAwsCredentials.secretAccessKey*: string
CustomerProvidedAwsCredentials.sessionToken*: string
CustomerProvidedAwsAssumeRole.roleArn*: string
CustomerProvidedAwsAssumeRole.externalId*: string
CustomerProvidedOktaCredentials.clientId*: string
CustomerProvidedOktaCredentials.kid*: string
CustomerProvidedOktaCredentials.privateKey*: string
CustomerProvidedOktaCredentials.oauthTokenUrl*: string
CustomerProvidedOktaCredentials.scope*: string
CustomerProvidedOktaCredentials.host: string
CreateRunResponse.runId*: string(uuid)
CreateRunResponse.repeatKey*: string(string)
CreateRunResponse.status*: string{QUEUED RUNNING AUTH_REQUIRED PAUSED CANCELED NO_SUCCESS PARTIAL_SUCCESS SUCCESS FAILED}
CreateRunResponse.events*: [object]
CreateRunResponse.executionPlanId*: string(uuid)
CreateRunResponse.plan*: ExecPlanByIdResponseDto
CreateRunResponse.repeatRunId: string(uuid)
ExecPlanByIdResponseDto.planType*: string{json text}
ExecPlanByIdResponseDto.plan*: ExecPlanDto | string
ExecPlanDto.title: string
ExecPlanDto.description*: string
ExecPlanDto.steps*: [ExecPlanStepDto]
ExecPlanStepDto.id*: string
ExecPlanStepDto.description*: string
ExecPlanStepDto.dependsOnSteps*: [string]
";

/// Facts that our document lacks, and why.
const NOT_SAID: [(&str, &str); 1] = [(
    "GET /v1/runs/approval 201 application/json: nothing",
    "the schema of that answer is a reference to nothing; there is no content",
)];

/// Facts that our document adds, and why.
const SAID: [(&str, &str); 7] = [
    ("GET /v1/runs/approval 201", "the same answer, without content"),
    ("GET /v1/execution-plans/{executionPlanId} is ", "from the vendor's pages, which tell no operation ids"),
    ("GET /v1/execution-plans/{executionPlanId} path ", "from the vendor's pages"),
    ("GET /v1/execution-plans/{executionPlanId} 200 ", "from the vendor's pages"),
    ("GET /v1/execution-plans/{executionPlanId} 40", "from the vendor's pages"),
    ("GET /v1/integrations ", "from the vendor's pages, which tell no operation ids"),
    ("IntegrationResponseDto.", "from the vendor's pages"),
];

fn said() -> BTreeSet<String> {
    let owner: Value = serde_json::from_str(DOCUMENT.owner_json).unwrap();
    let document = Document(&owner);
    let mut found = BTreeSet::new();
    for operation in DOCUMENT.operations {
        let item = &owner["paths"][operation.path];
        // Additions of our overlay.
        if item.get(operation.method.to_lowercase()).is_none() {
            continue;
        }
        found.extend(document.operation(operation.method, operation.path, item));
    }
    for (name, schema) in owner["components"]["schemas"].as_object().unwrap() {
        let required = schema["required"].as_array().into_iter().flatten().collect::<Vec<_>>();
        for (field, inner) in schema["properties"].as_object().into_iter().flatten() {
            let star = if required.contains(&&Value::from(field.as_str())) { "*" } else { "" };
            found.insert(format!("{name}.{field}{star}: {}", document.kind(inner)));
        }
    }
    found
}

struct Document<'a>(&'a Value);

impl Document<'_> {
    fn operation(&self, method: &str, path: &str, item: &Value) -> Vec<String> {
        let (operation, head) = (&item[method.to_lowercase()], format!("{method} {path}"));
        let mut found = vec![format!("{head} is {}", operation["operationId"].as_str().unwrap())];
        let shared = item["parameters"].as_array().into_iter().flatten();
        for parameter in shared.chain(operation["parameters"].as_array().into_iter().flatten()) {
            let text = |key: &str| parameter[key].as_str().unwrap();
            let star = if parameter["required"] == true { "*" } else { "" };
            found.push(format!("{head} {} {}{star}: {}", text("in"), text("name"), self.kind(&parameter["schema"])));
        }
        if let Some(body) = operation.get("requestBody") {
            let star = if body["required"] == true { "*" } else { "" };
            found.push(format!("{head} body{star}: {}", self.kind(&body["content"]["application/json"]["schema"])));
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            match response["content"].as_object() {
                Some(content) => found.extend(
                    content
                        .iter()
                        .map(|(media, one)| format!("{head} {status} {media}: {}", self.kind(&one["schema"]))),
                ),
                None => found.push(format!("{head} {status}")),
            }
        }
        found
    }

    /// A schema as a short text. An object is shown by its name; other named schemas are expanded, because the vendor
    /// expands them.
    fn kind(&self, schema: &Value) -> String {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.0.pointer(&reference[1..]).unwrap();
            let name = reference.rsplit('/').next().unwrap();
            return if target.get("properties").is_some() { name.to_owned() } else { self.kind(target) };
        }
        for (key, between) in [("allOf", " & "), ("oneOf", " | ")] {
            if let Some(parts) = schema[key].as_array() {
                return parts.iter().map(|part| self.kind(part)).collect::<Vec<_>>().join(between);
            }
        }
        let mut text = schema["type"].as_str().unwrap_or("any").to_owned();
        if text == "array" {
            return format!("[{}]", self.kind(&schema["items"]));
        }
        if let Some(words) = schema["enum"].as_array() {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            text.push_str(&format!("{{{}}}", words.join(" ")));
        }
        if let Some(format) = schema["format"].as_str() {
            text.push_str(&format!("({format})"));
        }
        for key in ["minimum", "maximum", "default"] {
            if let Some(value) = schema.get(key) {
                text.push_str(&format!(" {key} {value}"));
            }
        }
        text
    }
}

#[test]
fn our_document_is_the_owners_fact_by_fact() {
    let facts: BTreeSet<String> = FACTS.lines().map(str::to_owned).collect();
    let said = said();
    let missing: Vec<_> = facts.difference(&said).collect();
    assert_eq!(missing, NOT_SAID.iter().map(|(fact, _)| fact).collect::<Vec<_>>());
    let is_excused = |fact: &&String| !SAID.iter().any(|(beginning, _)| fact.starts_with(beginning));
    let beyond: Vec<_> = said.difference(&facts).filter(is_excused).collect();
    assert!(beyond.is_empty(), "{beyond:#?}");
    for (beginning, _) in SAID {
        assert!(said.iter().any(|fact| fact.starts_with(beginning)), "{beginning} excuses nothing");
    }
}

/// The defaults in the vendor's document, and those that only its pages describe. `lists.rs`, `watching.rs` and
/// `approvals.rs` test that they hold.
#[test]
fn the_defaults_are_in_the_document() {
    let full: Value = serde_json::from_str(DOCUMENT.full_json).unwrap();
    let parameter = |path: &str, name: &str| {
        let item = &full["paths"][path];
        let all = [&item["parameters"], &item["get"]["parameters"]].into_iter().filter_map(Value::as_array).flatten();
        all.into_iter().find(|one| one["name"] == name).unwrap()["schema"]["default"].clone()
    };
    for (path, name, default) in [
        ("/v1/runs", "includeEvents", json!(false)),
        ("/v1/runs", "page", json!(1)),
        ("/v1/runs", "pageSize", json!(10)),
        ("/v1/runs/{runId}", "includeEvents", json!("false")),
        ("/v1/runs/{runId}/sse", "includeToolCalls", json!("false")),
        ("/v1/integrations", "active", json!(true)),
    ] {
        assert_eq!(parameter(path, name), default, "{path} {name}");
    }
    assert_eq!(full["components"]["schemas"]["ApprovalStrategy"]["default"], "NONE");
    assert_eq!(full["components"]["schemas"]["OnStepFailure"]["default"], "FAIL");
}

/// Our overlay may not remove or narrow anything. It widens one format, so that ids of runs are accepted in every form.
#[test]
fn the_overlay_keeps_what_the_owner_says() {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let (owner, full) = (read(DOCUMENT.owner_json), read(DOCUMENT.full_json));
    let mut lost = Vec::new();
    compare("", &owner, &full, &mut lost);
    let forms = lost.iter().filter(|at| at.ends_with("/schema/format")).count();
    assert_eq!((forms, lost.len()), (4, 4), "{lost:#?}");
}

fn compare(at: &str, owner: &Value, full: &Value, lost: &mut Vec<String>) {
    match (owner, full) {
        (Value::Object(owner), Value::Object(full)) => {
            for (key, value) in owner {
                let null = Value::Null;
                compare(&format!("{at}/{key}"), value, full.get(key).unwrap_or(&null), lost);
            }
        }
        (Value::Array(owner), Value::Array(full)) if owner.len() == full.len() => {
            for (place, (owner, full)) in owner.iter().zip(full).enumerate() {
                compare(&format!("{at}/{place}"), owner, full, lost);
            }
        }
        _ if owner == full => {}
        _ => lost.push(at.to_owned()),
    }
}
