//! A call: one effect, which the driver executes and `Settle` answers. `outstanding` derives the effect.

use crate::Wait;

/// A call runs as soon as it has begun.
pub(crate) fn begin() -> Option<Wait> {
    None
}
