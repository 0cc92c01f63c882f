//! A step's HTTP client, without a server around it.

use std::sync::Arc;

use runyard::clock::Clock;
use runyard::config::egress::Egress;
use runyard::expressions::{Expressions, Limits};
use runyard::nodes::Providers;
use runyard::nodes::credentials::NoCredentials;
use runyard::nodes::perform::http::{Http, Outside};
use runyard::nodes::perform::{Call, InProcess, Performer};
use runyard_engine::event::Failure;
use runyard_engine::{EffectId, NodeRunId, NodeTypeRef, Outcome, RunId};
use serde_json::{Value, json};

use crate::process::bounded;

/// Makes calls under some rules.
pub struct Caller {
    performer: InProcess,
    clock: Clock,
}

impl Caller {
    /// Calls to this machine are allowed; the other rules are the defaults.
    pub fn new() -> Self {
        Self::with(|_| ())
    }

    /// Calls to this machine are allowed, unless `change` says otherwise.
    pub fn with(change: impl FnOnce(&mut Egress)) -> Self {
        let mut egress =
            Egress { allow_networks: vec!["127.0.0.0/8".to_owned(), "::1".to_owned()], ..Egress::default() };
        change(&mut egress);
        let outside = Outside::new(&egress).unwrap();
        let clock = Clock::system();
        let expressions = Arc::new(Expressions::new(Limits::default(), clock.clone()));
        let providers = Providers::builtin_and(Http(Some(Arc::new(outside))), None);
        Caller { performer: InProcess { providers, expressions, credentials: Arc::new(NoCredentials) }, clock }
    }

    /// The result of a call.
    pub async fn call(&self, node_type: &str, inputs: Value) -> Outcome {
        let asked = NodeTypeRef { id: node_type.to_owned(), version: "1".to_owned() };
        let node_type = self.performer.providers.catalog("default").resolve(&asked).unwrap();
        let call = Call {
            tenant: "default",
            run: run(),
            node_type: &node_type,
            inputs: inputs.as_object().unwrap(),
            key: key(),
            attempt: 1,
            clock: &self.clock,
            now_ms: self.clock.now_ms(),
            entropy: [0; 16],
            around: None,
        };
        bounded("a call", self.performer.perform(call)).await
    }

    /// The outputs of a request that must succeed.
    pub async fn outputs(&self, inputs: Value) -> Value {
        self.outputs_of("runyard.http.request", inputs).await
    }

    pub async fn outputs_of(&self, node_type: &str, inputs: Value) -> Value {
        match self.call(node_type, inputs).await {
            Outcome::Succeeded { outputs } => json!(outputs),
            other => panic!("it did not succeed: {other:?}"),
        }
    }

    /// The failure of a request that must fail.
    pub async fn failure(&self, inputs: Value) -> Failure {
        match self.call("runyard.http.request", inputs).await {
            Outcome::Failed(failure) => failure,
            other => panic!("it did not fail: {other:?}"),
        }
    }
}

/// The run of every call here.
pub fn run() -> RunId {
    RunId::from_uuid(uuid::Uuid::from_u128(1))
}

/// The key of every call here.
pub fn key() -> EffectId {
    EffectId::of(run(), NodeRunId::root(run()), "call", 1)
}
