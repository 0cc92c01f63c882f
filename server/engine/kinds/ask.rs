//! A question to whoever follows the run: waits until input is delivered (`Deliver`), however long that takes. Input `question`;
//! output `answer`: what was delivered. Nothing is asked of the world, so there is nothing to perform and nothing to repeat.

use serde_json::Value;

use crate::{Object, Wait};

/// It waits for input.
pub(crate) fn begin() -> Wait {
    Wait::Input
}

/// What it answers with once the input is there.
pub(crate) fn outputs(input: &str) -> Object {
    Object::from_iter([("answer".to_owned(), Value::String(input.to_owned()))])
}
