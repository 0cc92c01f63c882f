//! The operations on a remote coordinator, through the client crate.
//!
//! Besides `nodes/perform`, this is the only code that calls outside for a run. The coordinator authorizes each call
//! by the credential that [`Outbound`] sends for its caller. Both sides speak ARP, so nothing is translated: answers
//! are passed on, without the nulls that lax peers send. Event streams are in `remote/events.rs`.

mod events;

use std::time::Duration;

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use runyard_api::arp::schemas as arp;
use runyard_api::host::Caller;
use runyard_client::Retry;
use runyard_client::run_coordinator::{Client, Error, ResponseValue};

use crate::auth::{Outbound, OutboundError, Speaker};
use crate::clock::Clock;

/// The timeout of a connection to the coordinator.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long the coordinator may be silent, within an answer or a stream. Longer than any keep-alive.
const SILENT_WITHIN: Duration = Duration::from_secs(60);

/// A remote coordinator.
#[derive(Clone)]
pub struct RemoteCoordinator {
    client: Client,
    url: String,
    outbound: Outbound,
    clock: Clock,
}

/// A run that a remote coordinator has started.
pub struct Forwarded {
    /// Its state.
    pub run: arp::Run,
    /// Whether an earlier request started it.
    pub replayed: bool,
    /// Whether the coordinator says that it stores the request's `Idempotency-Key`. The reference implementation
    /// ignores it.
    pub key_kept: bool,
}

/// The coordinator's client for one caller.
struct CallerClient<'a> {
    client: Client,
    speaker: Speaker,
    remote: &'a RemoteCoordinator,
}

/// Why a remote coordinator returned no run.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The address is not valid, or no client could be made.
    #[error("`coordinator.url` cannot be used: {0}")]
    Setting(String),
    /// The coordinator refused the request.
    #[error("{}", .envelope.error.message)]
    Refused {
        /// Its status.
        status: StatusCode,
        /// Its error body.
        envelope: Box<arp::ErrorEnvelope>,
        /// The headers that are meant for the caller.
        headers: HeaderMap,
    },
    /// The coordinator refuses this server's credential, which the caller cannot change.
    #[error("the run coordinator at {url} refuses what this gateway shows: {reason}")]
    Unwelcome {
        /// Its address.
        url: String,
        /// Its message.
        reason: String,
    },
    /// There is no credential to send.
    #[error(transparent)]
    Credential(#[from] OutboundError),
    /// The coordinator cannot be reached, or its answer does not follow the contract.
    #[error("the run coordinator at {url} {reason}")]
    Unavailable {
        /// Its address.
        url: String,
        /// What happened.
        reason: String,
    },
}

