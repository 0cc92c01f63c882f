//! Every refusal in Cargo's error body: a reason in camel case, and a message. The body has no other fields, so the
//! message lists every fault.

use runyard_api::cargo::Problem;
use runyard_api::cargo::types::{ApiError, BatchDataKind, DataError};
use runyard_api::host::Caller;
use serde_json::Value;

use crate::codes::Code;
use crate::dialects::common::refusal::{Refusal, headers, of_runs};
use crate::objects;
use crate::runs::Error;

/// The detail with the vendor's reason for faulty batch records.
const DATA_ERROR: &str = "data_error";

/// How often a conflicting change is retried before the caller gets an error.
const TRIES: usize = 5;

/// A refusal as this API's error body.
pub(super) fn problem(_cx: &Caller, refusal: &Refusal) -> Problem {
    let data_error = refusal.details.get(DATA_ERROR).and_then(Value::as_str);
    let body = ApiError {
        reason: Some(camel(refusal.code.as_str())),
        error_message: Some(message(refusal)),
        data_error: data_error.map(|reason| DataError { reason: reason.to_owned() }),
    };
    Problem { status: refusal.status, headers: headers(refusal), body: Box::new(body) }
}

/// Converts `run_not_found` to `runNotFound`.
fn camel(code: &str) -> String {
    let mut words = code.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut said, word| {
        let mut letters = word.chars();
        said.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        said + letters.as_str()
    })
}

/// The message. If several fields are not valid, it lists each of them.
fn message(refusal: &Refusal) -> String {
    let listed = |key: &str| refusal.details.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |error: &Value, key: &str| error[key].as_str().unwrap_or_default().to_owned();
    let errors = listed("errors");
    if errors.len() > 1 {
        let each =
            |error: &Value| format!("{} {}: {}", text(error, "place"), text(error, "field"), text(error, "reason"));
        return errors.iter().map(each).collect::<Vec<_>>().join("; ");
    }
    let violations = listed("violations");
    if !violations.is_empty() {
        let each = |one: &Value| format!("{} {}", text(one, "field"), text(one, "reason"));
        return format!("{}: {}", refusal.message, violations.iter().map(each).collect::<Vec<_>>().join("; "));
    }
    refusal.message.clone()
}

/// One field that is not valid.
pub(super) fn invalid(field: &str, reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::InvalidRequest, format!("body {field}: {reason}"))
}

/// An operation of the document that is not supported.
pub(super) fn not_served(operation: &str) -> Refusal {
    Refusal::new(Code::NotServed, format!("this server does not do `{operation}`"))
}

/// The workflow does not exist.
pub(super) fn no_workflow(uuid: &str) -> Refusal {
    Refusal::new(Code::WorkflowNotFound, format!("there is no workflow `{uuid}`"))
}

/// The tool does not exist.
pub(super) fn no_tool(uuid: &str) -> Refusal {
    Refusal::new(Code::ToolNotFound, format!("there is no tool `{uuid}`"))
}

/// The integration does not exist.
pub(super) fn no_integration(slug: &str) -> Refusal {
    Refusal::new(Code::IntegrationNotFound, format!("there is no integration `{slug}`"))
}

/// The connector does not exist.
pub(super) fn no_connector(uuid: &str) -> Refusal {
    Refusal::new(Code::ConnectorNotFound, format!("there is no connector `{uuid}`"))
}

/// The agent does not exist.
pub(super) fn no_agent(uuid: &str) -> Refusal {
    Refusal::new(Code::AgentNotFound, format!("there is no agent `{uuid}`"))
}

/// The release does not exist.
pub(super) fn no_release(uuid: &str) -> Refusal {
    Refusal::new(Code::ReleaseNotFound, format!("there is no release `{uuid}`"))
}

/// A workflow of which nothing has been deployed.
pub(super) fn nothing_deployed(workflow: &str) -> Refusal {
    let message = format!("workflow `{workflow}` has no deployed release; deploy its draft first");
    Refusal::new(Code::NothingDeployed, message)
}

