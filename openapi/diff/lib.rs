//! Compares two OpenAPI documents, and finds which changes break clients or servers.
//!
//! Documents are compared by their meaning: operations by method and path, schemas through all references.
//! `cli/openapi/diff.rs` prints the result. The generator does not use this crate.
//!
//! Breaking for clients: a client of the old document and a server of the new one exchange a message that one of them
//! does not accept. Breaking for servers: the same for a server of the old document and a client of the new one. So in
//! a request, accepting less than before breaks clients, and accepting more breaks servers; in a response it is the
//! reverse. The two directions of a comparison therefore mirror each other, with one exception: removing data that a
//! client could read breaks clients, even if it was optional. Adding optional data breaks neither side.
//!
//! | change | breaks clients | breaks servers |
//! |---|---|---|
//! | operation added | | yes |
//! | operation removed | yes | |
//! | operation at another method or path | yes | yes |
//! | operationId, name of a path parameter, name of a schema | | |
//! | parameter, body added | if required | yes |
//! | parameter, body removed | yes | if required |
//! | parameter at another place, or in another form | yes | yes |
//! | media type added | if the response had no body | yes |
//! | media type removed | yes | |
//! | status added | unless an error, and `default` or its range was there | |
//! | status removed | | unless an error, and `default` or its range is there |
//! | response header added | | if required |
//! | response header removed | yes | |
//! | security alternative added | | yes |
//! | security alternative removed | yes | |
//! | security scheme changed | yes | yes |
//! | property added in a request | if required | yes |
//! | property removed in a request | yes | if required |
//! | property added in a response | if the old schema was closed | if required |
//! | property removed in a response | yes | if the new schema is closed |
//! | required now, value of an enum removed, bound closer, rule added, type narrower; in a request | yes | |
//! | the same, in a response | | yes |
//! | no longer required, value of an enum added, bound wider, rule removed, type wider; in a request | | yes |
//! | the same, in a response | yes | |
//! | another type, pattern, format or other rule | yes | yes |
//! | default added, in a request | | yes |
//! | default removed, in a request | yes | |
//! | default changed, in a request | yes | yes |
//! | items of a stream (`x-item-schema`), changed | as in a response | as in a response |
//! | descriptions, titles, examples, other `x-` notes, servers, tags, `info` | | |
//! | a schema that no operation reaches | | |
//!
//! The items of a stream (`itemSchema`, or `x-item-schema`) are compared like a body.
//! If a status is added or removed under `default` or its range, its body is compared with the body of that.
//! In a file with schemas and no operations, every schema counts as used in requests and in responses.

mod change;
mod effect;
mod keywords;
mod load;
mod operations;
mod schemas;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

pub use change::{Breaks, Change, How, Position, Uses};
pub use load::{Unreadable, load};

use operations::Operations;
use schemas::Schemas;
use tree::{At, members};

/// All changes from `old` to `new`, ordered by place, then by subject. All references of both documents must be
/// internal, as [`load`] ensures. Malformed parts count as absent.
pub fn diff(old: &Value, new: &Value) -> Vec<Change> {
    let (before, after) = (tree::operations(old), tree::operations(new));
    let mut schemas = Schemas::new(old, new);
    let mut operations = Operations { old, new, schemas: &mut schemas, changes: Vec::new() };
    operations.compare(&before, &after);
    operations.document();
    let mut changes = operations.changes;
    // First the schemas that operations use: this names the pairs.
    schemas.follow();
    changes.extend(components(old, new, &mut schemas));
    changes.extend(schemas.finish(before.is_empty() && after.is_empty()));
    changes.sort_by_cached_key(|change| (change.place.clone(), change.subject, change.how, change.to_string()));
    changes
}

/// Schemas that were added or removed by name. Names are not sent; the schemas' users show the effect.
fn components<'a>(old: &'a Value, new: &'a Value, schemas: &mut Schemas<'a>) -> Vec<Change> {
    let own = |root: &'a Value| -> Vec<(&'a String, At<'a>)> {
        let components = root.get("components").unwrap_or(&Value::Null);
        let at = |name: &String| format!("/components/schemas/{}", tree::escape(name));
        members(components, "schemas").map(|(name, value)| (name, At::new(value, at(name)))).collect()
    };
    let (before, after) = (own(old), own(new));
    let met = schemas.follow().clone();
    for (name, one) in before.iter().filter(|(name, _)| !met.0.contains(*name) && !met.1.contains(*name)) {
        if let Some((_, other)) = after.iter().find(|(other, _)| other == name) {
            schemas.named(name, one.clone(), other.clone());
        }
    }
    let names =
        |all: &[(&String, At<'_>)]| -> BTreeSet<String> { all.iter().map(|(name, _)| (*name).clone()).collect() };
    let (old_names, new_names) = (&names(&before) - &met.0, &names(&after) - &met.1);
    let gone = old_names.iter().filter(|name| !names(&after).contains(*name) && !met.1.contains(*name));
    let fresh = new_names.iter().filter(|name| !names(&before).contains(*name) && !met.0.contains(*name));
    let told = |how: How, name: &String| Change {
        subject: "schema",
        how,
        place: name.clone(),
        pointer: format!("#/components/schemas/{}", tree::escape(name)),
        what: format!("schema {}", how.word()),
        old: None,
        new: None,
        breaks: Breaks::NOBODY,
        uses: Uses::new(),
    };
    gone.map(|name| told(How::Removed, name)).chain(fresh.map(|name| told(How::Added, name))).collect()
}
