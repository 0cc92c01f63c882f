//! Every value of the enums in this document, as in `dialects/enum_coverage.rs`.

use runyard_api::toolregistry::types;

use super::wire;
use crate::dialects::enum_coverage::{Coverage, RUN_STATES, covers, text};
use crate::store::RunPhase;
use Coverage::{Unused, Used};

fn run_status(word: types::RunStatus) -> Coverage {
    use types::RunStatus::{
        AuthRequired, Canceled, Failed, NoSuccess, PartialSuccess, Paused, Queued, Running, Success,
    };
    match word {
        Queued | Running | Paused | Canceled | NoSuccess | PartialSuccess | Success | Failed => Used,
        AuthRequired => Unused { because: "users have no credentials here yet" },
    }
}

#[test]
fn the_words_of_toolregistry_are_said_or_known_not_to_be() {
    let states = RUN_STATES.into_iter().flat_map(|status| RunPhase::ALL.map(|phase| (status, phase)));
    covers("toolregistry", "RunStatus", run_status, states.map(|(status, phase)| text(wire::status_of(status, phase))));
}
