//! Decisions that take long: they run in their tenant's turn and off the async runtime, so that no other tenant waits for
//! them.

use std::sync::Arc;

use runyard_engine::{Command, Content, Context, Decision, Fitted, Rejected, State, decide};

use super::super::Error;
use super::super::cache;
use super::Submitter;

/// The items of a list, or the nodes of a graph, above which making their node runs counts as long: about a tenth of a
/// millisecond.
const PARTS_MAX: usize = 64;
/// The same for the inputs of a start, bytes in memory.
const INPUT_BYTES_MAX: usize = 64 << 10;

impl Submitter {
    /// Decides a command.
    ///
    /// # Errors
    /// [`Error::Busy`] if a long decision takes longer than `limits.compute_ms`, or the system has no thread for it.
    pub(super) async fn decide_in_turn(
        &self,
        tenant: &str,
        seen: &Arc<State>,
        command: Command,
        fitted: Option<&Arc<Fitted>>,
        at_ms: i64,
    ) -> Result<Result<Decision, Rejected>, Error> {
        let (run, depth_max) = (seen.run, self.depth_max);
        if !takes_long(&command) {
            let fitted = fitted.map(|fitted| &**fitted);
            return Ok(decide(seen, command, Context { at_ms, run, fitted, depth_max }));
        }
        let (seen, fitted) = (seen.clone(), fitted.cloned());
        let decided = self.compute.run_step(tenant, move || {
            decide(&seen, command, Context { at_ms, run, fitted: fitted.as_deref(), depth_max })
        });
        decided.await.map_err(|_| Error::Busy)
    }
}

/// Whether a decision makes more than a few node runs, or copies more than a little.
fn takes_long(command: &Command) -> bool {
    match command {
        Command::Start(start) => cache::object(&start.inputs) > INPUT_BYTES_MAX,
        Command::Loaded { content: Content::Items(items), .. } => items.items.len() > PARTS_MAX,
        Command::Loaded { content: Content::Graph(graph), .. } => graph.nodes.len() > PARTS_MAX,
        _ => false,
    }
}
