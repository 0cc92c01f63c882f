//! Every value of the enums in the Runyard document, as in `dialects/said.rs`.

use runyard_api::runyard::types;
use runyard_engine::{ApprovalStrategy, SideEffect};

use super::{approvals, wire};
use crate::dialects::said::{EVALUATIONS, RUN_STATES, Said, WAITS, holds, node_states, passed_on, text};
use crate::runs::approvals::{ApprovalStatus, Subject};
use crate::runs::waiting::WaitingOn;
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
    use types::WaitReason::{Approval, Children, External, Input, Run, Timer};
    match word {
        Timer | Children | External | Input | Run | Approval => Now,
    }
}

fn run_wait_reason(word: types::RunWaitReason) -> Said {
    use types::RunWaitReason::{Approval, External, Input, Paused, Run, Timer};
    match word {
        Approval | Input | Paused | External | Run | Timer => Now,
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

fn approval_strategy(word: types::ApprovalStrategy) -> Said {
    use types::ApprovalStrategy::{None, OnStart, OnToolCall};
    match word {
        OnStart | OnToolCall => Now,
        None => Said::Never { because: "a run that needs no approval has no such field" },
    }
}

fn approval_state(word: types::ApprovalState) -> Said {
    use types::ApprovalState::{Approved, Denied, Lapsed, Pending};
    match word {
        Pending | Approved | Denied | Lapsed => Now,
    }
}

fn approval_subject(word: types::ApprovalSubject) -> Said {
    use types::ApprovalSubject::{NodeRun, Plan};
    match word {
        Plan | NodeRun => Now,
    }
}

#[test]
fn the_words_of_our_own_door_are_said_or_known_not_to_be() {
    holds("runyard", "RunState", run_state, RUN_STATES.map(wire::run_state).map(text));
    holds("runyard", "NodeRunState", node_run_state, node_states().map(|state| text(wire::node_state(state).0)));
    holds("runyard", "WaitReason", wait_reason, WAITS.map(|wait| text(wire::waiting_for(wait).reason)));
    holds("runyard", "RunWaitReason", run_wait_reason, WaitingOn::ALL.map(wire::wait_reason).map(text));
    holds("runyard", "EvaluationStatus", evaluation, passed_on(EVALUATIONS));
    let strategies = [ApprovalStrategy::OnStart, ApprovalStrategy::OnToolCall];
    holds("runyard", "ApprovalStrategy", approval_strategy, passed_on(strategies));
    holds("runyard", "ApprovalState", approval_state, ApprovalStatus::ALL.map(approvals::state_of).map(text));
    holds("runyard", "ApprovalSubject", approval_subject, Subject::ALL.map(approvals::subject).map(text));
    let classes = [SideEffect::Read, SideEffect::Write, SideEffect::Irreversible];
    holds("runyard", "SideEffectClass", side_effect_class, passed_on(classes));
}
