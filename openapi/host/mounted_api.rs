//! One request, from its head to its response.
//!
//! The order is fixed: whether the server is stopping, host and origin, the operation, authentication, the body,
//! validation, a slot, the call. Every refusal and every panic is answered with the document's own error body.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span, field};

use super::body::RequestBody;
use super::compiled::{CompiledBody, CompiledOperation};
use super::ignored::Ignored;
use super::router::{Router, Target};
use super::{Api, Body, BodyRule, Caller, Document, Fault, Head, Input, Multipart, Page, Settings};
use super::{answers, documents, heavy, pages, parameters, reply, validate};
use crate::multipart::MultipartError;

/// A mounted document that serves requests.
pub(super) struct MountedApi {
    api: Arc<dyn Api>,
    routes: Router,
    operations: Vec<CompiledOperation>,
    pages: Vec<Page>,
    settings: Settings,
    /// One permit for each request in progress.
    slots: Semaphore,
    /// A token for each request without a response.
    at_work: TaskTracker,
}

impl MountedApi {
    pub(super) fn new(
        api: Arc<dyn Api>,
        routes: Router,
        operations: Vec<CompiledOperation>,
        pages: Vec<Page>,
        mut settings: Settings,
    ) -> Self {
        // Closing one API must not close the others, which share the process's token.
        settings.stopping = settings.stopping.child_token();
        let slots = Semaphore::new(settings.requests_max.min(Semaphore::MAX_PERMITS));
        Self { api, routes, operations, pages, settings, slots, at_work: TaskTracker::new() }
    }

