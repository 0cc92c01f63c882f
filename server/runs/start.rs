//! Starts a run: resolves the node type, validates the inputs, and starts once however often the request is repeated.

use std::collections::BTreeSet;
use std::sync::Arc;

use runyard_engine::{
    ApprovalStrategy, ChildSpec, Command, Constraints, Graph, Labels, NodeRunId, NodeType, NodeTypeRef, Object, Policy,
    Reply, RunId, Start, State,
};
use serde_json::{Value, json};

use super::log_span::note_run;
use super::submit::CommitExtras;
use super::{Error, PassThrough, RunName, Runs, output_schema, row};
use crate::graph;
use crate::sizes::is_small;
use crate::store::{Epoch, KeyUse, StoreError};

/// The note with the fingerprint of the request that started a run.
const FINGERPRINT: &str = "runyard.fingerprint";
/// The note with the inputs that were dropped because the node type behind an alias does not have them.
pub const DROPPED_INPUTS: &str = "runyard.dropped_inputs";

/// A run to start, independent of the dialect.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The id the client chose.
    pub name: Option<RunName>,
    /// The title in lists: a record's title, the name of a tool or a workflow. Absent: the goal, the question or the
    /// node type is the title.
    pub title: Option<String>,
    /// The API that the run is started through.
    pub api: &'static str,
    /// The operation that starts it: the scope of its key. Equivalent operations of several APIs share it.
    pub operation: &'static str,
    /// As requested.
    pub node_type: NodeTypeRef,
    /// Not yet validated.
    pub inputs: Object,
    /// As requested.
    pub constraints: Constraints,
    /// The policy for the root's failure and time.
    pub policy: Policy,
    /// The policy of every planned step without one of its own.
    pub steps: Policy,
    /// Which steps need an approval.
    pub approval: ApprovalStrategy,
    /// Notes of the API, which it reads again later.
    pub notes: Object,
    /// JSON Schema (draft 7) that the result must match: see [`super::output_schema`]. Not yet checked.
    pub output_schema: Option<Value>,
    /// The root's graph, if it was read and checked before together with the inputs. It is then not in the inputs.
    pub graph: Option<Arc<Graph>>,
    /// The labels. The API bounds their number and length.
    pub labels: Labels,
    /// The thread to continue; a thread with a live run is refused. Absent: a new thread.
    pub thread: Option<String>,
    /// Values to pass through to integrations, at most one for each. They are in no event.
    pub pass_through: Vec<PassThrough>,
    /// The validated request, to distinguish a repetition from a different request.
    pub request: Value,
    /// The key under which the caller may repeat the request.
    pub key: Option<IdempotencyKey>,
}

/// 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// A key, if the text is valid.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(text.to_owned()))
    }

    fn used_for(&self, operation: &str, run: RunId, fingerprint: &[u8]) -> KeyUse {
        KeyUse { scope: operation.to_owned(), key: self.0.clone(), fingerprint: fingerprint.to_vec(), run }
    }
}

/// How a repeated request finds its run.
struct Repeat {
    operation: &'static str,
    key: Option<IdempotencyKey>,
    name: Option<RunName>,
}

/// A run that was started now, or earlier by the same request.
#[derive(Debug, Clone)]
pub struct StartedRun {
    /// Its state.
    pub state: Arc<State>,
    /// Whether an earlier request started it.
    pub replayed: bool,
}

/// A child to create, independent of the dialect.
#[derive(Debug, Clone)]
pub struct ChildRequest {
    /// The caller's key within the parent.
    pub key: Option<String>,
    /// As requested.
    pub node_type: NodeTypeRef,
    /// Not yet validated.
    pub inputs: Object,
    /// As requested.
    pub constraints: Constraints,
    /// The policy for its failure and time.
    pub policy: Policy,
    /// Keys of the siblings that it depends on.
    pub depends_on: Vec<String>,
    /// The candidate set that it was chosen from.
    pub candidate_set_id: Option<String>,
    /// A binding decision of the caller.
    pub binding_decision: Option<Value>,
    /// Notes of the API, which it reads again later.
    pub notes: Object,
}

