//! The provider of models of the configuration: `runyard.model.chat` asks one, `runyard.agent` lets one work.
//!
//! | file            | what |
//! |-----------------|------|
//! | this one        | [`Models`]: lists the two node types for tenants that have a model, and asks models |
//! | `chat.rs`       | inputs and outputs of `runyard.model.chat` |
//! | `target.rs`     | [`Targets`]: the models with loaded keys |
//! | `form.rs`       | what the wire forms have in common; `wire.rs` chooses one |
//! | `openai.rs`, `anthropic.rs`, `gemini.rs` | the wire forms |
//!
//! `config/models.rs` has the configuration, `nodes/agent/` the agent. Calls go through the egress client with its limits
//! on bytes and time; a call that is dropped closes its connection.

mod anthropic;
pub mod chat;
mod form;
mod gemini;
mod openai;
mod target;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, Retry, Routed};

use super::agent;
use super::failures::unavailable;
use super::perform::http::failure as http_failure;
use super::perform::http::{Ask, Named, Outside, exchange, idempotency_key, refuse_deep, refused};
use super::provider::{NodeContext, Provider, Snapshot};
use super::values::{failed, made, read};
use chat::{ChatInputs, ChatOutputs, Stop};
use form::{OWN_ID, Question};
use target::Target;

pub(super) use form::ANSWER_TOOL;
pub use target::{TargetError, Targets};

/// The header with the key of a repeated call, which services of some vendors respect.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The models of the configuration.
pub struct Models {
    targets: Vec<Arc<Target>>,
    outside: Arc<Outside>,
    /// The lists of tenants that some model names; `None` is every other tenant.
    lists: BTreeMap<Option<String>, Arc<Snapshot>>,
}

impl Models {
    /// The models, called by these clients. `anonymous` is the tenant of callers without a credential, if there are other
    /// callers: it has no models, because models have the keys of the operator.
    pub fn new(targets: Targets, anonymous: Option<&str>, outside: Arc<Outside>) -> Self {
        let targets = targets.0;
        let some: Arc<Snapshot> = {
            let node_types = vec![Arc::new(chat::entry()), Arc::new(agent::entry())];
            Arc::new(Snapshot { revision: 1, node_types, ..Snapshot::default() })
        };
        let none: Arc<Snapshot> = Arc::default();
        let named = targets.iter().flat_map(|target| target.configured.tenants.iter().flatten().cloned());
        let tenants = named.map(Some).chain([None, anonymous.map(str::to_owned)]);
        let list = |tenant: &Option<String>| {
            let is_anonymous = anonymous.is_some() && tenant.as_deref() == anonymous;
            let any = targets.iter().any(|target| target.is_for(tenant.as_deref()));
            if any && !is_anonymous { some.clone() } else { none.clone() }
        };
        let lists = tenants.map(|tenant| (tenant.clone(), list(&tenant))).collect();
        Models { targets, outside, lists }
    }

    /// The model of this name that a tenant may use; the first one without a name.
    fn target(&self, tenant: &str, name: Option<&str>) -> Result<&Target, Failure> {
        let mut usable = self.targets.iter().filter(|target| target.is_for(Some(tenant)));
        let found = match name {
            Some(name) => usable.find(|target| target.configured.name == name),
            None => usable.next(),
        };
        found.map(Arc::as_ref).ok_or_else(|| {
            let usable = self.targets.iter().filter(|target| target.is_for(Some(tenant)));
            let names: Vec<&str> = usable.map(|target| target.configured.name.as_str()).collect();
            let message = match name {
                Some(name) => format!("there is no model `{name}`; the configuration has {}", names.join(", ")),
                None => "there is no model; add [[models]] to the configuration".to_owned(),
            };
            failed(FailureCode::NodeTypeUnavailable, message)
        })
    }

    /// Asks a model. Its key is masked in the bytes of the answer, but not yet in what only parsing decodes.
    async fn ask(&self, cx: &NodeContext<'_>, chat: ChatInputs, target: &Target) -> Result<ChatOutputs, Failure> {
        let (form, max) = (target.configured.api, target.max_output_tokens);
        let question = Question {
            chat: &chat,
            model: &target.configured.model,
            max_output_tokens: chat.max_output_tokens.unwrap_or(max).min(max),
            is_vendor: target.configured.url.is_none(),
        };
        let request = wire::request(form, &question);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(IDEMPOTENCY_KEY, idempotency_key(cx));
        headers.extend(request.headers);
        headers.extend(target.headers.iter().cloned());
        let ask = Ask {
            method: Method::POST,
            url: target.endpoint(&request.path)?,
            headers,
            body: Some(request.body.to_string().into_bytes()),
            named: Named::ByConfiguration { private: target.configured.allow_private_addresses },
            timeout_ms: target.timeout_ms,
            bytes_max: self.outside.bytes_max(),
            redirects_max: 0,
        };
        let host = ask.host();
        let mut answer = exchange(&self.outside, ask, cx.clock).await?;
        target.masks.bytes(&mut answer.body);
        if !answer.status.is_success() {
            return Err(refused(&host, &answer, cx.now_ms));
        }
        refuse_deep(&host, &answer)?;
        let body = serde_json::from_slice(&answer.body)
            .map_err(|error| http_failure::invalid(&host, &format!("did not answer JSON: {error}")))?;
        let mut outputs = wire::answer(form, &chat, body)
            .map_err(|reason| http_failure::invalid(&host, &format!("answered a message that {reason}")))?;
        for (call, number) in outputs.tool_calls.iter_mut().zip(1..) {
            if call.id.is_empty() {
                call.id = format!("{OWN_ID}{}-{number}", cx.key);
            }
        }
        outputs.model = target.configured.name.clone();
        outputs.usage.cost = target.cost(&outputs.usage);
        if outputs.stop == Stop::End && outputs.text.is_empty() && outputs.output.is_none() {
            return Err(http_failure::invalid(&host, "answered an empty message"));
        }
        Ok(outputs)
    }
}

#[async_trait]
impl Provider for Models {
    fn node_types(&self, tenant: &str) -> Arc<Snapshot> {
        let named = self.lists.get(&Some(tenant.to_owned()));
        named.or_else(|| self.lists.get(&None)).cloned().unwrap_or_default()
    }

    async fn perform(&self, cx: &NodeContext<'_>) -> Result<Routed, Failure> {
        if cx.node_type.id != chat::ID {
            return Err(unavailable(cx.node_type));
        }
        let chat: ChatInputs = read(cx)?;
        let target = self.target(cx.tenant, chat.model.as_deref())?;
        let mut routed = made(&self.ask(cx, chat, target).await?)?;
        target.masks.object(&mut routed.outputs);
        Ok(routed)
    }
}

/// The default retries of a call by an agent: services are overloaded now and then.
pub(super) fn retry() -> Retry {
    Retry { attempts_max: 5, initial_ms: 1_000, backoff: 2.0, delay_ms_max: Some(60_000), jitter: 0.5, codes: None }
}
