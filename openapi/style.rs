//! How a value that is more than one text is written in a parameter or a form (OpenAPI, "Style Values").
//!
//! The client writes with [`Style::write`], the host reads with what its router and query give it; both mean the same forms.

use serde_json::Value;

/// How lists and objects are written. A single value is written as its text in every style but [`Json`](Self::Json).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// `name=a&name=b`, and an object's properties as parameters of their own: `form` with `explode`.
    Repeated,
    /// `a,b` and `key,value`: `form` without `explode`, and `simple`.
    Commas,
    /// `a b`: `spaceDelimited`.
    Spaces,
    /// `a|b`: `pipeDelimited`.
    Pipes,
    /// `name[key]=value`: `deepObject`.
    Brackets,
    /// `key=value,key=value`: `simple` with `explode`.
    Pairs,
    /// JSON text: a parameter with `content`.
    Json,
    /// `.a,b` and `.key,value` in a path: `label`.
    Label,
    /// `.a.b` and `.key=value.key=value` in a path: `label` with `explode`.
    LabelPairs,
    /// `;name=a,b` and `;name=key,value` in a path: `matrix`.
    Matrix,
    /// `;name=a;name=b` and `;key=value;key=value` in a path: `matrix` with `explode`.
    MatrixPairs,
}

impl Style {
    /// What stands between the items of a list that is one text. `None` where items are repeated.
    pub fn separator(self) -> Option<char> {
        match self {
            Self::Commas | Self::Pairs | Self::Label | Self::Matrix | Self::MatrixPairs => Some(','),
            Self::LabelPairs => Some('.'),
            Self::Spaces => Some(' '),
            Self::Pipes => Some('|'),
            Self::Repeated | Self::Brackets | Self::Json => None,
        }
    }

    /// Names and texts of a value. Nothing for `null`, which stands for a parameter that is not sent.
    pub fn write(self, name: &str, value: &Value) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        match (self, value) {
            (_, Value::Null) => {}
            (Self::Json, value) => pairs.push((name.to_owned(), value.to_string())),
            (Self::Brackets, value) => brackets(name, value, &mut pairs),
            (Self::Repeated, Value::Array(items)) => {
                pairs.extend(present(items).map(|item| (name.to_owned(), text(item))))
            }
            (Self::Repeated, Value::Object(fields)) => {
                fields.iter().for_each(|(key, field)| brackets(key, field, &mut pairs));
            }
            (_, value) => pairs.push((name.to_owned(), self.joined(value))),
        }
        pairs
    }

    /// Whether the properties of an object are `key=value`.
    pub fn has_pairs(self) -> bool {
        matches!(self, Self::Pairs | Self::LabelPairs)
    }

    /// The value as a path has it (RFC 6570, sections 3.2.5 and 3.2.7, for `label` and `matrix`).
    pub fn segment(self, name: &str, value: &Value) -> String {
        let listed = |pairs: &mut dyn Iterator<Item = (&str, &Value)>| {
            pairs.filter(|(_, value)| !value.is_null()).map(|(key, value)| format!(";{key}={}", text(value))).collect()
        };
        match (self, value) {
            (Self::Label | Self::LabelPairs, value) => format!(".{}", self.joined(value)),
            (Self::MatrixPairs, Value::Array(items)) => listed(&mut items.iter().map(|item| (name, item))),
            (Self::MatrixPairs, Value::Object(fields)) => {
                listed(&mut fields.iter().map(|(key, field)| (key.as_str(), field)))
            }
            (Self::Matrix | Self::MatrixPairs, value) => format!(";{name}={}", self.joined(value)),
            (_, value) => self.joined(value),
        }
    }

    /// The value as one text, as a header has it.
    pub fn joined(self, value: &Value) -> String {
        let separator = self.separator().unwrap_or(',').to_string();
        match value {
            _ if self == Self::Json => value.to_string(),
            Value::Array(items) => present(items).map(text).collect::<Vec<_>>().join(&separator),
            Value::Object(fields) => {
                let between = if self.has_pairs() { "=" } else { &separator };
                let fields = fields.iter().filter(|(_, field)| !field.is_null());
                fields.map(|(key, field)| format!("{key}{between}{}", text(field))).collect::<Vec<_>>().join(&separator)
            }
            value => text(value),
        }
    }
}

/// `name[key]` for objects, as deep as they are; a list repeats its name.
fn brackets(name: &str, value: &Value, pairs: &mut Vec<(String, String)>) {
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| brackets(&format!("{name}[{key}]"), field, pairs));
        }
        Value::Array(items) => present(items).for_each(|item| brackets(name, item, pairs)),
        value => pairs.push((name.to_owned(), text(value))),
    }
}

fn present(items: &[Value]) -> impl Iterator<Item = &Value> {
    items.iter().filter(|item| !item.is_null())
}

/// A single value's text: without the quotes that JSON puts around a string.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(style: Style, value: &Value) -> String {
        let pairs = style.write("p", value);
        pairs.iter().map(|(name, text)| format!("{name}={text}")).collect::<Vec<_>>().join("&")
    }

    #[test]
    fn each_style_writes_lists_and_objects_as_openapi_says() {
        let list = json!(["a", 2, null]);
        let object = json!({ "k": "v", "n": null, "l": [1, 2] });
        let flat = json!({ "k": "v", "m": 1 });
        assert_eq!(written(Style::Repeated, &list), "p=a&p=2");
        assert_eq!(written(Style::Commas, &list), "p=a,2");
        assert_eq!(written(Style::Spaces, &list), "p=a 2");
        assert_eq!(written(Style::Pipes, &list), "p=a|2");
        assert_eq!(written(Style::Brackets, &object), "p[k]=v&p[l]=1&p[l]=2");
        assert_eq!(written(Style::Repeated, &object), "k=v&l=1&l=2");
        assert_eq!(written(Style::Commas, &flat), "p=k,v,m,1");
        assert_eq!(written(Style::Pairs, &flat), "p=k=v,m=1");
        assert_eq!(written(Style::Json, &flat), r#"p={"k":"v","m":1}"#);
        assert_eq!(written(Style::Commas, &json!(true)), "p=true");
        let in_path = |value: &Value| {
            [Style::Label, Style::LabelPairs, Style::Matrix, Style::MatrixPairs].map(|style| style.segment("p", value))
        };
        assert_eq!(in_path(&list), [".a,2", ".a.2", ";p=a,2", ";p=a;p=2"]);
        assert_eq!(in_path(&flat), [".k,v,m,1", ".k=v.m=1", ";p=k,v,m,1", ";k=v;m=1"]);
        assert_eq!(in_path(&json!(3)), [".3", ".3", ";p=3", ";p=3"]);
        assert_eq!(written(Style::Repeated, &json!(null)), "");
    }
}
