//! Applies an overlay (OpenAPI Overlay 1.0) to a document.
//!
//! It is stricter than the specification in one point: a target that matches nothing is an error. An overlay that no
//! longer matches shows that the vendor's document has changed.

use std::path::Path;

use serde_json::Value;

use crate::jsonpath::JsonPath;
use crate::{Error, Result};

/// A result whose error the caller completes with the number of the action.
type Said<T> = std::result::Result<T, String>;

/// Applies every action of `overlay` in turn. `path` is the overlay's file, for messages. Returns each action, and the
/// number of places that it changed.
pub(crate) fn apply(document: &mut Value, overlay: &Value, path: &Path) -> Result<Vec<(String, usize)>> {
    if !overlay.get("overlay").and_then(Value::as_str).is_some_and(|version| version.starts_with("1.")) {
        return Err(Error::unsupported(path, "/overlay", "there is no `overlay: 1.0.0`"));
    }
    let Some(actions) = overlay.get("actions").and_then(Value::as_array) else {
        return Err(Error::unsupported(path, "/actions", "is missing, or is not a list"));
    };
    let mut applied = Vec::new();
    for (index, action) in actions.iter().enumerate() {
        let target = action.get("target").and_then(Value::as_str).unwrap_or_default();
        let failed = |reason: String| Error::Overlay {
            path: path.to_owned(),
            action: index + 1,
            target: target.to_owned(),
            reason,
        };
        applied.push(one(document, action, target).map_err(failed)?);
    }
    Ok(applied)
}

fn one(document: &mut Value, action: &Value, target: &str) -> Said<(String, usize)> {
    let fields = action.as_object().ok_or("is not a mapping")?;
    if let Some(unknown) = fields
        .keys()
        .find(|key| !matches!(key.as_str(), "target" | "description" | "update" | "remove") && !key.starts_with("x-"))
    {
        return Err(format!("`{unknown}` is not a field of an action"));
    }
    let remove = match action.get("remove") {
        None => false,
        Some(Value::Bool(remove)) => *remove,
        Some(_) => return Err("`remove` is not true or false".into()),
    };
    let found = JsonPath::parse(target)?.matches(document);
    if found.is_empty() {
        return Err("matches nothing in the document".into());
    }
    match (remove, action.get("update")) {
        (true, None) => found.iter().rev().try_for_each(|path| removed(document, path))?,
        (false, Some(update)) => found.iter().try_for_each(|path| updated(document, path, update))?,
        (true, Some(_)) => return Err("has both `update` and `remove`".into()),
        (false, None) => return Err("has neither `update` nor `remove`".into()),
    }
    Ok((format!("{} {target}", if remove { "remove" } else { "update" }), found.len()))
}

fn at<'a>(document: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(document, |value, segment| match value {
        Value::Object(fields) => fields.get_mut(segment),
        Value::Array(items) => items.get_mut(segment.parse::<usize>().ok()?),
        _ => None,
    })
}

fn updated(document: &mut Value, path: &[String], update: &Value) -> Said<()> {
    let place = at(document, path).ok_or("matched a place that is gone")?;
    match place {
        // As the specification says, the update of a list is appended to it.
        Value::Array(items) if !update.is_array() => items.push(update.clone()),
        Value::Object(_) if !update.is_object() => return Err("the target is a mapping, `update` is not".into()),
        Value::Object(_) | Value::Array(_) => merge(place, update)?,
        _ => return Err("the target is neither a mapping nor a list: update the mapping that holds it".into()),
    }
    Ok(())
}

/// Mappings are merged field by field, lists are joined, anything else is replaced.
fn merge(place: &mut Value, update: &Value) -> Said<()> {
    match (place, update) {
        (Value::Object(fields), Value::Object(updates)) => {
            for (key, update) in updates {
                match fields.get_mut(key) {
                    Some(field) => merge(field, update)?,
                    None => drop(fields.insert(key.clone(), update.clone())),
                }
            }
            // It would be ignored, so the overlay would have no effect.
            if !updates.is_empty() && fields.len() > 1 && fields.get("$ref").is_some_and(Value::is_string) {
                return Err(
                    "`update` would be beside a `$ref`, where it has no effect: update the target of the reference"
                        .into(),
                );
            }
        }
        (Value::Array(items), Value::Array(more)) => items.extend(more.iter().cloned()),
        (place, update) => *place = update.clone(),
    }
    Ok(())
}