/// A workflow without a draft.
pub(super) fn no_draft(workflow: &str) -> Refusal {
    let message = format!("workflow `{workflow}` has no draft");
    Refusal::new(Code::DraftReleaseNotFound, message)
}

/// The nodes of a run are not valid.
pub(super) fn invalid_nodes(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidReleaseOrCustomNodes, message)
}

/// There are no nodes to execute.
pub(super) fn no_nodes() -> Refusal {
    Refusal::new(Code::NodesNotFound, "there are no nodes")
}

/// No start node is known.
pub(super) fn no_root() -> Refusal {
    let message = "there is no start node: one node must be `native` with actionSlug `start`";
    Refusal::new(Code::RootNodeNotFound, message)
}

/// A draft that cannot be executed.
pub(super) fn invalid_draft(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::DraftReleaseNodesAreInvalid, message)
}

/// A version that is not valid, or not later than the previous one.
pub(super) fn invalid_version(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidReleaseVersion, message)
}

/// A tool without form fields.
pub(super) fn no_form() -> Refusal {
    let message = "the draft of a tool needs formFields; a tool that asks for nothing has an empty list";
    Refusal::new(Code::ToolReleaseRequiresFormFields, message)
}

/// The batch does not exist.
pub(super) fn no_batch(uuid: &str) -> Refusal {
    Refusal::new(Code::BatchNotFound, format!("there is no batch `{uuid}`"))
}

/// A batch that can no longer be cancelled.
pub(super) fn batch_over(uuid: &str) -> Refusal {
    Refusal::new(Code::BatchAlreadyFinished, format!("batch `{uuid}` has ended"))
}

/// Records that only a data platform could load.
pub(super) fn invalid_data_kind(kind: BatchDataKind) -> Refusal {
    let message =
        format!("data of kind `{kind}` is not served: this server keeps no records; send them, as kind `records`");
    Refusal::new(Code::InvalidDataKind, message)
}

/// Records that are not valid, with the vendor's reason.
pub(super) fn data_error(reason: &str, message: impl Into<String>) -> Refusal {
    Refusal::new(Code::DataError, message).with(DATA_ERROR, reason)
}

/// More runs than one request may examine.
pub(super) fn too_many(max: usize) -> Refusal {
    let message = format!("more than {max} runs would have to be looked at; narrow the filters");
    Refusal::new(Code::TooManyRuns, message)
}

/// Makes a change, and retries it after a conflict with another change. Fields that are absent keep the value that the
/// other change wrote.
///
/// # Errors
/// The refusal of the change, or busy if every try had a conflict.
pub(super) async fn settled<T, Once>(once: impl Fn() -> Once) -> Result<T, Refusal>
where
    Once: Future<Output = Result<T, Refusal>>,
{
    for _ in 0..TRIES {
        match once().await {
            Err(refusal) if refusal.is(Code::ChangedMeanwhile) => {}
            answered => return answered,
        }
    }
    Err(of_runs(Error::Busy))
}

/// A refusal for an error of the object store.
pub(super) fn of_objects(error: objects::Error) -> Refusal {
    match error {
        objects::Error::Store(error) => of_runs(error.into()),
        objects::Error::Unreadable { .. } => {
            tracing::error!(%error, "what is stored does not read as it must");
            let message = "what is stored cannot be read; the server's log has the reason under the request id";
            Refusal::new(Code::InternalError, message)
        }
        objects::Error::Stale { .. } | objects::Error::NameTaken { .. } => {
            Refusal::new(Code::ChangedMeanwhile, error.to_string()).retryable(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_as_the_owner_writes_them() {
        assert_eq!(camel("run_not_found"), "runNotFound");
        assert_eq!(camel("invalid_release_or_custom_nodes"), "invalidReleaseOrCustomNodes");
        assert_eq!(camel("stopping"), "stopping");
    }
}
