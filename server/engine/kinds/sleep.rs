//! A durable timer. Inputs `seconds`, else `duration_seconds`, else 0. Each is a number with fractions allowed, and
//! null counts as absent. Output `slept_seconds`: the requested number.

use serde_json::{Number, Value};

use crate::ending::Checked;
use crate::{Failure, FailureCode, Object, Wait};

/// The longest sleep: a leap year.
const SECONDS_MAX: u32 = 366 * 24 * 60 * 60;

/// Waits for at least the requested time.
pub(crate) fn begin(inputs: &Object, at_ms: i64) -> Checked<Wait> {
    let (_, milliseconds) = asked(inputs)?;
    Ok(Wait::Timer { until_ms: at_ms.saturating_add(milliseconds) })
}

/// The outputs when the timer fires.
pub(crate) fn outputs(inputs: &Object) -> Checked<Object> {
    let (seconds, _) = asked(inputs)?;
    Ok(Object::from_iter([("slept_seconds".to_owned(), Value::Number(seconds))]))
}

/// The requested number, and the same in whole milliseconds, rounded up.
fn asked(inputs: &Object) -> Checked<(Number, i64)> {
    let given = ["seconds", "duration_seconds"].iter().find_map(|field| {
        let value = inputs.get(*field).filter(|value| !value.is_null())?;
        Some((*field, value))
    });
    let Some((field, value)) = given else { return Ok((Number::from(0), 0)) };
    let Value::Number(number) = value else {
        let message = format!("`{field}` must be a number of seconds, not {}", type_name(value));
        return Err(Failure::new(FailureCode::InvalidInputs, message).into());
    };
    let seconds = number.as_f64().filter(|seconds| (0.0..=f64::from(SECONDS_MAX)).contains(seconds));
    let Some(seconds) = seconds else {
        let message = format!("`{field}` is {number}; a sleep takes 0 to {SECONDS_MAX} seconds (366 days)");
        return Err(Failure::new(FailureCode::InvalidInputs, message).into());
    };
    // Exact, because 366 days in milliseconds are far below 2^53.
    Ok((number.clone(), (seconds * 1000.0).ceil() as i64))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
