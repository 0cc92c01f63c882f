//! Every word of the closed lists of our own document, as in `dialects/said.rs`.

use runyard_api::runyard::types;
use runyard_engine::SideEffect;

use super::wire;
use crate::dialects::said::{EVALUATIONS, RUN_STATES, Said, WAITS, holds, node_states, passed_on, text};
use Said::Now;

fn run_state(word: types::RunState) -> Said {
    use types::RunState::{Canceled, Failed, NothingAchieved, Partial, Queued, Running, Succeeded, Waiting};
    match word {
        Queued | Running | Waiting | Succeeded | Partial | NothingAchieved | Failed | Canceled => Now,
    }
}

fn node_run_state(word: types::NodeRunState) -> Said {
    use types::NodeRunState::{Canceled, Failed, Pending, Queued, Running, Skipped, Succeeded, Waiting};
    match word {
        Pending | Queued | Running | Waiting | Succeeded | Failed | Canceled | Skipped => Now,
    }
}

fn wait_reason(word: types::WaitReason) -> Said {
    use types::WaitReason::{Approval, Children, External, Input, Timer};
    match word {
        Timer | Children | External | Input | Approval => Now,
    }
}

fn evaluation(word: types::EvaluationStatus) -> Said {
    use types::EvaluationStatus::{Fail, Success, Unknown};
    match word {
        Success | Fail | Unknown => Now,
    }
}

fn side_effect_class(word: types::SideEffectClass) -> Said {
    use types::SideEffectClass::{Irreversible, Read, Write};
    match word {
        Read | Write | Irreversible => Now,
    }
}

#[test]
fn the_words_of_our_own_door_are_said_or_known_not_to_be() {
    holds("runyard", "RunState", run_state, RUN_STATES.map(wire::run_state).map(text));
    holds("runyard", "NodeRunState", node_run_state, node_states().map(|state| text(wire::node_state(state).0)));
    holds("runyard", "WaitReason", wait_reason, WAITS.map(|wait| text(wire::waiting_for(wait).reason)));
    holds("runyard", "EvaluationStatus", evaluation, passed_on(EVALUATIONS));
    let classes = [SideEffect::Read, SideEffect::Write, SideEffect::Irreversible];
    holds("runyard", "SideEffectClass", side_effect_class, passed_on(classes));
}
