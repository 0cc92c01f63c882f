//! Path, query and header text to JSON values of the schema's types.
//!
//! Text is decoded strictly: an escape that is not two hex digits, or that is not UTF-8 in the end, is refused rather than
//! repaired. A value that does not read as its type stays text, and the schema says what it should have been.

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::ignored::Ignored;
use super::validate::{Compiled, shown};
use super::{Fault, Operation, Parameter, Place, UnknownParameters, router, schema};

/// A documented parameter with its schema compiled.
#[derive(Debug)]
pub(super) struct CompiledParameter {
    parameter: &'static Parameter,
    compiled: Compiled,
    kind: Kind,
    default: Option<Value>,
}

/// How text becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Boolean,
    Text,
}

/// The text of one parameter as it arrived: once, or once per item.
struct Given {
    texts: Vec<String>,
}

impl CompiledParameter {
    /// # Errors
    /// Says what is wrong with the schema.
    pub(super) fn new(document: &Value, parameter: &'static Parameter) -> Result<Self, String> {
        let compiled = Compiled::new(document, parameter.schema)?;
        let schema = document.pointer(parameter.schema).unwrap_or(&Value::Null);
        let schema = schema::resolve(document, schema);
        let single = if parameter.many { schema::resolve(document, &schema["items"]) } else { schema };
        Ok(Self { parameter, compiled, kind: kind(single), default: schema.get("default").cloned() })
    }

    /// The value of this parameter, when it was given or has a default.
    fn value(&self, given: Option<Given>) -> Result<Option<Value>, Fault> {
        let Parameter { name, place, required, many, .. } = *self.parameter;
        let Some(Given { mut texts }) = given else {
            return match (&self.default, required) {
                (Some(default), _) => Ok(Some(default.clone())),
                (None, true) => Err(Fault::invalid(place, name, "is required")),
                (None, false) => Ok(None),
            };
        };
        let bytes = texts.iter().map(String::len).sum();
        let value = match (many, texts.len()) {
            (true, _) => texts.into_iter().map(|text| coerced(self.kind, text)).collect(),
            (false, 1) => coerced(self.kind, texts.swap_remove(0)),
            (false, _) => return Err(Fault::invalid(place, name, "must not be given more than once")),
        };
        self.compiled.check(&value, bytes, place, name)?;
        Ok(Some(value))
    }
}

fn kind(schema: &Value) -> Kind {
    match schema.get("type").and_then(Value::as_str) {
        Some("integer" | "number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        _ => Kind::Text,
    }
}

/// Text as the schema's type where it reads as one, else as it is.
fn coerced(kind: Kind, text: String) -> Value {
    let value = match kind {
        Kind::Number if text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            serde_json::from_str(&text).ok().filter(Value::is_number).filter(|_| !text.ends_with(char::is_whitespace))
        }
        Kind::Boolean => text.parse().ok().map(Value::Bool),
        _ => None,
    };
    value.unwrap_or(Value::String(text))
}

/// Path parameters from the raw text between the slashes.
pub(super) fn path(
    operation: &Operation,
    compiled: &[CompiledParameter],
    raw: &[String],
    faults: &mut Vec<Fault>,
) -> Map<String, Value> {
    let mut decoded: Vec<(&str, String)> = Vec::new();
    for (name, raw) in router::names(operation.path).into_iter().zip(raw) {
        match decode(raw) {
            Some(text) => decoded.push((name, text)),
            None => faults.push(Fault::invalid(Place::Path, name, BAD_ESCAPE)),
        }
    }
    let broken = decoded.len() < raw.len();
    collect(compiled, Place::Path, faults, |name| {
        let text = decoded.iter().find(|(known, _)| *known == name).map(|(_, text)| text.clone());
        // What could not be decoded has been complained about; "is required" beside it would only confuse.
        if text.is_none() && broken { Err(()) } else { Ok(text.map(|text| vec![text])) }
    })
}

/// Query parameters. `name[]`, as some clients write lists, is read as `name`. Those that the document does not name are refused, or
/// noted as ignored.
pub(super) fn query(
    compiled: &[CompiledParameter],
    raw: Option<&str>,
    unknown: UnknownParameters,
    ignored: &mut Ignored,
    faults: &mut Vec<Fault>,
) -> Map<String, Value> {
    let pairs = match pairs(raw.unwrap_or_default()) {
        Ok(pairs) => pairs,
        Err(fault) => {
            faults.push(fault);
            return Map::new();
        }
    };
    let named =
        |name: &str| compiled.iter().any(|one| one.parameter.place == Place::Query && one.parameter.name == name);
    let pairs: Vec<(String, String)> = pairs.into_iter().map(|(name, text)| (listed(name, named), text)).collect();
    let mut strange: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).filter(|name| !named(name)).collect();
    strange.sort_unstable();
    strange.dedup();
    match unknown {
        UnknownParameters::Refuse => {
            faults.extend(strange.into_iter().take(STRANGE_MAX).map(|name| strange_fault(name, compiled)))
        }
        UnknownParameters::Ignore => strange.into_iter().for_each(|name| ignored.parameter(name)),
    }
    collect(compiled, Place::Query, faults, |name| {
        let texts: Vec<_> = pairs.iter().filter(|(known, _)| known == name).map(|(_, text)| text.clone()).collect();
        Ok((!texts.is_empty()).then_some(texts))
    })
}