fn removed(document: &mut Value, path: &[String]) -> Said<()> {
    let (last, parent) = path.split_last().ok_or("the whole document cannot be removed")?;
    match at(document, parent) {
        // Not `swap_remove`, which would change the order of the document.
        Some(Value::Object(fields)) => drop(fields.shift_remove(last)),
        Some(Value::Array(items)) => drop(items.remove(last.parse().map_err(|_| "matched a place that is gone")?)),
        _ => return Err("matched a place that is gone".into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply_one(action: Value) -> Said<Value> {
        let mut document = json!({ "paths": { "/a": { "get": { "tags": ["x"], "summary": "old", "responses": { "200": { "description": "ok" } } } } }, "tags": [{ "name": "x" }, { "name": "y" }] });
        let overlay = json!({ "overlay": "1.0.0", "actions": [action] });
        apply(&mut document, &overlay, Path::new("a.overlay.yaml")).map(|_| document).map_err(|error| error.to_string())
    }

    #[test]
    fn update_merges_joins_and_replaces() {
        let action = json!({ "target": "$.paths.*.*", "update": { "summary": "new", "tags": ["z"], "responses": { "429": { "description": "slow down" } } } });
        let changed = apply_one(action).unwrap();
        let expected = json!({ "tags": ["x", "z"], "summary": "new", "responses": { "200": { "description": "ok" }, "429": { "description": "slow down" } } });
        assert_eq!(changed["paths"]["/a"]["get"], expected);
    }

    #[test]
    fn a_list_gets_an_entry() {
        assert_eq!(
            apply_one(json!({ "target": "$.tags", "update": { "name": "z" } })).unwrap()["tags"],
            json!([{ "name": "x" }, { "name": "y" }, { "name": "z" }])
        );
    }

    #[test]
    fn remove_takes_every_match_from_a_list() {
        assert_eq!(apply_one(json!({ "target": "$.tags[*]", "remove": true })).unwrap()["tags"], json!([]));
        assert_eq!(
            apply_one(json!({ "target": "$.tags[?@.name == 'x']", "remove": true })).unwrap()["tags"],
            json!([{ "name": "y" }])
        );
    }

    #[test]
    fn a_target_that_matches_nothing_is_an_error_that_names_it() {
        let error = apply_one(json!({ "target": "$.paths['/b']", "update": {} })).unwrap_err();
        assert_eq!(error, "a.overlay.yaml: action 1 (target `$.paths['/b']`): matches nothing in the document");
    }

    #[test]
    fn a_reference_can_be_turned_and_nothing_stands_beside_it() {
        let updated = |update: Value| {
            let mut document = json!({ "a": { "$ref": "#/b" } });
            let overlay = json!({ "overlay": "1.0.0", "actions": [{ "target": "$", "update": update }] });
            apply(&mut document, &overlay, Path::new("a.overlay.yaml"))
                .map(|_| document)
                .map_err(|error| error.to_string())
        };
        assert_eq!(updated(json!({ "a": { "$ref": "#/c" } })).unwrap(), json!({ "a": { "$ref": "#/c" } }));
        let error = updated(json!({ "a": { "maxLength": 3 } })).unwrap_err();
        assert!(error.contains("beside a `$ref`"), "{error}");
    }

    #[test]
    fn half_an_action_is_an_error() {
        for action in [
            json!({ "target": "$" }),
            json!({ "target": "$", "update": {}, "remove": true }),
            json!({ "target": "$", "udpate": {} }),
            json!({ "target": "$", "remove": true }),
            json!({ "target": "$.paths", "update": 3 }),
            json!(7),
        ] {
            assert!(apply_one(action.clone()).is_err(), "{action}");
        }
    }
}
