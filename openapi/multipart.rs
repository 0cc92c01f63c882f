//! A `multipart/form-data` body (RFC 7578): its parts, written and read.
//!
//! The same type for client and server. Parts are whole in memory: the host bounds the body before it is read.

use bytes::Bytes;
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

    /// The parts as the JSON object that a schema describes: text as its schema's type, files as text that says nothing of them.
    pub fn described(&self, typed: impl Fn(&str, &str) -> Value) -> Value {
        let mut fields: Map<String, Value> = Map::new();
        for part in &self.parts {
            let text = std::str::from_utf8(&part.bytes).ok().filter(|_| part.file_name.is_none());
            let value = text.map_or_else(|| Value::String(String::new()), |text| typed(&part.name, text));
            match fields.get_mut(&part.name) {
                Some(Value::Array(items)) => items.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
                None => {
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
                return Some((value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"), &text[index + 1..]));
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
