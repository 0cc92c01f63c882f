//! Inputs in one line for people who decide about them: bounded, and without what looks like a secret.

use serde_json::{Map, Value};

use super::output::one_line;

/// The longest line, characters.
const CHARS_MAX: usize = 240;
/// The longest text within it, characters.
const TEXT_CHARS_MAX: usize = 120;
/// What stands in the place of a secret.
const MASK: &str = "***";
/// A member with one of these in its name is not shown.
const SECRET_NAMES: [&str; 7] = ["password", "passwd", "secret", "token", "authorization", "credential", "apikey"];

/// Inputs as `name: value, ...`. Empty where there are none.
pub(super) fn shown(inputs: &Map<String, Value>) -> String {
    let mut line = String::new();
    for (name, value) in inputs {
        if !line.is_empty() {
            line.push_str(", ");
        }
        let value = if is_secret(name) { MASK.to_owned() } else { masked(value).to_string() };
        line.push_str(&format!("{name}: {value}"));
        if line.chars().nth(CHARS_MAX).is_some() {
            break;
        }
    }
    one_line(&cut(&line, CHARS_MAX))
}

/// No more than so many characters; three dots stand for the rest.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn is_secret(name: &str) -> bool {
    let bare: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let bare = bare.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| bare.contains(secret))
}

/// The value with secrets masked and long texts cut. Values nest at most as deep as the server accepts.
fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(cut(text, TEXT_CHARS_MAX)),
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let value = if is_secret(name) { Value::String(MASK.to_owned()) } else { masked(value) };
                (name.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(inputs: Value) -> String {
        let Value::Object(inputs) = inputs else { panic!("an object") };
        shown(&inputs)
    }

    #[test]
    fn inputs_are_shown_on_one_line_without_secrets() {
        let inputs = json!({ "to": "ada@example.org", "n": 3, "api_key": "hunter2", "head": { "Authorization": "x", "a": [1] } });
        assert_eq!(
            line(inputs),
            "to: \"ada@example.org\", n: 3, api_key: ***, head: {\"Authorization\":\"***\",\"a\":[1]}"
        );
        assert_eq!(line(json!({})), "");
    }

    #[test]
    fn long_inputs_are_cut_at_a_character() {
        let long = line(json!({ "a": "é".repeat(10_000), "b": "é".repeat(10_000), "c": "é".repeat(10_000) }));
        assert!(long.ends_with("...") && long.chars().count() <= CHARS_MAX + 3, "{long}");
    }
}
