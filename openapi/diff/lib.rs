//! Compares two OpenAPI documents, and finds which changes break clients or servers.
//!
//! Documents are compared by their meaning, in the normal form of `runyard-openapi-normal`: operations by method and
//! path, schemas through all references and `allOf`. So a document and its form in another version of OpenAPI are the
//! same, and so are an inline schema and a component. `cli/openapi/diff.rs` prints the result.
//!
//! Breaking for clients: a client of the old document and a server of the new one exchange a message that one of them
//! does not accept. Breaking for servers: the same for a server of the old document and a client of the new one. So in
//! a request, accepting less than before breaks clients, and accepting more breaks servers; in a response it is the
//! reverse. The two directions of a comparison therefore mirror each other, with one exception: removing data that a
//! client could read breaks clients, even if it was optional. Adding optional data breaks neither side.
//!
//! | change | breaks clients | breaks servers |
//! |---|---|---|
//! | operation, webhook or callback added | | yes |
//! | operation, webhook or callback removed | yes | |
//! | operation at another method or path | yes | yes |
//! | base path of a server removed | yes | |
//! | base path of a server added | | yes |
//! | operationId, name of a path parameter, name of a schema | | |
//! | parameter, body added | if required | yes |
//! | parameter, body removed | yes | if required |
//! | parameter at another place, or in another form | yes | yes |
//! | media type added | if the response had no body | yes |
//! | media type removed | yes | |
//! | success status added | unless its range was there | |
//! | success status removed | | unless its range is there |
//! | error status added or removed | | |
//! | response header added | | if required |
//! | response header removed | yes | |
//! | security alternative added | | unless it includes an old one |
//! | security alternative removed | unless it includes a new one | |
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
//! | alternative added, value of a discriminator added | as a wider type | as a wider type |
//! | alternative removed, value of a discriminator removed | as a narrower type | as a narrower type |
//! | one schema becomes a `oneOf`, several parts of which its values fit | yes | yes |
//! | default added, in a request | | yes |
//! | default removed, in a request | yes | |
//! | default changed, in a request | yes | yes |
//! | items of a stream (`x-item-schema`), changed | as in a response | as in a response |
//! | descriptions, titles, examples, other `x-` notes, hosts of servers, tags, `info` | | |
//! | a schema that no operation reaches | | |
//!
//! The items of a stream (`itemSchema`, or `x-item-schema`) are compared like a body. What a webhook or a callback
//! sends comes from the server, so it counts as a response, and its answer as a request. A `readOnly` property is not
//! in requests, and a `writeOnly` one not in responses. A client treats an error that it does not know like any other
//! of its class (RFC 9110, section 15).
//!
//! If a status is added or removed under `default` or its range, its body is compared with the body of that.
//! In a file with schemas and no operations, every schema counts as used in requests and in responses.
//!
//! A part that several operations share (a schema, a parameter, a response) has its changes once, with the operations
//! that use it.

mod allow;
mod change;
mod document;
mod effect;
mod keywords;
mod load;
mod messages;
mod operations;
mod pairs;
mod parameters;
mod report;
mod schemas;
mod servers;
mod tree;
mod unions;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::slice::from_ref;

use serde_json::Value;

pub use allow::{AllowList, Entry, Reviewed};
pub use change::{Breaks, Change, How, Position, Uses};
pub use load::{Unreadable, load};
pub use report::Counts;

use document::Document;
use operations::Operations;
use schemas::Schemas;
use tree::members;
use view::{Part, Schema};

/// All changes from `old` to `new`, ordered by place, then by subject. All references of both documents must be
/// internal, as [`load`] ensures. Malformed parts count as absent.
pub fn diff(old: &Value, new: &Value) -> Vec<Change> {
    let (old, new) = (Document::new(old), Document::new(new));
    let (before, after) = (tree::operations(&old.root), tree::operations(&new.root));
    let mut schemas = Schemas::new(&old, &new);
    let (changes, compared) = (Vec::new(), BTreeSet::new());
    let mut operations = Operations { old: &old, new: &new, schemas: &mut schemas, changes, compared };
    operations.compare(&before, &after);
    operations.document();
    let mut changes = operations.changes;
    // First the schemas that operations use: this names the pairs.
    schemas.follow();
    changes.extend(components(&old, &new, &mut schemas));
    changes.extend(schemas.pairs.finish(before.is_empty() && after.is_empty()));
    changes.sort_by_cached_key(|change| (change.place.clone(), change.subject, change.how, change.to_string()));
    changes
}

/// Schemas that were added or removed by name. Names are not sent; the schemas' users show the effect.
fn components<'a>(old: &'a Document, new: &'a Document, schemas: &mut Schemas<'a>) -> Vec<Change> {
    let own = |document: &'a Document| -> Vec<(&'a String, Part<'a>)> {
        let components = document.root.get("components").unwrap_or(&Value::Null);
        let at = |name: &String, value: &'a Value| {
            let pointer = format!("/components/schemas/{}", tree::escape(name));
            Part { value, pointer, place: name.clone() }
        };
        // The names of copies are references.
        let all = members(components, "schemas").filter(|(name, _)| !name.starts_with('#'));
        all.map(|(name, value)| (name, at(name, value))).collect()
    };
    let (before, after) = (own(old), own(new));
    let met = schemas.follow().clone();
    for (name, one) in before.iter().filter(|(name, _)| !met.0.contains(*name) && !met.1.contains(*name)) {
        if let Some((_, other)) = after.iter().find(|(other, _)| other == name) {
            let (one, other) = (Schema::all(old, from_ref(one)), Schema::all(new, from_ref(other)));
            schemas.pair(name, one, other);
        }
    }
    schemas.follow();
    let names =
        |all: &[(&String, Part<'_>)]| -> BTreeSet<String> { all.iter().map(|(name, _)| (*name).clone()).collect() };
    let (old_names, new_names) = (&names(&before) - &met.0, &names(&after) - &met.1);
    let gone = old_names.iter().filter(|name| !names(&after).contains(*name) && !met.1.contains(*name));
    let fresh = new_names.iter().filter(|name| !names(&before).contains(*name) && !met.0.contains(*name));
    let change = |how: How, name: &String| Change {
        subject: "schema",
        how,
        place: name.clone(),
        pointer: format!("#/components/schemas/{}", tree::escape(name)),
        what: format!("schema {}", how.word()),
        old: None,
        new: None,
        breaks: Breaks::NEITHER,
        uses: Uses::new(),
    };
    gone.map(|name| change(How::Removed, name)).chain(fresh.map(|name| change(How::Added, name))).collect()
}