impl Runs {
    /// Starts a run, or returns the run that the same request started before.
    pub async fn start(&self, tenant: &str, new: NewRun) -> Result<StartedRun, Error> {
        let (new, fingerprint) = self.fingerprinted(tenant, new).await?;
        let repeat = Repeat { operation: new.operation, key: new.key.clone(), name: new.name.clone() };
        let started = self.start_or_find(tenant, new, &repeat, &fingerprint).await?;
        Ok(StartedRun { state: self.values.shown(tenant, started.state).await?, ..started })
    }

    async fn start_or_find(
        &self,
        tenant: &str,
        new: NewRun,
        repeat: &Repeat,
        fingerprint: &[u8],
    ) -> Result<StartedRun, Error> {
        match self.of_tenant(tenant).start_once(tenant, new, repeat, fingerprint).await {
            // Another request took the name or the key between the lookup and the commit.
            Err(Error::Store(StoreError::NameTaken { .. } | StoreError::KeyTaken(_))) => {
                self.earlier(tenant, repeat, fingerprint).await?.ok_or(Error::Busy)
            }
            // Another request continued the thread between the lookup and the commit.
            Err(Error::Store(StoreError::TurnTaken { turn, run })) => {
                Err(Error::ThreadBusy { thread: turn.thread, run })
            }
            answered => answered,
        }
    }

    async fn start_once(
        &self,
        tenant: &str,
        new: NewRun,
        repeat: &Repeat,
        fingerprint: &[u8],
    ) -> Result<StartedRun, Error> {
        if let Some(earlier) = self.earlier(tenant, repeat, fingerprint).await? {
            return Ok(earlier);
        }
        if let Some(name) = &repeat.name
            && self.is_generated(tenant, name).await?
        {
            return Err(Error::NameTaken { name: name.as_str().to_owned() });
        }
        let _starting = self.admission.begin(tenant)?;
        self.admission.one_more(&*self.store, tenant, self.clock.now_ms()).await?;
        let run = self.clock.new_run_id();
        note_run(run);
        let turn = match &new.thread {
            Some(thread) => Some(self.next_turn(tenant, thread).await?),
            None => None,
        };
        let extras = CommitExtras {
            sealed: self.seal.seal(tenant, run, &new.pass_through)?,
            key: repeat.key.as_ref().map(|key| key.used_for(repeat.operation, run, fingerprint)),
        };
        let start = Start { turn, ..self.prepared(tenant, new, fingerprint).await? };
        let submitted = self.submitter.begin(tenant, run, Command::Start(Arc::new(start)), extras).await?;
        Ok(StartedRun { state: submitted.state, replayed: false })
    }

    /// The fingerprint of a request, in hexadecimal digits: for objects that are created once under an idempotency key.
    pub fn fingerprint(&self, request: &Value) -> String {
        hex(&self.fingerprints.of(request))
    }

    /// Whether a run of this node type with these inputs could be started, as far as that can be checked; returns the
    /// root's graph. For a tenant's node types call [`Runs::of_tenant`]. It may take long: call it in
    /// [`Compute::run`](crate::compute::Compute::run).
    ///
    /// # Errors
    /// Those of [`Runs::start`] for the node type and the inputs.
    pub fn check(&self, node_type: &NodeTypeRef, inputs: &Object) -> Result<Option<Arc<Graph>>, Error> {
        let (node_type, inputs) = self.resolve(node_type, inputs.clone(), &mut Object::new())?;
        self.walked(&node_type, &inputs)
    }

    /// Submits any other command about a run.
    pub async fn submit(&self, tenant: &str, run: RunId, command: Command) -> Result<Arc<State>, Error> {
        note_run(run);
        let submitted = self.submitter.submit(tenant, run, command, CommitExtras::default()).await?;
        self.values.shown(tenant, submitted.state).await
    }

    /// Submits the result of a claimed effect; refused if the claim does not hold any more.
    pub async fn settle(
        &self,
        tenant: &str,
        run: RunId,
        command: Command,
        claim: (runyard_engine::EffectId, Epoch),
    ) -> Result<Arc<State>, Error> {
        Ok(self.submitter.settle(tenant, run, command, claim).await?.state)
    }

