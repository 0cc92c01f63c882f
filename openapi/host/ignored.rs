//! Parameters and fields that the document does not have. Where the vendor's servers ignore them, this host ignores and
//! reports them.
//!
//! Without the report, a response to a misspelt filter looks correct. The names are in `Runyard-Ignored-Parameters` and
//! in the log: query parameters by name, fields of the body as `body.name`.

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::Value;

use super::schema;
use super::validate::shown;

/// The header with the names.
const HEADER: HeaderName = HeaderName::from_static("runyard-ignored-parameters");

/// The most names that are listed; further ones are counted.
const NAMES_MAX: usize = 16;

/// Characters that are escaped, because they would make a name ambiguous in a list in a header.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'"').add(b'\\').add(b'%').add(b';');

/// The names of ignored parameters and fields.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<String>);

impl Ignored {
    pub(super) fn parameter(&mut self, name: &str) {
        self.0.push(shown(name));
    }

    /// Adds the fields of a body that its schema does not have.
    pub(super) fn fields(&mut self, known: &KnownFields, body: &Value) {
        let (Some(known), Some(fields)) = (&known.0, body.as_object()) else { return };
        let unknown = fields.keys().filter(|name| !known.iter().any(|one| one == *name));
        self.0.extend(unknown.map(|name| format!("body.{}", shown(name))));
    }

    /// Reports the names in the response and in the log. Names that a handler put into the same header stay.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if self.0.is_empty() {
            return;
        }
        let names = listed(&self.0);
        tracing::Span::current().record("ignored", &*names);
        if let Ok(names) = HeaderValue::try_from(names) {
            headers.append(HEADER, names);
        }
    }
}

/// A header with the names that a handler ignored, for parts of a request that only the handler can read.
pub fn ignoring<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Option<(HeaderName, HeaderValue)> {
    let names: Vec<String> = names.into_iter().map(|name| shown(name.as_ref())).collect();
    if names.is_empty() {
        return None;
    }
    HeaderValue::try_from(listed(&names)).ok().map(|value| (HEADER, value))
}

fn listed(names: &[String]) -> String {
    let escaped: Vec<String> =
        names.iter().take(NAMES_MAX).map(|name| utf8_percent_encode(name, ESCAPED).to_string()).collect();
    let list = escaped.join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => list,
        more => format!("{list}, and {more} more"),
    }
}

/// The names of a body's fields; `None` if the schema does not say which there are.
#[derive(Debug)]
pub(super) struct KnownFields(Option<Vec<String>>);

impl KnownFields {
    /// The field names of the schema at a JSON pointer of a document.
    pub(super) fn of(document: &Value, pointer: &str) -> Self {
        let schema = document.pointer(pointer).map(|found| schema::resolve(document, found));
        Self(schema.filter(is_closed_by_custom).and_then(|schema| {
            let properties = schema.get("properties")?.as_object()?;
            Some(properties.keys().cloned().collect())
        }))
    }
}

/// Whether a schema lists its fields and says nothing of others. A schema that allows others takes them on purpose; one
/// that forbids them is enforced by the validator.
fn is_closed_by_custom(schema: &&Value) -> bool {
    let silent = ["additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "x-property-names"];
    silent.iter().all(|keyword| schema.get(keyword).is_none())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_fields_of_a_schema_that_says_nothing_of_others_are_named() {
        let document = json!({
            "components": { "schemas": { "Silent": { "properties": { "a": {} } } } },
            "reference": { "$ref": "#/components/schemas/Silent" },
            "open": { "properties": { "a": {} }, "additionalProperties": true },
            "map": { "type": "object" },
        });
        let body = json!({ "a": 1, "b, c": 2 });
        for (pointer, header) in [
            ("/components/schemas/Silent", Some("body.b%2C%20c")),
            ("/reference", Some("body.b%2C%20c")),
            ("/open", None),
            ("/map", None),
        ] {
            let (mut ignored, mut headers) = (Ignored::default(), HeaderMap::new());
            ignored.fields(&KnownFields::of(&document, pointer), &body);
            ignored.tell(&mut headers);
            assert_eq!(headers.get(HEADER).map(|value| value.to_str().unwrap()), header, "{pointer}");
        }
    }

    #[test]
    fn many_names_are_counted() {
        let (_, value) = ignoring((0..20).map(|number| format!("p{number}"))).unwrap();
        assert!(value.to_str().unwrap().ends_with("p15, and 4 more"));
        assert!(ignoring(Vec::<String>::new()).is_none());
    }
}
