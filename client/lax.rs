//! What peers send that the contract forbids, mended before it is read.

use serde_json::Value;

/// Removes members of objects that are null, at every depth. Some peers write an absent field as null, which closed schemas
/// refuse; elements of arrays stay, because their places mean something. Do not use it on a caller's own data: there a null
/// may be meant.
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn absent_is_absent_and_places_in_arrays_stay() {
        let sent = json!({ "a": null, "b": { "c": null, "d": [null, { "e": null, "f": 1 }] }, "g": false });
        assert_eq!(without_nulls(sent), json!({ "b": { "d": [null, { "f": 1 }] }, "g": false }));
    }
}
