//! Builds a request for generated code: parameters by style, headers, one body.
//!
//! The setters do not fail: [`Outgoing::send`] returns the first value that cannot be serialized, and sends nothing.

use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Request, Response, Url};
use serde::Serialize;
use serde_json::Value;

use super::{Behaviour, BoxError, Operation, Unanswered};
use crate::multipart::Form;
use crate::style::Style;

/// Characters that are escaped in a path segment (WHATWG URL, "path percent-encode set", with `%` and `/`).
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'/')
    .add(b'%');

/// Characters that are escaped in a query or a form (WHATWG URL, "application/x-www-form-urlencoded percent-encode
/// set").
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// A request of one operation.
#[derive(Debug)]
pub struct Outgoing {
    operation: &'static Operation,
    path: Vec<(&'static str, String)>,
    query: String,
    headers: HeaderMap,
    cookies: Vec<String>,
    body: Option<Bytes>,
    failed: Option<BoxError>,
}

impl Outgoing {
    /// A request without parameters and body.
    pub fn new(operation: &'static Operation) -> Self {
        let (path, query, cookies) = (Vec::new(), String::new(), Vec::new());
        Self { operation, path, query, headers: HeaderMap::new(), cookies, body: None, failed: None }
    }

    /// Adds a path parameter.
    #[must_use]
    pub fn path(mut self, name: &'static str, style: Style, value: &impl Serialize) -> Self {
        if let Some(value) = self.value(name, value) {
            let text = style.segment(name, &value);
            // An empty segment, `.` or `..` would lead to another path.
            if text.is_empty() || text == "." || text == ".." {
                self.fail(format!("`{name}` cannot be `{text}` in a path"));
            }
            self.path.push((name, utf8_percent_encode(&text, SEGMENT).to_string()));
        }
        self
    }

    /// Adds a query parameter. `None` is not sent.
    #[must_use]
    pub fn query(mut self, name: &'static str, style: Style, value: &impl Serialize) -> Self {
        if let Some(value) = self.value(name, value) {
            for (name, text) in style.write(name, &value) {
                add_pair(&mut self.query, &name, &text, style.separator());
            }
        }
        self
    }

    /// Adds a header. `None` is not sent.
    #[must_use]
    pub fn header(mut self, name: &'static str, style: Style, value: &impl Serialize) -> Self {
        if let Some(value) = self.value(name, value).filter(|value| !value.is_null()) {
            self.put(name, &style.joined(&value));
        }
        self
    }

    /// Adds a cookie. `None` is not sent.
    #[must_use]
    pub fn cookie(mut self, name: &'static str, style: Style, value: &impl Serialize) -> Self {
        if let Some(value) = self.value(name, value).filter(|value| !value.is_null()) {
            self.cookies.push(format!("{name}={}", utf8_percent_encode(&style.joined(&value), FORM)));
        }
        self
    }

    /// Adds a header with a fixed text from the document.
    #[must_use]
    pub fn fixed(mut self, name: &'static str, text: &str) -> Self {
        self.put(name, text);
        self
    }

    /// Sets the accepted media type.
    #[must_use]
    pub fn accept(self, media: &'static str) -> Self {
        self.fixed(ACCEPT.as_str(), media)
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, media: &str, body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(text) => self.bytes(media, text.into()),
            Err(error) => {
                self.failed.get_or_insert(error.into());
                self
            }
        }
    }

    /// Sets a body of form fields.
    #[must_use]
    pub fn form(mut self, body: &impl Serialize) -> Self {
        let mut text = String::new();
        if let Some(body) = self.value("body", body) {
            for (name, value) in Style::Repeated.write("", &body) {
                add_pair(&mut text, &name, &value, None);
            }
        }
        self.bytes("application/x-www-form-urlencoded", text.into())
    }

    /// Sets a multipart body.
    #[must_use]
    pub fn multipart(mut self, body: &impl Form) -> Self {
        match body.to_parts() {
            Ok(parts) => {
                let (media, bytes) = parts.encoded();
                self.bytes(&media, bytes)
            }
            Err(error) => {
                self.failed.get_or_insert(error.into());
                self
            }
        }
    }

    /// Sets a raw body.
    #[must_use]
    pub fn bytes(mut self, media: &str, body: Bytes) -> Self {
        self.put(CONTENT_TYPE.as_str(), media);
        self.body = Some(body);
        self
    }

