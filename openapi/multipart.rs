//! A `multipart/form-data` body (RFC 7578): its parts, written and read.
//!
//! The same type for client and server. Parts are whole in memory: the host bounds the body before it is read. Generated
//! code has a struct for each form whose fields the document lists ([`Form`]).

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The parts of a form, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Multipart {
    /// The parts.
    pub parts: Vec<Part>,
}

/// One part of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// The field that it is for.
    pub name: String,
    /// The name of the file, when the part is one.
    pub file_name: Option<String>,
    /// The content type, when it is given.
    pub media: Option<String>,
    /// The content.
    pub bytes: Bytes,
}

/// A file in a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    /// The name of the file. Servers tell a file from a field of text by it; a client sends `file` if it is missing.
    pub name: Option<String>,
    /// The content type, when it is given.
    pub media: Option<String>,
    /// The content.
    pub bytes: Bytes,
}

impl From<Bytes> for File {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, ..Self::default() }
    }
}

impl From<Part> for File {
    fn from(part: Part) -> Self {
        Self { name: part.file_name, media: part.media, bytes: part.bytes }
    }
}

/// What is sent as the parts of a form.
pub trait Form: Sized {
    /// The parts.
    ///
    /// # Errors
    /// A field that is no JSON.
    fn to_parts(&self) -> Result<Multipart, serde_json::Error>;

    /// Reads the parts.
    ///
    /// # Errors
    /// [`FieldError`].
    fn from_parts(received: Received) -> Result<Self, FieldError>;
}

impl Form for Multipart {
    fn to_parts(&self) -> Result<Multipart, serde_json::Error> {
        Ok(self.clone())
    }

    fn from_parts(received: Received) -> Result<Self, FieldError> {
        Ok(received.parts)
    }
}

/// A field of a form that cannot be read as its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct FieldError {
    /// The name of the field.
    pub name: &'static str,
    /// What was expected.
    pub reason: String,
}

/// The parts of a form that arrived, and the values of those that are no files.
#[derive(Debug, Clone, Default)]
pub struct Received {
    /// The parts.
    pub parts: Multipart,
    /// The values, as the schema has them.
    pub values: Map<String, Value>,
}

impl Received {
    /// Takes the value of a field; `null` stands for one that is absent.
    ///
    /// # Errors
    /// [`FieldError`] when it is not a `T`.
    pub fn value<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, FieldError> {
        let value = self.values.remove(name).unwrap_or_default();
        serde_json::from_value(value).map_err(|error| FieldError { name, reason: error.to_string() })
    }

    /// Takes all files of a field.
    pub fn files(&mut self, name: &str) -> Vec<File> {
        let (taken, left) = std::mem::take(&mut self.parts.parts).into_iter().partition(|part| part.name == name);
        self.parts.parts = left;
        Vec::into_iter(taken).map(File::from).collect()
    }

    /// Takes the first file of a field.
    pub fn file(&mut self, name: &str) -> Option<File> {
        self.files(name).into_iter().next()
    }

    /// Takes the first file of a field that is required.
    ///
    /// # Errors
    /// [`FieldError`] if it is missing.
    pub fn required_file(&mut self, name: &'static str) -> Result<File, FieldError> {
        self.file(name).ok_or_else(|| FieldError { name, reason: "is required".to_owned() })
    }
}

/// Why bytes are not the multipart body that their content type promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The content type has no `boundary`.
    #[error("the content type has no boundary")]
    NoBoundary,
    /// The last boundary is missing: the body was cut off.
    #[error("the body ends before its last boundary")]
    CutOff,
    /// A part has no readable head.
    #[error("part {0} has no Content-Disposition with a name")]
    NoName(usize),
}