    pub(super) fn document(&self) -> &'static Document {
        self.api.document()
    }

    pub(super) fn stopping(&self) -> &CancellationToken {
        &self.settings.stopping
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The head of a request between two addresses.
    pub(super) fn head(
        &self,
        parts: http::request::Parts,
        request_id: &str,
        remote: SocketAddr,
        local: SocketAddr,
    ) -> Head {
        Head {
            base_url: self.settings.reached.base_url(&parts.headers, remote.ip(), local),
            method: parts.method,
            uri: parts.uri,
            headers: Arc::new(parts.headers),
            remote,
            request_id: request_id.into(),
            stopping: self.stopping().clone(),
        }
    }

    /// The response to a connection above the limit, as bytes.
    pub(super) fn refuse_connection(&self, remote: SocketAddr, local: SocketAddr) -> Vec<u8> {
        let (parts, ()) = http::Request::new(()).into_parts();
        let head = self.head(parts, "", remote, local);
        let reason = "too many connections are open; close idle ones, and try again".to_owned();
        let fault = Fault::Unavailable { reason, retry_after: Some(Duration::from_secs(1)) };
        reply::written(self.refuse(&head.anonymous(), fault))
    }

    /// Tracks requests without a response. Once it is closed, waiting for it ends when all have one.
    pub(super) fn at_work(&self) -> &TaskTracker {
        &self.at_work
    }

    /// Answers one request, and logs one line about it. The query is not logged, because it may hold tokens.
    pub(super) async fn answer(&self, head: Head, body: Body) -> Response<Body> {
        let _at_work = self.at_work.token();
        let span = tracing::info_span!(
            "request",
            document = self.document().name,
            request_id = &*head.request_id,
            method = head.method.as_str(),
            path = validate::shown(head.uri.path()),
            operation = field::Empty,
            tenant = field::Empty,
            // Parameters and fields that the document does not have.
            ignored = field::Empty,
            // Recorded by the code that learns the run's id.
            run_id = field::Empty,
        );
        self.answer_in_span(head, body).instrument(span).await
    }

    async fn answer_in_span(&self, head: Head, body: Body) -> Response<Body> {
        let started = tokio::time::Instant::now();
        let mut caller = head.anonymous();
        let mut body = RequestBody::new(body, &head.headers);
        let handled = AssertUnwindSafe(self.handle(&head, &mut body, &mut caller)).catch_unwind().await;
        let handled = handled.unwrap_or_else(|panic| Err(Fault::Internal { reason: message(&*panic) }));
        let (mut response, code) = match handled {
            Ok(response) => (response, None),
            Err(fault) => (self.refuse(&caller, fault.clone()), Some(fault.code())),
        };
        self.settings.access.grant(&head, response.headers_mut());
        body.discard(&self.settings);
        let latency_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        tracing::info!(status = response.status().as_u16(), latency_us, fault = code, "answered");
        if head.method == Method::HEAD { without_body(response) } else { until_stopped(response, self.stopping()) }
    }

    async fn handle(&self, head: &Head, body: &mut RequestBody, caller: &mut Caller) -> Result<Response<Body>, Fault> {
        if self.stopping().is_cancelled() {
            return Err(Fault::Stopping);
        }
        self.settings.access.check(head)?;
        let found = match self.routes.find(&head.method, head.uri.path()) {
            Err(Fault::MethodNotAllowed { method, allow }) => {
                let preflight = self.settings.access.preflight(head, &allow);
                return preflight.ok_or(Fault::MethodNotAllowed { method, allow });
            }
            found => found?,
        };
        let index = match found.target {
            Target::Document(format) => return documents::serve(self.document(), format, head.uri.query()),
            Target::Page(index) => return Ok(pages::serve(&self.pages[index], &head.headers)),
            Target::Operation(index) => index,
        };
        let compiled = &self.operations[index];
        Span::current().record("operation", compiled.operation.id);
        if compiled.operation.secured {
            *caller = self.api.admit(head, compiled.operation).await?;
        }
        Span::current().record("tenant", &*caller.tenant);
        let (input, ignored) = self.input(compiled, &found.values, head, body).await?;
        if compiled.is_cheap() {
            return Arc::clone(&self.api).call(compiled.operation, caller.clone(), input).await;
        }
        // The slot is taken after the body has arrived: a client that sends slowly delays only itself.
        let Ok(_slot) = self.slots.try_acquire() else { return Err(too_many()) };
        let Settings { answers, answer_wait, .. } = &self.settings;
        let share = answers::reserve(answers, &compiled.lately, &head.method, *answer_wait).await?;
        let response = Arc::clone(&self.api).call(compiled.operation, caller.clone(), input).await?;
        let mut response = answers::hold(response, share, &compiled.lately, &head.method, *answer_wait).await?;
        ignored.tell(response.headers_mut());
        Ok(response)
    }

    /// The validated input of the request, or all its violations.
    async fn input(
        &self,
        compiled: &CompiledOperation,
        values: &[String],
        head: &Head,
        body: &mut RequestBody,
    ) -> Result<(Input, Ignored), Fault> {
        let mut faults = Vec::new();
        let mut input = Input::default();
        let mut ignored = Ignored::default();
        if let Some(wanted) = &compiled.body {
            let read = self.body(wanted, head, body, &mut input).await?;
            if read.is_none() && wanted.rule.is_required() {
                faults.push(Fault::BodyMissing);
            }
            if let Some((value, bytes)) = read.flatten() {
                let schema = Arc::clone(&wanted.schema);
                let check = move || (schema.check(&value, bytes, super::Place::Body, "").err(), value);
                let (fault, value) = heavy::run(bytes, check).await?;
                faults.extend(fault);
                ignored.fields(&wanted.known, &value);
                input.body = Some(value);
            }
        }
        input.path = parameters::path(compiled.operation, &compiled.parameters, values, &mut faults);
        let unknown = self.settings.unknown_parameters;
        input.query = parameters::query(&compiled.parameters, head.uri.query(), unknown, &mut ignored, &mut faults);
        input.headers = parameters::headers(&compiled.parameters, &head.headers, &mut faults);
        input.cookies = parameters::cookies(&compiled.parameters, &head.headers, &mut faults);
        validate::merge(faults).map_or(Ok((input, ignored)), Err)
    }

    /// Reads the body as its rule says. The outer `None`: there is no body; the inner `None`: nothing of it is
    /// validated.
    async fn body(
        &self,
        wanted: &CompiledBody,
        head: &Head,
        body: &mut RequestBody,
        input: &mut Input,
    ) -> Result<Option<Option<(serde_json::Value, usize)>>, Fault> {
        let (headers, settings, media) = (&head.headers, &self.settings, wanted.rule.media());
        match wanted.rule {
            BodyRule::None | BodyRule::Json { .. } | BodyRule::JsonAs { .. } => {
                Ok(body.json(headers, settings, media).await?.map(Some))
            }
            BodyRule::Fields { .. } => {
                let Some(text) = body.raw(headers, settings, media).await? else { return Ok(None) };
                let not_text = |_| Fault::invalid(super::Place::Body, "", "must be text in UTF-8");
                let fields = parameters::pairs(std::str::from_utf8(&text).map_err(not_text)?)?;
                Ok(Some(Some((wanted.shape.object(fields), text.len()))))
            }
            BodyRule::Parts { .. } => {
                let Some(text) = body.raw(headers, settings, media).await? else { return Ok(None) };
                let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                let broken = |error: MultipartError| Fault::invalid(super::Place::Body, "", error.to_string());
                let parts = Multipart::decoded(content_type.unwrap_or_default(), &text).map_err(broken)?;
                let shape = &wanted.shape;
                let described =
                    parts.described(|name| shape.lists(name), |name, text| shape.property(name, text.to_owned()));
                input.parts = Some(parts);
                Ok(Some(Some((described, text.len()))))
            }
            BodyRule::Raw { .. } => {
                input.raw = body.raw(headers, settings, media).await?;
                Ok(input.raw.is_some().then_some(None))
            }
        }
    }

    /// A fault in the document's error body, with the headers that HTTP requires beside it.
    fn refuse(&self, caller: &Caller, fault: Fault) -> Response<Body> {
        if let Fault::Internal { reason } = &fault {
            tracing::error!(reason, "a request could not be answered: this is a bug");
        }
        let (status, headers) = (fault.status(), fault.headers());
        let refused = std::panic::catch_unwind(AssertUnwindSafe(|| self.api.refuse(caller, fault)));
        let mut response = refused.unwrap_or_else(|panic| {
            // The implementation, which writes the document's error body, has failed.
            tracing::error!(reason = message(&*panic), "the error body could not be written: this is a bug");
            let mut bare = Response::new(Body::empty());
            *bare.status_mut() = if status.is_client_error() { status } else { StatusCode::INTERNAL_SERVER_ERROR };
            bare
        });
        for (name, value) in &headers {
            response.headers_mut().entry(name).or_insert(value.clone());
        }
        response
    }
}