    /// Adds children to an external composite.
    pub async fn create_children(
        &self,
        tenant: &str,
        run: RunId,
        parent: NodeRunId,
        requests: Vec<ChildRequest>,
    ) -> Result<(Arc<State>, Vec<NodeRunId>), Error> {
        let children = self.of_tenant(tenant).children(tenant, requests).await?;
        let command = Command::CreateChildren { parent, children };
        let submitted = self.submitter.submit(tenant, run, command, CommitExtras::default()).await?;
        let state = self.values.shown(tenant, submitted.state).await?;
        match submitted.reply {
            Reply::Children(ids) => Ok((state, ids)),
            Reply::Done => Ok((state, Vec::new())),
        }
    }

    /// The run that this request started before, if any.
    async fn earlier(&self, tenant: &str, repeat: &Repeat, fingerprint: &[u8]) -> Result<Option<StartedRun>, Error> {
        if let Some(key) = &repeat.key
            && let Some(used) = self.store.keyed(tenant, repeat.operation, &key.0).await?
        {
            if used.fingerprint != fingerprint {
                return Err(Error::KeyReused { key: key.0.clone() });
            }
            return self.again(tenant, used.run).await;
        }
        if let Some(name) = &repeat.name
            && let Some(run) = self.store.named(tenant, name.as_str()).await?
        {
            let earlier = self.again(tenant, run).await?;
            if earlier.as_ref().is_none_or(|started| noted(&started.state) != Some(&*hex(fingerprint))) {
                return Err(Error::NameTaken { name: name.as_str().to_owned() });
            }
            // The request is a repetition but its key is new: another request with the key must be refused from now
            // on.
            if let Some(key) = &repeat.key {
                self.submitter.remember(tenant, run, key.used_for(repeat.operation, run, fingerprint)).await?;
            }
            return Ok(earlier);
        }
        Ok(None)
    }

    async fn again(&self, tenant: &str, run: RunId) -> Result<Option<StartedRun>, Error> {
        let state = self.state(tenant, run).await?;
        Ok(state.map(|state| StartedRun { state, replayed: true }))
    }

    /// Prepares a start. Slow work is done off the runtime.
    pub(super) async fn prepared(&self, tenant: &str, new: NewRun, fingerprint: &[u8]) -> Result<Start, Error> {
        if new.is_small() {
            return self.prepare(new, fingerprint);
        }
        let (runs, fingerprint) = (self.clone(), fingerprint.to_vec());
        self.compute.run(tenant, move || runs.prepare(new, &fingerprint)).await?
    }

    /// Adds the fingerprint to a request.
    pub(super) async fn fingerprinted(&self, tenant: &str, new: NewRun) -> Result<(NewRun, Vec<u8>), Error> {
        if is_small(&new.request) {
            let fingerprint = self.fingerprints.of(&new.request);
            return Ok((new, fingerprint));
        }
        let fingerprints = self.fingerprints.clone();
        let work = move || {
            let fingerprint = fingerprints.of(&new.request);
            (new, fingerprint)
        };
        Ok(self.compute.run(tenant, work).await?)
    }

    async fn children(&self, tenant: &str, requests: Vec<ChildRequest>) -> Result<Vec<ChildSpec>, Error> {
        let small = |request: &ChildRequest| request.inputs.values().all(is_plain);
        let is_small = requests.len() <= FEW && requests.iter().all(small);
        let runs = self.clone();
        let work = move || requests.into_iter().map(|request| runs.child(request)).collect();
        if is_small { work() } else { self.compute.run(tenant, work).await? }
    }

