//! Every value of the enums in the Runyard document, as in `dialects/enum_coverage.rs`.

use runyard_api::runyard::types;
use runyard_engine::{ApprovalStrategy, SideEffect};

use super::{approvals, wire};
use crate::dialects::enum_coverage::{Coverage, EVALUATIONS, RUN_STATES, WAITS, covers, node_states, passed_on, text};
use crate::runs::approvals::{ApprovalStatus, Subject};
use crate::runs::waiting::WaitingOn;
use Coverage::Used;

fn run_state(word: types::RunState) -> Coverage {
    use types::RunState::{Canceled, Failed, NothingAchieved, Partial, Queued, Running, Succeeded, Waiting};
    match word {
        Queued | Running | Waiting | Succeeded | Partial | NothingAchieved | Failed | Canceled => Used,
    }
}

fn node_run_state(word: types::NodeRunState) -> Coverage {
    use types::NodeRunState::{Canceled, Failed, Pending, Queued, Running, Skipped, Succeeded, Waiting};
    match word {
        Pending | Queued | Running | Waiting | Succeeded | Failed | Canceled | Skipped => Used,
    }
}

fn wait_reason(word: types::WaitReason) -> Coverage {
    use types::WaitReason::{Approval, Children, External, Input, Run, Timer};
    match word {
        Timer | Children | External | Input | Run | Approval => Used,
    }
}

fn run_wait_reason(word: types::RunWaitReason) -> Coverage {
    use types::RunWaitReason::{Approval, External, Input, Paused, Run, Timer};
    match word {
        Approval | Input | Paused | External | Run | Timer => Used,
    }
}

fn evaluation(word: types::EvaluationStatus) -> Coverage {
    use types::EvaluationStatus::{Fail, Success, Unknown};
    match word {
        Success | Fail | Unknown => Used,
    }
}

fn side_effect_class(word: types::SideEffectClass) -> Coverage {
    use types::SideEffectClass::{Irreversible, Read, Write};
    match word {
        Read | Write | Irreversible => Used,
    }
}

fn approval_strategy(word: types::ApprovalStrategy) -> Coverage {
    use types::ApprovalStrategy::{None, OnStart, OnToolCall};
    match word {
        OnStart | OnToolCall => Used,
        None => Coverage::Unused { because: "a run that needs no approval has no such field" },
    }
}

fn approval_state(word: types::ApprovalState) -> Coverage {
    use types::ApprovalState::{Approved, Denied, Lapsed, Pending};
    match word {
        Pending | Approved | Denied | Lapsed => Used,
    }
}

fn approval_subject(word: types::ApprovalSubject) -> Coverage {
    use types::ApprovalSubject::{NodeRun, Plan};
    match word {
        Plan | NodeRun => Used,
    }
}

#[test]
fn every_enum_value_of_the_document_is_used_or_known_to_be_unused() {
    covers("runyard", "RunState", run_state, RUN_STATES.map(wire::run_state).map(text));
    covers("runyard", "NodeRunState", node_run_state, node_states().map(|state| text(wire::node_state(state).0)));
    covers("runyard", "WaitReason", wait_reason, WAITS.map(|wait| text(wire::waiting_for(wait).reason)));
    covers("runyard", "RunWaitReason", run_wait_reason, WaitingOn::ALL.map(wire::wait_reason).map(text));
    covers("runyard", "EvaluationStatus", evaluation, passed_on(EVALUATIONS));
    let strategies = [ApprovalStrategy::OnStart, ApprovalStrategy::OnToolCall];
    covers("runyard", "ApprovalStrategy", approval_strategy, passed_on(strategies));
    covers("runyard", "ApprovalState", approval_state, ApprovalStatus::ALL.map(approvals::state_of).map(text));
    covers("runyard", "ApprovalSubject", approval_subject, Subject::ALL.map(approvals::subject).map(text));
    let classes = [SideEffect::Read, SideEffect::Write, SideEffect::Irreversible];
    covers("runyard", "SideEffectClass", side_effect_class, passed_on(classes));
}
