//! The subset of JSONPath (RFC 9535) that overlays of OpenAPI documents need.
//!
//! `$`, `.name`, `['name']`, `.*`, `[*]`, `[0]`, and `[?@.name == 'text']` (also in the older form
//! `[?(@.name=='text')]`). Everything else is an error: an overlay that silently matched less than its author meant
//! would change a document in an unexpected way.

use serde_json::Value;

/// One step from a value to some of its children.
#[derive(Debug, PartialEq)]
enum Step {
    Name(String),
    Index(usize),
    Every,
    Having { name: String, text: String },
}

/// A parsed path.
#[derive(Debug)]
pub(crate) struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Parses a path. The error says what is not supported.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.trim().strip_prefix('$').ok_or("must start with `$`")?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = if rest.starts_with("..") {
                return Err("`..` is not understood: spell the path out, with `*` where it varies".into());
            } else if let Some(after) = rest.strip_prefix('.') {
                dotted(after)?
            } else if let Some(after) = rest.strip_prefix('[') {
                bracketed(after)?
            } else {
                return Err(format!("expected `.` or `[` at `{rest}`"));
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps))
    }

    /// JSON pointers (as lists of segments) to everything that matches, in document order.
    pub(crate) fn matches(&self, root: &Value) -> Vec<Vec<String>> {
        let mut found = vec![(Vec::new(), root)];
        for step in &self.0 {
            found = found.into_iter().flat_map(|(path, value)| children(step, &path, value)).collect();
        }
        found.into_iter().map(|(path, _)| path).collect()
    }
}

fn children<'a>(step: &Step, path: &[String], value: &'a Value) -> Vec<(Vec<String>, &'a Value)> {
    let at = |segment: String, child: &'a Value| (path.iter().cloned().chain([segment]).collect(), child);
    let all = || -> Vec<(String, &'a Value)> {
        match value {
            Value::Object(fields) => fields.iter().map(|(key, child)| (key.clone(), child)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(index, child)| (index.to_string(), child)).collect(),
            _ => Vec::new(),
        }
    };
    match step {
        Step::Name(name) => value.get(name.as_str()).map(|child| at(name.clone(), child)).into_iter().collect(),
        Step::Index(index) => value.get(*index).map(|child| at(index.to_string(), child)).into_iter().collect(),
        Step::Every => all().into_iter().map(|(segment, child)| at(segment, child)).collect(),
        Step::Having { name, text } => {
            let has = |child: &Value| child.get(name.as_str()).and_then(Value::as_str) == Some(text.as_str());
            all().into_iter().filter(|(_, child)| has(child)).map(|(segment, child)| at(segment, child)).collect()
        }
    }
}

fn dotted(rest: &str) -> Result<(Step, &str), String> {
    if let Some(after) = rest.strip_prefix('*') {
        return Ok((Step::Every, after));
    }
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    let plain = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if plain {
        Ok((Step::Name(name.to_owned()), after))
    } else {
        Err(format!("`.{name}` is not a plain name: write `['{name}']`"))
    }
}

fn bracketed(rest: &str) -> Result<(Step, &str), String> {
    let rest = rest.trim_start();
    if let Some(after) = rest.strip_prefix('*') {
        return Ok((Step::Every, closed(after)?));
    }
    if let Some(after) = rest.strip_prefix('?') {
        return having(after);
    }
    if rest.starts_with(['\'', '"']) {
        let (name, after) = quoted(rest)?;
        return Ok((Step::Name(name), closed(after)?));
    }
    let end = rest.find(']').ok_or("`[` is not closed")?;
    let index = rest[..end].trim().parse().map_err(|_| format!("`[{}]` is not understood", &rest[..end]))?;
    Ok((Step::Index(index), &rest[end + 1..]))
}

fn having(rest: &str) -> Result<(Step, &str), String> {
    let only = || "only filters of the form `[?@.name == 'text']` are understood".to_owned();
    let rest = rest.trim_start();
    let (rest, parenthesised) = rest.strip_prefix('(').map_or((rest, false), |inner| (inner, true));
    let rest = rest.trim_start().strip_prefix("@.").ok_or_else(only)?;
    let (name, rest) = rest.split_once("==").ok_or_else(only)?;
    let (text, rest) = quoted(rest.trim_start()).map_err(|_| only())?;
    let name = name.trim().to_owned();
    if !name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
        return Err(only());
    }
    let rest = if parenthesised { rest.trim_start().strip_prefix(')').ok_or_else(only)? } else { rest };
    Ok((Step::Having { name, text }, closed(rest)?))
}

/// A text in single or double quotes. Quotes inside are refused, because no key of OpenAPI has one.
fn quoted(rest: &str) -> Result<(String, &str), String> {
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"')).ok_or("expected a quote")?;
    let inner = &rest[1..];
    let end = inner.find(quote).ok_or("a quote is not closed")?;
    if inner[..end].contains('\\') {
        return Err("escapes in quoted names are not understood".into());
    }
    Ok((inner[..end].to_owned(), &inner[end + 1..]))
}

fn closed(rest: &str) -> Result<&str, String> {
    rest.trim_start().strip_prefix(']').ok_or_else(|| "`[` is not closed".into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(path: &str) -> Vec<String> {
        let document = json!({
            "paths": { "/v1/runs": { "get": { "responses": { "200": {} } }, "parameters": [{ "name": "a", "in": "query" }, { "name": "b" }] },
                       "/v1/x.y": { "post": { "responses": {} } } },
        });
        JsonPath::parse(path).unwrap().matches(&document).into_iter().map(|path| path.join(" ")).collect()
    }

    #[test]
    fn a_path_finds_what_it_names() {
        assert_eq!(found("$"), [""]);
        assert_eq!(found("$.paths['/v1/x.y'].post"), ["paths /v1/x.y post"]);
        assert_eq!(found("$.paths.*.*.responses"), ["paths /v1/runs get responses", "paths /v1/x.y post responses"]);
        assert_eq!(found("$.paths[*].get.responses[\"200\"]"), ["paths /v1/runs get responses 200"]);
        assert_eq!(found("$.paths['/v1/runs'].get.responses.200"), ["paths /v1/runs get responses 200"]);
        assert_eq!(found("$.paths['/v1/runs'].parameters[1]"), ["paths /v1/runs parameters 1"]);
        assert_eq!(found("$.paths['/v1/runs'].parameters[?@.name == 'a']"), ["paths /v1/runs parameters 0"]);
        assert_eq!(found("$.paths['/v1/runs'].parameters[?(@.name=='b')]"), ["paths /v1/runs parameters 1"]);
        assert!(found("$.paths['/v2']").is_empty());
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for path in [
            "paths",
            "$..get",
            "$.paths./v1",
            "$.paths['a",
            "$.paths[a]",
            "$.a[?@.n > 3]",
            "$.a[?length(@)]",
            "$a",
            "$.",
            "$['a\\'b']",
        ] {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }
}
