//! From a goal to a plan. The engine gets the plan as a command; nothing here is recorded or performed.
//!
//! | file            | what                                                                                   |
//! |-----------------|----------------------------------------------------------------------------------------|
//! | `words.rs`      | splits text into words, with quoted text as one                                        |
//! | `vocabulary.rs` | which words are requests, which words have no meaning                                  |
//! | `clause.rs`     | one request of a goal                                                                  |
//! | `clauses.rs`    | splits a goal into clauses: where one ends (`cuts.rs`), their order (`order.rs`)       |
//! | `rank.rs`       | node types for a clause, best first (BM25)                                             |
//! | `fit.rs`        | whether a node type accounts for the words of a clause                                 |
//! | `ids.rs`        | node types that a clause names by their ids                                            |
//! | `bind.rs`       | inputs from the clause (`durations.rs`) and from earlier outputs (`references.rs`)     |
//! | `fields.rs`     | inputs that follow their names, for node types from the configuration                  |
//! | `repeat.rs`     | "three UUIDs", "twice"                                                                 |
//! | `result.rs`     | "return ..." clauses                                                                   |
//! | `draft.rs`      | the plan under construction: steps, dependencies, result                               |
//! | `lexical.rs`    | the planner without a model, made of the above                                         |
//! | `goal.rs`       | the planner of the server: an agent where there is a model, else the one without       |
//! | `limits.rs`     | the size of goals and plans                                                            |
//! | `failure.rs`    | the failures of planning, with their codes                                             |

mod alias;
mod bind;
mod clause;
mod clauses;
mod cuts;
mod draft;
mod durations;
mod failure;
mod fields;
mod fit;
mod goal;
mod ids;
mod lexical;
mod limits;
mod order;
mod rank;
mod references;
mod repeat;
mod result;
mod vocabulary;
mod words;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

pub use alias::in_words_of;
use async_trait::async_trait;
pub use goal::GoalPlanner;
pub use lexical::LexicalPlanner;
use lru::LruCache;
use runyard_engine::event::Failure;
use runyard_engine::{Constraints, NodeType, Object, Plan};

use crate::nodes::Providers;
use crate::nodes::catalog::Catalog;
use crate::runs::answer::Answer;

/// Turns a goal into a plan.
#[async_trait]
pub trait Planner: Send + Sync {
    /// Plans, when it is the tenant's turn. A deterministic planner returns the same plan for the same request; the
    /// lexical one does.
    ///
    /// # Errors
    /// The failure of the node run that needs the plan.
    async fn plan(&self, request: PlanRequest) -> Result<Plan, Failure>;
}

/// A request for a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRequest {
    /// The planner's own node type.
    pub node_type: NodeType,
    /// Its inputs: `nodes::planner::PlannerInputs`.
    pub inputs: Object,
    /// Limits of the plan.
    pub constraints: Constraints,
    /// The answers of earlier runs of the thread, the oldest first: the goal may refer to them.
    pub earlier: Vec<Answer>,
    /// The schema of the run's result, if this is its root.
    pub output_schema: Option<Object>,
    /// The tenant of the run, which determines the node types.
    pub tenant: String,
}

/// A planner for each catalogue: it is made when a tenant with that catalogue first plans.
pub struct PlannerOfTenant<P> {
    providers: Arc<Providers>,
    make: Box<dyn Fn(Arc<Catalog>) -> P + Send + Sync>,
    /// By the revisions of the catalogue.
    made: Mutex<LruCache<Vec<u64>, P>>,
}

/// How many planners are kept. Tenants with the same node types share one.
const PLANNERS_MAX: NonZeroUsize = NonZeroUsize::new(64).expect("it is more than 0");

impl<P: Planner + Clone> PlannerOfTenant<P> {
    /// Planners that are made of the catalogues of these providers.
    pub fn new(providers: Arc<Providers>, make: impl Fn(Arc<Catalog>) -> P + Send + Sync + 'static) -> Self {
        Self { providers, make: Box::new(make), made: Mutex::new(LruCache::new(PLANNERS_MAX)) }
    }

    fn of(&self, tenant: &str) -> P {
        let catalog = self.providers.catalog(tenant);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.get_or_insert(catalog.revisions().to_vec(), || (self.make)(catalog.clone())).clone()
    }
}

#[async_trait]
impl<P: Planner + Clone> Planner for PlannerOfTenant<P> {
    async fn plan(&self, request: PlanRequest) -> Result<Plan, Failure> {
        self.of(&request.tenant).plan(request).await
    }
}

#[cfg(test)]
mod tests;
