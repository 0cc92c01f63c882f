//! Bodies: JSON, forms, multipart, text and bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use runyard_engine::plan;
use serde_json::{Map, Value, json};

use super::parameters::{Location, Parameter, ParameterStyle};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    Json,
    Form,
    Multipart,
    Text,
    /// The input is base64.
    Bytes,
}

/// The body of an operation.
#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) media_type: String,
    pub(super) kind: BodyKind,
    /// The input with its value.
    pub(super) input: String,
    /// `encoding` of the media type, by property.
    pub(super) encoding: Map<String, Value>,
}

impl BodyKind {
    /// The kind of a media type, in the order of preference.
    pub(super) fn of(media_type: &str) -> Self {
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" | "text/json" | "*/*" => Self::Json,
            kind if kind.ends_with("+json") => Self::Json,
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart,
            "application/xml" => Self::Text,
            kind if kind.starts_with("text/") || kind.ends_with("+xml") => Self::Text,
            _ => Self::Bytes,
        }
    }

    /// The lower, the better.
    pub(super) fn rank(self) -> u8 {
        self as u8
    }
}

impl Body {
    /// The content type and the bytes. `boundary` separates the parts of a multipart body.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub(super) fn write(&self, value: &Value, boundary: &str) -> Result<(String, Vec<u8>), &'static str> {
        let media_type = if self.media_type.contains('*') { self.default_type() } else { &self.media_type };
        let bytes = match self.kind {
            BodyKind::Json => value.to_string().into_bytes(),
            BodyKind::Text => plan::as_text(value).into_bytes(),
            BodyKind::Bytes => bytes(value)?,
            BodyKind::Form => self.form(value)?.into_bytes(),
            BodyKind::Multipart => {
                return Ok((format!("multipart/form-data; boundary={boundary}"), self.parts(value, boundary)?));
            }
        };
        Ok((media_type.to_owned(), bytes))
    }

    fn default_type(&self) -> &'static str {
        match self.kind {
            BodyKind::Json => "application/json",
            BodyKind::Text => "text/plain",
            _ => "application/octet-stream",
        }
    }

    fn form(&self, value: &Value) -> Result<String, &'static str> {
        let members = value.as_object().ok_or("must be an object, because it is sent as a form")?;
        let pair = |(name, value): (&String, &Value)| {
            let encoding = self.encoding.get(name).unwrap_or(&Value::Null);
            let style = encoding["style"].as_str().and_then(ParameterStyle::named).unwrap_or(ParameterStyle::Form);
            let explode = encoding["explode"].as_bool().unwrap_or(style == ParameterStyle::Form);
            let is_json = encoding["contentType"].as_str().is_some_and(|kind| BodyKind::of(kind) == BodyKind::Json);
            let style = if is_json { ParameterStyle::Content { json: true } } else { style };
            let (name, location) = (name.clone(), Location::Query);
            Parameter { input: name.clone(), name, location, style, explode, allow_reserved: false }.pairs(value)
        };
        let pairs = members.iter().flat_map(pair).map(|(name, text)| format!("{name}={text}"));
        Ok(pairs.collect::<Vec<_>>().join("&"))
    }

    fn parts(&self, value: &Value, boundary: &str) -> Result<Vec<u8>, &'static str> {
        let members = value.as_object().ok_or("must be an object, because it is sent in parts")?;
        let mut body = Vec::new();
        for (name, value) in members {
            let items = match value {
                Value::Array(items) => items.iter().collect(),
                Value::Null => Vec::new(),
                one => vec![one],
            };
            for item in items {
                self.part(name, item, boundary, &mut body)?;
            }
        }
        body.extend(format!("--{boundary}--\r\n").into_bytes());
        Ok(body)
    }

    fn part(&self, name: &str, value: &Value, boundary: &str, body: &mut Vec<u8>) -> Result<(), &'static str> {
        let written = self.encoding.get(name).and_then(|encoding| encoding["contentType"].as_str());
        let written =
            written.and_then(|kinds| kinds.split(',').next()).map(str::trim).filter(|kind| !kind.contains('*'));
        let is_file = value.get("content_base64").is_some();
        let default = if is_file { Some("application/octet-stream") } else { None };
        let default = if value.is_object() && !is_file { Some("application/json") } else { default };
        let kind = value["content_type"].as_str().filter(|_| is_file).or(written).or(default);
        let filename = value["filename"].as_str().or(is_file.then_some("file")).filter(|_| is_file);
        let content = match value {
            Value::Object(_) if is_file => bytes(&value["content_base64"])?,
            value => plan::as_text(value).into_bytes(),
        };
        let quoted = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let mut head = format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"", quoted(name));
        if let Some(filename) = filename {
            head.push_str(&format!("; filename=\"{}\"", quoted(filename)));
        }
        if let Some(kind) = kind {
            if kind.chars().any(char::is_control) {
                return Err("has a content type that cannot be sent");
            }
            head.push_str(&format!("\r\ncontent-type: {kind}"));
        }
        body.extend(head.into_bytes());
        body.extend(b"\r\n\r\n");
        body.extend(content);
        body.extend(b"\r\n");
        Ok(())
    }
}

/// The schema of a file in a multipart body: text, or base64 with a name and a type.
pub(super) fn file_schema() -> Value {
    json!({ "anyOf": [{ "type": "string", "description": "The content as text." }, {
        "type": "object", "required": ["content_base64"], "properties": {
            "content_base64": { "type": "string" }, "filename": { "type": "string" }, "content_type": { "type": "string" }
        }
    }] })
}

fn bytes(value: &Value) -> Result<Vec<u8>, &'static str> {
    value.as_str().and_then(|text| STANDARD.decode(text).ok()).ok_or("must be base64")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(media_type: &str, encoding: Value, value: Value) -> (String, String) {
        let encoding = encoding.as_object().unwrap().clone();
        let kind = BodyKind::of(media_type);
        let body = Body { media_type: media_type.to_owned(), kind, input: "body".to_owned(), encoding };
        let (kind, bytes) = body.write(&value, "b").unwrap();
        (kind, String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn every_kind_of_body_is_written() {
        let pair = |kind: &str, text: &str| (kind.to_owned(), text.to_owned());
        let json_type = "application/vnd.desk+json";
        assert_eq!(written(json_type, json!({}), json!({ "a": 1 })), pair(json_type, "{\"a\":1}"));
        let form = "application/x-www-form-urlencoded";
        let encoding = json!({ "d": { "style": "deepObject", "explode": true } });
        assert_eq!(
            written(form, encoding, json!({ "a": ["x y", 2], "d": { "k": true } })),
            pair(form, "a=x%20y&a=2&d%5Bk%5D=true")
        );
        assert_eq!(written("text/plain", json!({}), json!("a")), pair("text/plain", "a"));
        assert_eq!(written("application/pdf", json!({}), json!("YWI=")), pair("application/pdf", "ab"));
        let parts = json!({ "t": "x", "o": { "k": 1 }, "f": { "content_base64": "YWI=", "filename": "a\".txt" } });
        let (kind, text) = written("multipart/form-data", json!({}), parts);
        assert_eq!(kind, "multipart/form-data; boundary=b");
        assert_eq!(
            text,
            "--b\r\ncontent-disposition: form-data; name=\"t\"\r\n\r\nx\r\n\
             --b\r\ncontent-disposition: form-data; name=\"o\"\r\ncontent-type: application/json\r\n\r\n{\"k\":1}\r\n\
             --b\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a%22.txt\"\r\ncontent-type: application/octet-stream\r\n\r\nab\r\n\
             --b--\r\n"
        );
    }
}
