//! A question to the client of the run: waits without a limit until input is delivered (`Deliver`). Input `question`;
//! output `answer`: the delivered text. There is no effect, and therefore nothing to retry.

use serde_json::Value;

use crate::{Object, Wait};

/// It waits for input.
pub(crate) fn begin() -> Wait {
    Wait::Input
}

/// The outputs, once the input was delivered.
pub(crate) fn outputs(input: &str) -> Object {
    Object::from_iter([("answer".to_owned(), Value::String(input.to_owned()))])
}
