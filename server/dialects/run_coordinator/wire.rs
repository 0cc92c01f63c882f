//! Converts reports from executors to the engine's types.

use runyard_api::arp::schemas as arp;
use runyard_engine::event::{Artifact, Evaluation, EvaluationStatus, RecoveryAction};
use runyard_engine::{Completion, Object};
use serde_json::Value;

use crate::dialects::arp::wire::{failure, final_state};

/// A completion.
pub(super) fn completion(body: arp::NodeRunCompleteRequest) -> Completion {
    Completion {
        state: final_state(body.state),
        outputs: body.outputs,
        artifacts: body.output_artifacts.iter().flatten().map(|artifact| Artifact(object(artifact))).collect(),
        error: body.error.as_ref().map(failure),
    }
}

/// An evaluation.
pub(super) fn evaluation(result: &arp::EvaluationResult) -> Evaluation {
    Evaluation {
        status: match result.status {
            arp::EvaluationStatus::Success => EvaluationStatus::Success,
            arp::EvaluationStatus::Fail => EvaluationStatus::Fail,
            arp::EvaluationStatus::Unknown => EvaluationStatus::Unknown,
        },
        reason_code: result.reason_code.clone(),
        message: result.message.clone(),
        details: result.details.clone(),
        confidence: result.confidence,
        extensions: result.extensions.as_ref().map(object).unwrap_or_default(),
    }
}

/// A recovery action of the request.
pub(super) fn recovery(action: &arp::RecoveryAction) -> RecoveryAction {
    RecoveryAction(object(action))
}

fn object<T: serde::Serialize>(value: &T) -> Object {
    match serde_json::to_value(value) {
        Ok(Value::Object(object)) => object,
        _ => Object::new(),
    }
}