    /// Applies `put` if there is a value.
    #[must_use]
    pub fn with<T>(self, value: Option<T>, put: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => put(self, value),
            None => self,
        }
    }

    /// Sends the request.
    ///
    /// # Errors
    /// Why there is no response.
    pub async fn send(self, base: &str, http: &Client, behaviour: &dyn Behaviour) -> Result<Response, Unanswered> {
        let operation = self.operation;
        let request = self.built(base).map_err(Unanswered::Unsent)?;
        behaviour.send(http, operation, request).await
    }

    fn built(mut self, base: &str) -> Result<Request, BoxError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let mut path = String::new();
        let mut rest = self.operation.path;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
        {
            let given = self.path.iter().find(|(known, _)| *known == name);
            let (_, text) = given.ok_or_else(|| format!("`{name}` of the path is missing"))?;
            path.push_str(before);
            path.push_str(text);
            rest = after;
        }
        let mut url: Url = format!("{base}{path}{rest}").parse()?;
        if !self.query.is_empty() {
            let joined = url.query().map(|earlier| format!("{earlier}&{}", self.query));
            url.set_query(Some(joined.as_ref().unwrap_or(&self.query)));
        }
        if !self.cookies.is_empty() {
            self.headers.insert(COOKIE, self.cookies.join("; ").parse()?);
        }
        let mut request = Request::new(self.operation.method.parse()?, url);
        *request.headers_mut() = self.headers;
        *request.body_mut() = self.body.map(Into::into);
        Ok(request)
    }

    fn value(&mut self, name: &str, value: &impl Serialize) -> Option<Value> {
        match serde_json::to_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fail(format!("`{name}` cannot be written: {error}"));
                None
            }
        }
    }

    fn put(&mut self, name: &str, text: &str) {
        match (HeaderName::try_from(name), HeaderValue::from_str(text)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.fail(format!("header `{name}` cannot be `{text}`")),
        }
    }

    fn fail(&mut self, reason: String) {
        self.failed.get_or_insert_with(|| reason.into());
    }
}

/// Appends `name=text`. Separators of array items are not escaped, so that they are not read as part of an item.
fn add_pair(query: &mut String, name: &str, text: &str, separator: Option<char>) {
    let escaped = |text: &str| utf8_percent_encode(text, FORM).to_string().replace("%20", "+");
    if !query.is_empty() {
        query.push('&');
    }
    let text = match separator {
        Some(',') => text.split(',').map(escaped).collect::<Vec<_>>().join(","),
        _ => escaped(text),
    };
    query.push_str(&format!("{}={text}", escaped(name)));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    static OPERATION: Operation = Operation {
        id: "get",
        method: "POST",
        path: "/a/{x}...{y}:go",
        secured: false,
        streams: false,
        keyed: false,
        idempotent: false,
    };

    fn both() -> Outgoing {
        Outgoing::new(&OPERATION).path("x", Style::Commas, &"a/b c:d").path("y", Style::Commas, &json!([1, 2]))
    }

    #[test]
    fn parameters_stand_where_the_document_has_them() {
        let request = both()
            .query("tag", Style::Repeated, &json!(["a b", "c&d"]))
            .query("none", Style::Repeated, &None::<u8>)
            .query("ids", Style::Commas, &json!(["1", "ü"]))
            .query("f", Style::Brackets, &json!({ "k": "v" }))
            .header("X-Flag", Style::Commas, &Some(true))
            .cookie("sid", Style::Commas, &"a;b")
            .form(&json!({ "a": 1, "b": { "c": [true] } }))
            .built("http://h:1/base")
            .unwrap();
        assert_eq!(
            request.url().as_str(),
            "http://h:1/base/a/a%2Fb%20c:d...1,2:go?tag=a+b&tag=c%26d&ids=1,%C3%BC&f%5Bk%5D=v"
        );
        assert_eq!(request.headers()["x-flag"], "true");
        assert_eq!(request.headers()["cookie"], "sid=a%3Bb");
        assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
        assert_eq!(request.body().and_then(|body| body.as_bytes()), Some(&b"a=1&b%5Bc%5D=true"[..]));
    }

    #[test]
    fn what_cannot_be_written_is_not_sent() {
        let unsent = |request: Outgoing| request.built("http://h").unwrap_err().to_string();
        assert!(unsent(Outgoing::new(&OPERATION)).contains("`x` of the path is missing"));
        for text in ["", ".", ".."] {
            assert!(unsent(both().path("x", Style::Commas, &text)).contains("cannot be"), "{text}");
        }
        assert!(unsent(both().header("X-A", Style::Commas, &"a\nb")).contains("header `X-A`"));
        assert!(
            unsent(both().json("application/json", &std::collections::BTreeMap::from([((1, 2), 3)]))).contains("key")
        );
    }
}