    fn prepare(&self, new: NewRun, fingerprint: &[u8]) -> Result<Start, Error> {
        let title = row::given_title(new.title.as_deref(), &new.inputs, &new.node_type);
        let mut notes = new.notes;
        let (node_type, inputs, graph) = match new.graph {
            // Read and checked before, so it need not be in the inputs.
            Some(graph) => (self.catalog.resolve(&new.node_type)?, new.inputs, Some(graph)),
            None => {
                let (node_type, inputs) = self.resolve(&new.node_type, new.inputs, &mut notes)?;
                let graph = self.walked(&node_type, &inputs)?;
                (node_type, inputs, graph)
            }
        };
        if let Some(schema) = &new.output_schema {
            output_schema::check(schema, &self.limits.table).map_err(|bad| match bad.is_too_expensive {
                true => Error::TooExpensive(format!("the output schema {bad}")),
                false => Error::InvalidOutputSchema { reason: bad.reason },
            })?;
        }
        notes.insert(FINGERPRINT.to_owned(), Value::String(hex(fingerprint)));
        Ok(Start {
            name: new.name.map(|name| name.as_str().to_owned()),
            title,
            api: new.api.to_owned(),
            node_type,
            inputs,
            constraints: self.canonical(new.constraints),
            policy: new.policy,
            steps: new.steps,
            approval: new.approval,
            parallel_max: self.limits.parallel_max,
            output_schema: new.output_schema,
            graph,
            notes,
            labels: new.labels,
            turn: None,
            parent: None,
        })
    }

    fn child(&self, request: ChildRequest) -> Result<ChildSpec, Error> {
        let mut notes = request.notes;
        let (node_type, inputs) = self.resolve(&request.node_type, request.inputs, &mut notes)?;
        self.walked(&node_type, &inputs)?;
        Ok(ChildSpec {
            key: request.key,
            node_type,
            inputs,
            constraints: self.canonical(request.constraints),
            depends_on: request.depends_on,
            policy: request.policy,
            candidate_set_id: request.candidate_set_id,
            binding_decision: request.binding_decision,
            notes,
        })
    }

    /// The checked graph in the inputs of a composite.
    fn walked(&self, node_type: &NodeType, inputs: &Object) -> Result<Option<Arc<Graph>>, Error> {
        graph::check_inputs(&self.catalog, node_type, inputs)
            .map_err(|violations| Error::InvalidInputs { node_type: node_type.id.clone(), violations })
    }

    /// Resolves the node type, and converts the inputs for it. What an alias changed is noted.
    fn resolve(
        &self,
        asked: &NodeTypeRef,
        mut inputs: Object,
        notes: &mut Object,
    ) -> Result<(NodeType, Object), Error> {
        let node_type = self.catalog.resolve(asked)?;
        if asked.id != node_type.id
            && let Some(entry) = self.catalog.entry(&node_type.id, &node_type.version)
        {
            let (adapted, dropped) = entry.adapted(inputs);
            inputs = adapted;
            if !dropped.is_empty() {
                notes.insert(DROPPED_INPUTS.to_owned(), json!(dropped));
            }
        }
        self.catalog
            .validate_inputs(&node_type, &inputs)
            .map_err(|violations| Error::InvalidInputs { node_type: node_type.id.clone(), violations })?;
        Ok((node_type, inputs))
    }

    /// Allow and deny lists name types as requested and as resolved, so that an alias cannot evade either.
    fn canonical(&self, mut constraints: Constraints) -> Constraints {
        let both = |ids: BTreeSet<String>| -> BTreeSet<String> {
            let resolved: Vec<String> =
                ids.iter().filter_map(|id| self.catalog.canonical(id)).map(str::to_owned).collect();
            ids.into_iter().chain(resolved).collect()
        };
        let candidates = &mut constraints.candidates;
        candidates.allowed_node_type_ids = candidates.allowed_node_type_ids.take().map(both);
        candidates.denied_node_type_ids = both(std::mem::take(&mut candidates.denied_node_type_ids));
        constraints
    }
}

/// So many small children are quick to check.
const FEW: usize = 16;

impl NewRun {
    /// Whether it is quick to read and check: it has no rules of the caller, and little else.
    fn is_small(&self) -> bool {
        self.output_schema.is_none() && self.inputs.len() <= FEW && self.inputs.values().all(is_plain)
    }
}

/// Whether a value is quick to read and check: it is small, and no graph.
fn is_plain(value: &Value) -> bool {
    is_small(value) && value.get("nodes").is_none()
}

/// The fingerprint of the request that started a run, in hexadecimal digits.
pub(crate) fn noted(state: &State) -> Option<&str> {
    state.start.as_deref()?.notes.get(FINGERPRINT)?.as_str()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
