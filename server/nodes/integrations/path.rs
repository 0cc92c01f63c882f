//! Path templates with parameters for inputs: `/projects/{project}/tickets`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use runyard_engine::{Object, plan};
use serde_json::Value;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path, in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Input(String),
}

impl PathTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') || text.starts_with("//") {
            return Err("path: it must begin with a slash, and one only".to_owned());
        }
        if text.contains(['?', '#', '\\']) || text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err("path: no query, fragment, backslash or white space belongs into it".to_owned());
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or("path: a { is never closed")?;
            if name.is_empty() || name.contains('{') || before.contains('}') {
                return Err("path: braces stand around the name of an input".to_owned());
            }
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Input(name.to_owned()));
            rest = behind;
        }
        if rest.contains('}') {
            return Err("path: a } was never opened".to_owned());
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The names of its parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Input(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The path with the inputs in place of the parameters. An input is always one segment, whatever characters it
    /// contains.
    ///
    /// # Errors
    /// The input that cannot be part of a path, and why.
    pub fn fill(&self, inputs: &Object) -> Result<String, (String, &'static str)> {
        let mut path = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Input(name) => {
                    let text = match inputs.get(name) {
                        Some(value @ (Value::String(_) | Value::Number(_) | Value::Bool(_))) => plan::as_text(value),
                        _ => return Err((name.clone(), "must be text, a number or a boolean to stand in the path")),
                    };
                    if text.is_empty() {
                        return Err((name.clone(), "must not be empty, because it stands in the path"));
                    }
                    path.extend(utf8_percent_encode(&text, RESERVED));
                }
            }
        }
        // URL parsers treat these as relative segments, escaped or not.
        let steps = |segment: &str| matches!(segment, "." | "..");
        match path.split('/').any(steps) {
            true => {
                Err((self.names().next().unwrap_or_default().to_owned(), "must not make a path segment of dots alone"))
            }
            false => Ok(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filled(template: &str, inputs: Value) -> Result<String, (String, &'static str)> {
        PathTemplate::parse(template).unwrap().fill(inputs.as_object().unwrap())
    }

    #[test]
    fn inputs_stay_in_their_places() {
        let table = [
            ("/a/{x}", json!({ "x": "b" }), "/a/b"),
            ("/a/{x}/c", json!({ "x": "b/../../d?e#f" }), "/a/b%2F..%2F..%2Fd%3Fe%23f/c"),
            ("/a/{x}-{y}.json", json!({ "x": 7, "y": true }), "/a/7-true.json"),
            ("/a/{x}", json!({ "x": "grüß %2e" }), "/a/gr%C3%BC%C3%9F%20%252e"),
            ("/plain", json!({}), "/plain"),
        ];
        for (template, inputs, path) in table {
            assert_eq!(filled(template, inputs).as_deref(), Ok(path), "{template}");
        }
    }

    #[test]
    fn what_cannot_stand_in_a_path_is_named() {
        for (template, inputs) in [
            ("/a/{x}", json!({ "x": ".." })),
            ("/a/{x}/b", json!({ "x": "." })),
            ("/a/{x}{x}", json!({ "x": "." })),
            ("/a/{x}", json!({ "x": "" })),
            ("/a/{x}", json!({ "x": null })),
            ("/a/{x}", json!({ "x": [1] })),
            ("/a/{x}", json!({})),
        ] {
            assert_eq!(filled(template, inputs.clone()).unwrap_err().0, "x", "{template} {inputs}");
        }
        for template in ["", "a", "//host/a", "/a?b", "/a#b", "/a b", "/{", "/}", "/{}", "/{a{b}}", "/a\\b"] {
            assert!(PathTemplate::parse(template).is_err(), "{template}");
        }
    }
}
