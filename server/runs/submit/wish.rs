//! A command before its decision: without its large values; and the rejection or failure of one that makes its run too
//! large.

use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::large::{self, Digest};
use runyard_engine::{Command, Content, FailureCode, Graph, Slot, State};

use crate::runs::Error;
use crate::runs::values::Extracted;
use crate::store::LargeValue;

/// A command, and the large values that were taken out of it.
pub(super) struct Wish {
    pub(super) command: Command,
    is_small: bool,
    pub(super) extracted: Extracted,
}

/// Larger inputs are processed off the runtime.
const EXTRACTED_AT_ONCE: u64 = 256 << 10;

impl Wish {
    pub(super) fn new(command: Command, extracted: Extracted) -> Self {
        Wish { command, is_small: false, extracted }
    }

    /// Takes the large values out, once. A graph that the server returns unchanged from the run has references that
    /// are genuine.
    pub(super) async fn extract(&mut self, before: &State) {
        if std::mem::replace(&mut self.is_small, true) {
            return;
        }
        let graph = match &self.command {
            Command::Loaded { node_run, .. } => before.node(*node_run).and_then(|node| node.graph.clone()),
            _ => None,
        };
        let mut bytes = 0;
        self.command.each_slot(&mut |slot| {
            bytes += match slot {
                Slot::Object(object) | Slot::Members(object) => large::object_bytes(object),
                Slot::Value(value) => large::value_bytes(value),
            }
        });
        let nothing = Command::Resume { by: None };
        let (command, extracted) = (std::mem::replace(&mut self.command, nothing), std::mem::take(&mut self.extracted));
        let extract = move || extract(command, extracted, graph.as_ref());
        (self.command, self.extracted) = if bytes > EXTRACTED_AT_ONCE {
            let extracted = tokio::task::spawn_blocking(extract).await;
            extracted.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
        } else {
            extract()
        };
    }
}

fn extract(mut command: Command, mut extracted: Extracted, graph: Option<&Arc<Graph>>) -> (Command, Extracted) {
    let nothing = |_: Digest| false;
    match &mut command {
        Command::Loaded { inputs, content: Content::Graph(same), .. } if graph == Some(same) => {
            if let Some(inputs) = inputs {
                extracted.take(Slot::Object(inputs), &nothing);
            }
        }
        command => command.each_slot(&mut |slot| extracted.take(slot, &nothing)),
    }
    (command, extracted)
}

/// The failure of a run that exceeds its limits.
pub(super) fn too_large(refused: &Error) -> Failure {
    let failed = |code: FailureCode| {
        let message = refused.to_string();
        Failure { code: code.into(), message, details: None, retryable: Some(false) }
    };
    match refused {
        Error::ValuesTooLarge { .. } => failed(FailureCode::ValuesTooLarge),
        _ => failed(FailureCode::RunTooLarge),
    }
}

/// Whether a command ends the run, which is allowed however large the run is.
pub(super) fn ends(command: &Command) -> bool {
    matches!(command, Command::Cancel { .. } | Command::Fail { .. })
}

/// Whether the server itself sent the command, so that no caller gets the rejection.
pub(super) fn is_own(command: &Command) -> bool {
    match command {
        Command::Planned { .. }
        | Command::Loaded { .. }
        | Command::Settle { .. }
        | Command::Wake { .. }
        | Command::Launched { .. }
        | Command::Report { .. } => true,
        Command::Start(_)
        | Command::CreateChildren { .. }
        | Command::Complete { .. }
        | Command::Evaluate { .. }
        | Command::Deliver { .. }
        | Command::Decide { .. }
        | Command::Pause { .. }
        | Command::Resume { .. }
        | Command::Fail { .. }
        | Command::Cancel { .. } => false,
    }
}

/// The large values that a run names now and did not name before.
pub(super) fn named(before: &State, after: &State, extracted: &Extracted) -> Vec<LargeValue> {
    if after.written.values.len() == before.written.values.len() {
        return Vec::new();
    }
    let new = after.written.values.keys().filter(|digest| !before.written.values.contains_key(digest));
    new.map(|digest| extracted.value(*digest)).collect()
}