impl RemoteCoordinator {
    /// A coordinator at this base URL.
    ///
    /// # Errors
    /// [`RemoteError::Setting`] when the URL is not an http URL.
    pub fn new(url: &str, outbound: Outbound, clock: Clock) -> Result<Self, RemoteError> {
        let client = Client::builder(url)
            .connect_timeout(CONNECT_WITHIN)
            .silence_timeout(SILENT_WITHIN)
            .timeout(None)
            // The caller gets a 502 or the coordinator's answer, and chooses whether to retry.
            .retry(Retry::never())
            .user_agent(concat!("runyard/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| RemoteError::Setting(error.to_string()))?;
        Ok(RemoteCoordinator { client, url: url.to_owned(), outbound, clock })
    }

    /// The coordinator's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The clock, for health.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The coordinator's health. It needs no credential, so none is sent.
    pub async fn health(&self) -> Result<arp::Health, RemoteError> {
        let way = CallerClient { client: self.client.clone(), speaker: Speaker::Caller, remote: self };
        self.client.health().await.map(ResponseValue::into_inner).map_err(|error| way.failed(error))
    }

    /// Starts a run there. Passes on whether an earlier request started it, and whether the key is stored.
    pub async fn start(
        &self,
        caller: &Caller,
        body: &arp::RunStartRequest,
        key: Option<&str>,
    ) -> Result<Forwarded, RemoteError> {
        let way = self.way(caller)?;
        let answer = way.client.start_run(key, body).await.map_err(|error| way.failed(error))?;
        let replayed = answer.headers().contains_key("idempotent-replayed");
        let honored = answer.headers().get("idempotency-key-honored").is_some_and(|honored| honored == "true");
        Ok(Forwarded { run: mended(answer.into_inner()), replayed, key_kept: replayed || honored })
    }

    /// The state of a run there.
    pub async fn get(&self, caller: &Caller, run_id: &str) -> Result<arp::Run, RemoteError> {
        let way = self.way(caller)?;
        way.run(way.client.get_run(run_id).await)
    }

    /// Cancels a run there.
    pub async fn cancel(&self, caller: &Caller, run_id: &str) -> Result<arp::Run, RemoteError> {
        let way = self.way(caller)?;
        way.run(way.client.cancel_run(run_id).await)
    }

    fn way(&self, caller: &Caller) -> Result<CallerClient<'_>, RemoteError> {
        let credential = self.outbound.of(caller)?;
        let client = match credential.token {
            Some(token) => self.client.with_token_provider(token),
            None => self.client.clone(),
        };
        Ok(CallerClient { client, speaker: credential.speaker, remote: self })
    }
}

impl CallerClient<'_> {
    fn run(&self, answer: Result<ResponseValue<arp::Run>, Error>) -> Result<arp::Run, RemoteError> {
        answer.map(|answer| mended(answer.into_inner())).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: Error) -> RemoteError {
        let url = self.remote.url.clone();
        let reason = match error {
            Error::Refused { status, body, .. } if self.is_ours(status) => {
                return RemoteError::Unwelcome { url, reason: body.error.message };
            }
            Error::Refused { status, body: mut envelope, headers } => {
                if let Some(details) = &mut envelope.error.details {
                    drop_nulls(details);
                }
                return RemoteError::Refused { status, envelope, headers: meant_for_callers(&headers) };
            }
            Error::Transport(error) if error.is_body() || error.is_decode() => {
                format!("broke off its answer: {}", chain(&error))
            }
            Error::Transport(error) => format!("cannot be reached: {}", chain(&error)),
            Error::Unexpected { reason, .. } => format!("does not answer as its contract says: {reason}"),
            Error::Status { status, .. } => format!("answered {status}, which its contract does not know"),
            Error::NoToken(error) => match error.downcast::<OutboundError>() {
                Ok(error) => return RemoteError::Credential(*error),
                Err(error) => format!("could not be asked: {error}"),
            },
            Error::Unsent(error) => format!("could not be asked: {error}"),
        };
        RemoteError::Unavailable { url, reason }
    }

    /// Whether a refusal is about this server's own credential. A caller whose own token was forwarded or exchanged
    /// has no other to send; what the coordinator allows that token is the caller's concern.
    fn is_ours(&self, status: StatusCode) -> bool {
        match self.speaker {
            Speaker::Caller => false,
            Speaker::Exchanged => status == StatusCode::UNAUTHORIZED,
            Speaker::Server => matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN),
        }
    }
}

/// The headers of a refusal that are meant for callers.
fn meant_for_callers(headers: &HeaderMap) -> HeaderMap {
    let kept = [WWW_AUTHENTICATE, RETRY_AFTER];
    kept.into_iter().filter_map(|name| headers.get(&name).cloned().map(|value| (name, value))).collect()
}

/// Drops the nulls that a lax peer writes for absent members. Deserialization drops those of named fields; this drops
/// those of maps. Deeper nulls are the caller's data, and may be meant.
fn mended(mut run: arp::Run) -> arp::Run {
    if let Some(extensions) = &mut run.extensions {
        drop_nulls(&mut extensions.0);
    }
    run
}

fn drop_nulls(members: &mut serde_json::Map<String, serde_json::Value>) {
    members.retain(|_, value| !value.is_null());
}

/// An error with its sources, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut beneath = error.source();
    while let Some(cause) = beneath {
        text = format!("{text}: {cause}");
        beneath = cause.source();
    }
    text
}
