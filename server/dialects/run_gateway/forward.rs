//! Requests forwarded to a remote coordinator: its refusals are passed on, and if it cannot be reached the answer is
//! 502.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use runyard_api::arp::schemas as arp;
use runyard_api::host::Caller;

use crate::auth::OutboundError;
use crate::codes::{AccessReason, Code};
use crate::dialects::arp::service;
use crate::dialects::common::refusal::{Refusal, of_api};
use crate::dialects::common::start::Started;
use crate::feed::EventRange;
use crate::runs::remote::{Forwarded, RemoteCoordinator, RemoteError};

/// Starts a run at the remote coordinator.
pub(super) async fn start(
    remote: &RemoteCoordinator,
    cx: &Caller,
    body: &arp::RunStartRequest,
    key: Option<&str>,
) -> Result<Started<arp::Run>, Refusal> {
    let Forwarded { run, replayed, key_kept } = remote.start(cx, body, key).await.map_err(refused)?;
    Ok(Started { run, replayed, key_kept: key.map(|_| key_kept) })
}

/// Returns a run of the remote coordinator.
pub(super) async fn get(remote: &RemoteCoordinator, cx: &Caller, run_id: &str) -> Result<arp::Run, Refusal> {
    remote.get(cx, run_id).await.map_err(refused)
}

/// Cancels a run at the remote coordinator.
pub(super) async fn cancel(remote: &RemoteCoordinator, cx: &Caller, run_id: &str) -> Result<arp::Run, Refusal> {
    remote.cancel(cx, run_id).await.map_err(refused)
}

/// The events of a run at the remote coordinator.
pub(super) async fn events(
    remote: &RemoteCoordinator,
    cx: &Caller,
    run_id: &str,
    wanted: EventRange,
) -> Result<runyard_api::host::ByteStream, Refusal> {
    remote.events(cx, run_id, wanted).await.map_err(refused)
}

/// The gateway's health is that of its coordinator.
pub(super) async fn health(remote: &RemoteCoordinator) -> arp::Health {
    let check = match remote.health().await {
        Ok(health) => service::check("run_coordinator", health.status, None),
        Err(error) => service::check("run_coordinator", arp::Status::Down, Some(error.to_string())),
    };
    service::of_checks(remote.clock().now_ms(), vec![check])
}

fn refused(error: RemoteError) -> Refusal {
    let message = error.to_string();
    match error {
        RemoteError::Refused { status, envelope, headers } => {
            let arp::Error { code, details, retryable, .. } = envelope.error;
            let mut refusal = Refusal::passed_on(status, code, message);
            refusal.details = details.unwrap_or_default();
            refusal.retryable = retryable.unwrap_or(false);
            refusal.headers = headers;
            if status == StatusCode::UNAUTHORIZED {
                refusal.headers.entry(WWW_AUTHENTICATE).or_insert(HeaderValue::from_static("Bearer"));
            }
            refusal
        }
        RemoteError::Unwelcome { url, .. } => {
            tracing::error!(%message, "the run coordinator does not let this gateway in");
            Refusal::new(Code::RunCoordinatorRefused, message).with("run_coordinator_url", url)
        }
        RemoteError::Credential(error) => without_token(&error, message),
        RemoteError::Unavailable { url, .. } => {
            tracing::warn!(%message, "the run coordinator is not available");
            Refusal::new(Code::RunCoordinatorUnavailable, message).with("run_coordinator_url", url).retryable(None)
        }
        RemoteError::Setting(_) => Refusal::new(Code::RunCoordinatorMissing, message),
    }
}

/// The refusal if no token for the coordinator can be obtained for this caller.
fn without_token(error: &OutboundError, message: String) -> Refusal {
    match (error.fault(), error) {
        (Some(fault), _) => of_api(&fault),
        (None, OutboundError::Client { error }) => {
            Refusal::new(Code::TokenRefused, message).with("error", error.clone())
        }
        (None, _) => Refusal::new(Code::Forbidden, message).with("reason", AccessReason::TenantForeign.as_str()),
    }
}