impl Multipart {
    /// A form without parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same form with one more field of text.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let bytes = Bytes::from(text.into());
        self.parts.push(Part { name: name.into(), bytes, ..Part::default() });
        self
    }

    /// The same form with one more file.
    #[must_use]
    pub fn file(
        mut self,
        name: impl Into<String>,
        file_name: impl Into<String>,
        media: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let (file_name, media) = (Some(file_name.into()), Some(media.into()));
        self.parts.push(Part { name: name.into(), file_name, media, bytes: bytes.into() });
        self
    }

    /// Adds the parts of a field: none for null, one for each item of a list, and JSON for an object.
    ///
    /// # Errors
    /// The value is no JSON.
    pub fn push_value(
        &mut self,
        name: &str,
        media: Option<&str>,
        value: &impl Serialize,
    ) -> Result<(), serde_json::Error> {
        let values = match serde_json::to_value(value)? {
            Value::Null => Vec::new(),
            Value::Array(items) => items,
            value => vec![value],
        };
        for value in values {
            let (text, usual) = match value {
                Value::String(text) => (text, None),
                Value::Object(_) | Value::Array(_) => (value.to_string(), Some("application/json")),
                value => (value.to_string(), None),
            };
            let media = media.or(usual).map(str::to_owned);
            self.parts.push(Part { name: name.to_owned(), file_name: None, media, bytes: text.into() });
        }
        Ok(())
    }

    /// Adds a file. `media` is its content type if it says none.
    pub fn push_file(&mut self, name: &str, media: Option<&str>, file: &File) {
        let media = file.media.as_deref().or(media).unwrap_or("application/octet-stream").to_owned();
        let file_name = Some(file.name.clone().unwrap_or_else(|| "file".to_owned()));
        self.parts.push(Part { name: name.to_owned(), file_name, media: Some(media), bytes: file.bytes.clone() });
    }

    /// The first part of this name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }

    /// The content type and the body that carry these parts.
    pub fn encoded(&self) -> (String, Bytes) {
        let boundary = format!("runyard-{}", uuid::Uuid::new_v4().simple());
        let mut body = Vec::new();
        for part in &self.parts {
            let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name));
            if let Some(name) = &part.file_name {
                head.push_str(&format!("; filename=\"{}\"", quoted(name)));
            }
            if let Some(media) = &part.media {
                head.push_str(&format!("\r\nContent-Type: {}", media.replace(['\r', '\n'], " ")));
            }
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(&part.bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body.into())
    }

    /// The parts in a body with this content type.
    ///
    /// # Errors
    /// [`MultipartError`].
    pub fn decoded(content_type: &str, body: &Bytes) -> Result<Self, MultipartError> {
        let boundary = parameter(content_type, "boundary").ok_or(MultipartError::NoBoundary)?;
        let line = format!("--{boundary}");
        let next = format!("\r\n{line}");
        let mut parts = Vec::new();
        // What stands before the first boundary is for readers of old (RFC 2046, section 5.1.1).
        let mut at = find(body, line.as_bytes(), 0).ok_or(MultipartError::CutOff)? + line.len();
        loop {
            if body[at..].starts_with(b"--") {
                return Ok(Self { parts });
            }
            let start = find(body, b"\r\n", at).ok_or(MultipartError::CutOff)? + 2;
            let end = find(body, next.as_bytes(), start.saturating_sub(2)).ok_or(MultipartError::CutOff)?;
            parts.push(part(body, start, end.max(start)).ok_or(MultipartError::NoName(parts.len() + 1))?);
            at = end + next.len();
        }
    }

    /// The parts as the JSON object that a schema describes: text as its schema's type, and files as empty text. `lists`:
    /// whether a field is a list, even of one part.
    pub fn described(&self, lists: impl Fn(&str) -> bool, typed: impl Fn(&str, &str) -> Value) -> Value {
        let mut fields: Map<String, Value> = Map::new();
        for part in &self.parts {
            let text = std::str::from_utf8(&part.bytes).ok().filter(|_| part.file_name.is_none());
            let value = text.map_or_else(|| Value::String(String::new()), |text| typed(&part.name, text));
            match fields.get_mut(&part.name) {
                Some(Value::Array(items)) => items.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
                None => {
                    let value = if lists(&part.name) { Value::Array(vec![value]) } else { value };
                    fields.insert(part.name.clone(), value);
                }
            }
        }
        Value::Object(fields)
    }
}

/// One part: its head up to the empty line, and the rest.
fn part(body: &Bytes, start: usize, end: usize) -> Option<Part> {
    let blank = find(&body[..end], b"\r\n\r\n", start)?;
    let head = std::str::from_utf8(&body[start..blank]).ok()?;
    let field = |wanted: &str| {
        head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case(wanted).then_some(value.trim())
        })
    };
    let disposition = field("content-disposition")?;
    Some(Part {
        name: parameter(disposition, "name")?,
        file_name: parameter(disposition, "filename"),
        media: field("content-type").map(str::to_owned),
        bytes: body.slice(blank + 4..end),
    })
}

/// `parameter=value` or `parameter="value"` after a semicolon.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once(';') {
        let (name, value) = after.split_once('=')?;
        let (value, left) = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = value.find(';').unwrap_or(value.len());
                (value[..end].trim().to_owned(), &value[end..])
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = left;
    }
    None
}

/// The text up to the closing quote, and what comes after it. A backslash escapes a quote or itself; browsers write `%22` instead.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((index, letter)) = letters.next() {
        match letter {
            '"' => {
                return Some((
                    value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"),
                    &text[index + 1..],
                ));
            }
            '\\' if text[index + 1..].starts_with(['"', '\\']) => value.push(letters.next()?.1),
            letter => value.push(letter),
        }
    }
    None
}

/// A name as it may stand between quotes (WHATWG, "multipart/form-data encoding algorithm").
fn quoted(name: &str) -> String {
    name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22")
}

fn find(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    text.get(from..)?.windows(wanted.len()).position(|window| window == wanted).map(|at| at + from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_were_written() {
        let form = Multipart::new().text("title", "a\r\nb").text("", "").file(
            "file \"1\"",
            "x\r\ny.bin",
            "application/octet-stream",
            vec![0, 13, 10, 45, 45, 255],
        );
        let (media, body) = form.encoded();
        assert_eq!(Multipart::decoded(&media, &body), Ok(form));
        assert_eq!(Multipart::decoded("multipart/form-data; boundary=x", &Bytes::from("--x--")), Ok(Multipart::new()));
    }

    #[test]
    fn broken_bodies_are_errors() {
        let (media, body) = Multipart::new().text("a", "b").encoded();
        for cut in 0..body.len() - 4 {
            assert_eq!(Multipart::decoded(&media, &body.slice(..cut)), Err(MultipartError::CutOff), "cut at {cut}");
        }
        assert_eq!(Multipart::decoded("multipart/form-data", &body), Err(MultipartError::NoBoundary));
        let nameless = Bytes::from("--x\r\nA: b\r\n\r\nc\r\n--x--");
        assert_eq!(
            Multipart::decoded("multipart/form-data; boundary=\"x\"", &nameless),
            Err(MultipartError::NoName(1))
        );
    }
}
