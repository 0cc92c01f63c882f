//! A composite whose children and end come from outside, through `CreateChildren`, `Evaluate` and `Complete`.

use crate::draft::Draft;
use crate::ending::Ending;
use crate::finish;
use crate::{NodeRunId, Rejected, Wait};

/// It waits for its owner.
pub(crate) fn begin() -> Wait {
    Wait::External
}

/// The owner decides what the end of a child means. Siblings that can never begin after it are skipped.
pub(crate) fn child_ended(draft: &mut Draft, child: NodeRunId) -> Result<Option<Ending>, Rejected> {
    finish::skip_unsatisfiable(draft, child)?;
    Ok(None)
}
