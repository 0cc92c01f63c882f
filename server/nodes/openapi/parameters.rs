//! Parameters: their styles, and how a value is written in each (OpenAPI, "Style Values").

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use runyard_engine::plan;
use serde_json::Value;

/// Everything but RFC 3986's unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same with `allowReserved`: reserved characters stay, but those that end a value of a query.
const ENDING: &AsciiSet = &RESERVED
    .remove(b':')
    .remove(b'/')
    .remove(b'?')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b'[')
    .remove(b']');

/// Where a parameter is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    Path,
    Query,
    Header,
    Cookie,
}

/// How lists and objects are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ParameterStyle {
    Simple,
    Label,
    Matrix,
    Form,
    Space,
    Pipe,
    Tab,
    Deep,
    /// A parameter with `content`: JSON, or text as it is.
    Content {
        json: bool,
    },
}

/// One parameter.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameter {
    /// Its name at the service.
    pub(super) name: String,
    /// The input with its value.
    pub(super) input: String,
    pub(super) location: Location,
    pub(super) style: ParameterStyle,
    pub(super) explode: bool,
    pub(super) allow_reserved: bool,
}

impl ParameterStyle {
    /// The style with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "simple" => Self::Simple,
            "label" => Self::Label,
            "matrix" => Self::Matrix,
            "form" => Self::Form,
            "spaceDelimited" => Self::Space,
            "pipeDelimited" => Self::Pipe,
            "tabDelimited" => Self::Tab,
            "deepObject" => Self::Deep,
            _ => return None,
        })
    }
}

impl Parameter {
    /// The text in a path.
    pub(super) fn segment(&self, value: &Value) -> String {
        let name = encoded(&self.name);
        let items = self.items(value);
        let pair = |name: &str, text: &str| {
            if text.is_empty() { format!(";{name}") } else { format!(";{name}={text}") }
        };
        match (self.style, self.explode) {
            (ParameterStyle::Label, true) => items.iter().map(|item| format!(".{}", item.pair())).collect(),
            (ParameterStyle::Label, false) => format!(".{}", flat(&items, ",")),
            (ParameterStyle::Matrix, true) => {
                items.iter().map(|item| pair(item.key.as_deref().unwrap_or(&name), &item.text)).collect()
            }
            (ParameterStyle::Matrix, false) => pair(&name, &flat(&items, ",")),
            (_, true) => items.iter().map(Item::pair).collect::<Vec<_>>().join(","),
            (_, false) => flat(&items, ","),
        }
    }

    /// The text of a header, which is not escaped.
    pub(super) fn header(&self, value: &Value) -> String {
        let items = self.items(value);
        if self.explode { items.iter().map(Item::pair).collect::<Vec<_>>().join(",") } else { flat(&items, ",") }
    }

    /// The pairs of a query, a form or a cookie, escaped.
    pub(super) fn pairs(&self, value: &Value) -> Vec<(String, String)> {
        let name = encoded(&self.name);
        if self.style == ParameterStyle::Deep {
            let mut pairs = Vec::new();
            self.deep(&name, value, &mut pairs);
            return pairs;
        }
        let items = self.items(value);
        if items.is_empty() {
            return Vec::new();
        }
        let is_single = items.iter().all(|item| item.key.is_none()) && !value.is_array();
        match (self.style, self.explode) {
            _ if is_single => vec![(name, flat(&items, ","))],
            (ParameterStyle::Space, _) => vec![(name, flat(&items, "%20"))],
            (ParameterStyle::Pipe, _) => vec![(name, flat(&items, "%7C"))],
            (ParameterStyle::Tab, _) => vec![(name, flat(&items, "%09"))],
            (_, false) => vec![(name, flat(&items, ","))],
            (_, true) => items.into_iter().map(|item| (item.key.unwrap_or_else(|| name.clone()), item.text)).collect(),
        }
    }