impl fmt::Debug for MountedApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MountedApi").field("document", &self.document().name).finish_non_exhaustive()
    }
}

/// Requests above the limit are not queued: a queue would take memory, and the client can wait as well.
fn too_many() -> Fault {
    let reason = "this API answers as many requests as it can; try again".to_owned();
    Fault::Unavailable { reason, retry_after: Some(Duration::from_secs(1)) }
}

/// The message of a panic.
pub(super) fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", validate::shown(text.unwrap_or("without a message")))
}

/// The response to `HEAD`: headers and length of the response to `GET`, without the body.
fn without_body(mut response: Response<Body>) -> Response<Body> {
    if let Some(length) = response.body().size_hint().exact() {
        if response.status() != StatusCode::NO_CONTENT {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(HeaderValue::from(length));
        }
        *response.body_mut() = Body::empty();
    } else {
        // The length of a stream is not known, and must not look like zero.
        let nothing = futures::stream::empty::<Result<Frame<bytes::Bytes>, std::io::Error>>();
        *response.body_mut() = Body::wrap(StreamBody::new(nothing));
    }
    response
}

/// Ends a streamed response between two chunks when the server stops.
fn until_stopped(response: Response<Body>, stopping: &CancellationToken) -> Response<Body> {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let stopped = stopping.clone().cancelled_owned();
    response.map(|body| {
        Body::wrap(StreamBody::new(body.into_data_stream().map(|chunk| chunk.map(Frame::data)).take_until(stopped)))
    })
}
