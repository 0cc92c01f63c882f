//! Path, query, header and cookie text to JSON values of the schema's types.
//!
//! Text is decoded strictly: an escape that is not two hex digits, or a result that is not UTF-8, is refused. A value
//! that cannot be read as its type stays text, and schema validation reports the expected type.

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::ignored::Ignored;
use super::styles::{self, Shape};
use super::validate::{Compiled, shown};
use super::{Fault, Operation, Parameter, Place, Style, UnknownParameters, router, schema};

/// A documented parameter with its schema compiled.
#[derive(Debug)]
pub(super) struct CompiledParameter {
    parameter: &'static Parameter,
    compiled: Compiled,
    shape: Shape,
    default: Option<Value>,
}

/// The text of one parameter as it arrived: once, or once per item; or the fields of an object.
enum Given {
    Texts(Vec<String>),
    Fields(Vec<(String, String)>),
}

impl CompiledParameter {
    /// # Errors
    /// Says what is wrong with the schema.
    pub(super) fn new(document: &Value, parameter: &'static Parameter) -> Result<Self, String> {
        let compiled = Compiled::new(document, parameter.schema)?;
        let schema = if parameter.schema.is_empty() { None } else { document.pointer(parameter.schema) };
        let schema = schema::resolve(document, schema.unwrap_or(&Value::Null));
        Ok(Self { parameter, compiled, shape: Shape::of(document, schema), default: schema.get("default").cloned() })
    }

    /// The value of this parameter, if it was given or has a default.
    fn value(&self, given: Option<Given>) -> Result<Option<Value>, Fault> {
        let Parameter { name, place, required, many, style, .. } = *self.parameter;
        let Some(given) = given else {
            return match (&self.default, required) {
                (Some(default), _) => Ok(Some(default.clone())),
                (None, true) => Err(Fault::invalid(place, name, "is required")),
                (None, false) => Ok(None),
            };
        };
        let (bytes, value) = match given {
            Given::Texts(mut texts) => {
                let bytes = texts.iter().map(String::len).sum();
                let value = match (many, texts.len()) {
                    (true, _) => texts.into_iter().map(|text| self.shape.item(text)).collect(),
                    (false, 1) => self.shape.read(style, texts.swap_remove(0)),
                    (false, _) => return Err(Fault::invalid(place, name, "must not be given more than once")),
                };
                (bytes, value)
            }
            Given::Fields(fields) => {
                let bytes = fields.iter().map(|(key, text)| key.len() + text.len()).sum();
                (bytes, self.shape.object(fields))
            }
        };
        self.compiled.check(&value, bytes, place, name)?;
        Ok(Some(value))
    }

    /// Whether a name in the query is this parameter or one of its fields.
    fn has(&self, name: &str) -> bool {
        let Parameter { name: own, style, .. } = *self.parameter;
        match style {
            Style::Brackets => styles::bracketed(name, own).is_some(),
            Style::Repeated if self.shape.is_object() => self.shape.has(name),
            _ => name == own,
        }
    }

    /// The text of this parameter in the path.
    fn given_in_path(&self, text: &str) -> Result<Given, Fault> {
        let Parameter { name, style, .. } = *self.parameter;
        if style != Style::MatrixPairs {
            let plain = styles::unprefixed(style, name, text).map(|text| Given::Texts(vec![text.to_owned()]));
            return plain.ok_or_else(|| Fault::invalid(Place::Path, name, "must have the prefix of its style"));
        }
        let pairs = styles::matrix(text);
        if self.shape.is_object() {
            return Ok(Given::Fields(pairs));
        }
        let own: Vec<String> = pairs.into_iter().filter(|(key, _)| key == name).map(|(_, text)| text).collect();
        let missing = || Fault::invalid(Place::Path, name, "is required");
        (!own.is_empty()).then(|| Given::Texts(vec![own.join(",")])).ok_or_else(missing)
    }

    /// The text of this parameter in the query.
    fn given(&self, pairs: &[(String, String)]) -> Option<Given> {
        let mine = pairs.iter().filter(|(name, _)| self.has(name)).cloned();
        let Parameter { name: own, style, .. } = *self.parameter;
        if style == Style::Brackets || (style == Style::Repeated && self.shape.is_object()) {
            let fields: Vec<(String, String)> =
                mine.map(|(name, text)| (styles::bracketed(&name, own).unwrap_or(name), text)).collect();
            return (!fields.is_empty()).then_some(Given::Fields(fields));
        }
        let texts: Vec<String> = mine.map(|(_, text)| text).collect();
        (!texts.is_empty()).then_some(Given::Texts(texts))
    }
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
    let mut unprefixed = Vec::new();
    let values = collect(compiled, Place::Path, faults, |one| {
        let name = one.parameter.name;
        match decoded.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => one.given_in_path(text).map(Some).map_err(|fault| unprefixed.push(fault)),
            // A text that could not be decoded has its own violation; "is required" beside it would confuse.
            None if broken => Err(()),
            None => Ok(None),
        }
    });
    faults.append(&mut unprefixed);
    values
}

/// Query parameters. `name[]`, as some clients write arrays, is read as `name`. Parameters that the document does not
/// have are refused, or recorded as ignored.
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
    let named = |name: &str| compiled.iter().any(|one| one.parameter.place == Place::Query && one.has(name));
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
    collect(compiled, Place::Query, faults, |one| Ok(one.given(&pairs)))
}

/// Cookies, decoded where they are percent-encoded.
pub(super) fn cookies(compiled: &[CompiledParameter], sent: &HeaderMap, faults: &mut Vec<Fault>) -> Map<String, Value> {
    if !compiled.iter().any(|one| one.parameter.place == Place::Cookie) {
        return Map::new();
    }
    let lines = sent.get_all(http::header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies: Vec<(&str, String)> = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .map(|(name, text)| (name, decode(text).unwrap_or_else(|| text.to_owned())))
        .collect();
    collect(compiled, Place::Cookie, faults, |one| {
        let found = cookies.iter().find(|(name, _)| *name == one.parameter.name);
        Ok(found.map(|(_, text)| Given::Texts(vec![text.clone()])))
    })
}

/// Header parameters. Names are case-insensitive; a repeated or comma-separated header is an array.
pub(super) fn headers(compiled: &[CompiledParameter], sent: &HeaderMap, faults: &mut Vec<Fault>) -> Map<String, Value> {
    let mut unreadable = Vec::new();
    let values = collect(compiled, Place::Header, faults, |one| {
        let name = one.parameter.name;
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
        if one.shape.is_list() && one.parameter.style.separator().is_some() && texts.len() > 1 {
            // Repeated headers are one list (RFC 9110, section 5.3).
            texts = vec![texts.join(",")];
        }
        let texts = if one.parameter.many { split_list(&texts) } else { texts };
        Ok((!texts.is_empty()).then_some(Given::Texts(texts)))
    });
    faults.append(&mut unreadable);
    values
}

/// The most unknown parameters that are named.
const STRANGE_MAX: usize = 32;

/// `name[]` as `name`, if the document has only the latter.
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

/// Every parameter of one place that has a value. `Err(())` from `given`: the violation is already recorded.
fn collect(
    compiled: &[CompiledParameter],
    place: Place,
    faults: &mut Vec<Fault>,
    mut given: impl FnMut(&CompiledParameter) -> Result<Option<Given>, ()>,
) -> Map<String, Value> {
    let mut values = Map::new();
    for entry in compiled.iter().filter(|entry| entry.parameter.place == place) {
        let Ok(given) = given(entry) else { continue };
        match entry.value(given) {
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