    fn deep(&self, name: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
        match value {
            Value::Null => {}
            Value::Object(members) => {
                for (key, value) in members {
                    self.deep(&format!("{name}%5B{}%5D", encoded(key)), value, pairs);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.deep(name, item, pairs)),
            value => pairs.push((name.to_owned(), self.escaped(&plan::as_text(value)))),
        }
    }

    fn items(&self, value: &Value) -> Vec<Item> {
        let item = |key: Option<&String>, value: &Value| {
            let key = key.map(|key| if self.location == Location::Header { key.clone() } else { encoded(key) });
            Item { key, text: self.escaped(&plan::as_text(value)) }
        };
        match (self.style, value) {
            (_, Value::Null) => Vec::new(),
            (ParameterStyle::Content { json: true }, value) => {
                vec![Item { key: None, text: self.escaped(&value.to_string()) }]
            }
            (ParameterStyle::Content { json: false }, value) => vec![item(None, value)],
            (_, Value::Array(items)) => items.iter().filter(|one| !one.is_null()).map(|one| item(None, one)).collect(),
            (_, Value::Object(members)) => {
                members.iter().filter(|(_, one)| !one.is_null()).map(|(key, one)| item(Some(key), one)).collect()
            }
            (_, value) => vec![item(None, value)],
        }
    }

    fn escaped(&self, text: &str) -> String {
        match self.location {
            Location::Header => text.to_owned(),
            Location::Query if self.allow_reserved => utf8_percent_encode(text, ENDING).to_string(),
            _ => encoded(text),
        }
    }
}

/// One item of a list, or one member of an object.
struct Item {
    key: Option<String>,
    text: String,
}

impl Item {
    fn pair(&self) -> String {
        self.key.as_ref().map_or_else(|| self.text.clone(), |key| format!("{key}={}", self.text))
    }
}

/// Keys and values in one row.
fn flat(items: &[Item], separator: &str) -> String {
    let texts = items.iter().flat_map(|item| item.key.iter().chain(std::iter::once(&item.text)));
    texts.map(String::as_str).collect::<Vec<_>>().join(separator)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameter(location: Location, style: &str, explode: bool) -> Parameter {
        let style = ParameterStyle::named(style).unwrap_or(ParameterStyle::Content { json: true });
        Parameter { name: "p".to_owned(), input: "p".to_owned(), location, style, explode, allow_reserved: false }
    }

    #[test]
    fn every_style_in_a_path_and_a_header_is_written_as_openapi_says() {
        let (single, list, object) = (json!("a b"), json!(["a,b", 2]), json!({ "k": "v", "n": 1 }));
        for (style, explode, texts) in [
            ("simple", false, ["a%20b", "a%2Cb,2", "k,v,n,1"]),
            ("simple", true, ["a%20b", "a%2Cb,2", "k=v,n=1"]),
            ("label", false, [".a%20b", ".a%2Cb,2", ".k,v,n,1"]),
            ("label", true, [".a%20b", ".a%2Cb.2", ".k=v.n=1"]),
            ("matrix", false, [";p=a%20b", ";p=a%2Cb,2", ";p=k,v,n,1"]),
            ("matrix", true, [";p=a%20b", ";p=a%2Cb;p=2", ";k=v;n=1"]),
        ] {
            let parameter = parameter(Location::Path, style, explode);
            assert_eq!([&single, &list, &object].map(|value| parameter.segment(value)), texts, "{style} {explode}");
        }
        assert_eq!(parameter(Location::Header, "simple", false).header(&object), "k,v,n,1");
        assert_eq!(parameter(Location::Header, "simple", true).header(&object), "k=v,n=1");
    }

    #[test]
    fn every_style_in_a_query_is_written_as_openapi_says() {
        let (single, list, object) = (json!("a&b"), json!(["a", 2, null]), json!({ "k": "v", "n": { "m": 1 } }));
        for (style, explode, texts) in [
            ("form", true, ["p=a%26b", "p=a&p=2", "k=v&n=%7B%22m%22%3A1%7D"]),
            ("form", false, ["p=a%26b", "p=a,2", "p=k,v,n,%7B%22m%22%3A1%7D"]),
            ("spaceDelimited", false, ["p=a%26b", "p=a%202", "p=k%20v%20n%20%7B%22m%22%3A1%7D"]),
            ("pipeDelimited", false, ["p=a%26b", "p=a%7C2", "p=k%7Cv%7Cn%7C%7B%22m%22%3A1%7D"]),
            ("deepObject", true, ["p=a%26b", "p=a&p=2", "p%5Bk%5D=v&p%5Bn%5D%5Bm%5D=1"]),
            (
                "content",
                true,
                [
                    "p=%22a%26b%22",
                    "p=%5B%22a%22%2C2%2Cnull%5D",
                    "p=%7B%22k%22%3A%22v%22%2C%22n%22%3A%7B%22m%22%3A1%7D%7D",
                ],
            ),
        ] {
            let parameter = parameter(Location::Query, style, explode);
            let written = |value: &Value| {
                parameter.pairs(value).iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join("&")
            };
            assert_eq!([&single, &list, &object].map(written), texts, "{style} {explode}");
        }
        let reserved = Parameter { allow_reserved: true, ..parameter(Location::Query, "form", true) };
        assert_eq!(reserved.pairs(&json!("/a?b=c&d")), [("p".to_owned(), "/a?b=c%26d".to_owned())]);
    }
}
