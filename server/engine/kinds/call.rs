//! One effect, performed by the driver and answered by `Settle`. What is asked for is derived in `outstanding`.

use crate::Wait;

/// A call is at work as soon as it has begun.
pub(crate) fn begin() -> Option<Wait> {
    None
}