/// Header parameters. Names are compared without regard to case; a repeated or comma-separated header is an array.
pub(super) fn headers(compiled: &[CompiledParameter], sent: &HeaderMap, faults: &mut Vec<Fault>) -> Map<String, Value> {
    let mut unreadable = Vec::new();
    let values = collect(compiled, Place::Header, faults, |name| {
        let mut texts = Vec::new();
        for value in sent.get_all(name) {
            match value.to_str() {
                Ok(text) => texts.push(text.to_owned()),
                Err(_) => {
                    unreadable.push(Fault::invalid(Place::Header, name, "must be visible ASCII"));
                    return Err(());
                }
            }
        }
        Ok((!texts.is_empty()).then_some(texts))
    });
    faults.append(&mut unreadable);
    values
}

/// More unknown parameters than this are not named.
const STRANGE_MAX: usize = 32;

/// `name[]` as `name`, where only that is known.
fn listed(name: String, named: impl Fn(&str) -> bool) -> String {
    match name.strip_suffix("[]").filter(|plain| named(plain) && !named(&name)) {
        Some(plain) => plain.to_owned(),
        None => name,
    }
}

fn strange_fault(name: &str, compiled: &[CompiledParameter]) -> Fault {
    let query = compiled.iter().filter(|one| one.parameter.place == Place::Query);
    let known: Vec<&str> = query.map(|one| one.parameter.name).collect();
    let reason = match known.as_slice() {
        [] => "is not known here; there are no query parameters".to_owned(),
        known => format!("is not known here; there are: {}", known.join(", ")),
    };
    Fault::invalid(Place::Query, shown(name), reason)
}

const BAD_ESCAPE: &str = "has a percent-escape that is not two hex digits, or is not UTF-8";

/// Every parameter of one place that has a value. `Err(())` from `given`: already complained about.
fn collect(
    compiled: &[CompiledParameter],
    place: Place,
    faults: &mut Vec<Fault>,
    mut given: impl FnMut(&str) -> Result<Option<Vec<String>>, ()>,
) -> Map<String, Value> {
    let mut values = Map::new();
    for entry in compiled.iter().filter(|entry| entry.parameter.place == place) {
        let Ok(texts) = given(entry.parameter.name) else { continue };
        let texts =
            texts.map(|texts| if place == Place::Header && entry.parameter.many { split_list(&texts) } else { texts });
        match entry.value(texts.map(|texts| Given { texts })) {
            Ok(Some(value)) => {
                values.insert(entry.parameter.name.to_owned(), value);
            }
            Ok(None) => {}
            Err(fault) => faults.push(fault),
        }
    }
    values
}

/// `a, b` and `c` as `a`, `b`, `c` (RFC 9110, section 5.6.1).
fn split_list(texts: &[String]) -> Vec<String> {
    let items = texts.iter().flat_map(|text| text.split(','));
    items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// A query string as names and values.
///
/// # Errors
/// [`Fault::Invalid`] naming the parameter that cannot be decoded.
pub(super) fn pairs(query: &str) -> Result<Vec<(String, String)>, Fault> {
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn pair(text: &str) -> Result<(String, String), Fault> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let plain = |text: &str| decode(&text.replace('+', " "));
    match (plain(name), plain(value)) {
        (Some(name), Some(value)) => Ok((name, value)),
        (name, _) => Err(Fault::invalid(Place::Query, shown(&name.unwrap_or_else(|| name_as_sent(text))), BAD_ESCAPE)),
    }
}

fn name_as_sent(pair: &str) -> String {
    pair.split_once('=').map_or(pair, |(name, _)| name).to_owned()
}

/// Percent-decodes strictly (RFC 3986, section 2.1). `None`: a broken escape, or not UTF-8.
fn decode(text: &str) -> Option<String> {
    let well_formed = text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes();
        digits.len() >= 2 && digits[..2].iter().all(u8::is_ascii_hexdigit)
    });
    if !well_formed {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}
