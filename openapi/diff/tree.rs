//! A loaded document as a tree: following references, naming places, listing operations with everything they inherit.
//!
//! What is malformed reads as absent: a comparison says what changed, and leaves what is right to the generator.

use serde_json::{Map, Value};

/// Below this key of a loaded document stand the files that it refers to, each under its path.
pub(super) const FILES: &str = "x-runyard-files";
/// How many references may lead to references before it counts as leading nowhere.
const REFERENCES_MAX: usize = 64;

/// The methods that a path item may have.
const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// A value and where it stands (JSON pointer, RFC 6901).
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    pub(super) value: &'a Value,
    pub(super) pointer: String,
    /// Whether a reference led here.
    pub(super) referred: bool,
}

impl<'a> At<'a> {
    pub(super) fn new(value: &'a Value, pointer: impl Into<String>) -> Self {
        Self { value, pointer: pointer.into(), referred: false }
    }

    /// A member, its own references followed.
    pub(super) fn get(&self, root: &'a Value, key: &str) -> Option<At<'a>> {
        let child = self.value.get(key)?;
        Some(resolve(root, At::new(child, format!("{}/{}", self.pointer, escape(key)))))
    }

    /// An item of a list, its own references followed.
    pub(super) fn item(&self, root: &'a Value, key: &str, index: usize) -> Option<At<'a>> {
        let child = self.value.get(key)?.get(index)?;
        Some(resolve(root, At::new(child, format!("{}/{}/{index}", self.pointer, escape(key)))))
    }

    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.value.get(key).and_then(Value::as_str)
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        self.value.get(key).and_then(Value::as_bool) == Some(true)
    }
}

/// The members of a mapping below a key; none where there is no mapping.
pub(super) fn members<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.get(key).and_then(Value::as_object).into_iter().flatten()
}

/// One segment of a JSON pointer.
pub(super) fn escape(segment: &str) -> String {
    segment.replace('~', "~0").replace('/', "~1")
}

/// What stands at the end of the references.
pub(super) fn resolve<'a>(root: &'a Value, at: At<'a>) -> At<'a> {
    let mut at = at;
    for _ in 0..REFERENCES_MAX {
        let Some(reference) = at.text("$ref") else { return at };
        let pointer = decoded(reference.trim_start_matches('#'));
        let Some(value) = root.pointer(&pointer) else { break };
        at = At { value, pointer, referred: true };
    }
    if at.text("$ref").is_some() { At { value: &Value::Null, ..at } } else { at }
}

/// A fragment without its percent escapes (RFC 6901, section 6). One that is no UTF-8 stays as it is, and then leads nowhere.
pub(super) fn decoded(fragment: &str) -> String {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut rest = fragment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| fragment.to_owned())
}

/// A pointer as it is shown: a fragment, after the name of the file where it is not the document's own.
pub(super) fn shown(pointer: &str) -> String {
    let Some(rest) = pointer.strip_prefix(&format!("/{FILES}/")) else { return format!("#{pointer}") };
    let (file, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    format!("{}#{rest}", file.replace("~1", "/").replace("~0", "~"))
}

/// The name of a component, where the pointer leads to one of a kind, in whatever file.
pub(super) fn component(pointer: &str, kind: &str) -> Option<String> {
    let own = match pointer.strip_prefix(&format!("/{FILES}/")) {
        Some(rest) => &rest[rest.find('/')?..],
        None => pointer,
    };
    let name = own.strip_prefix(&format!("/components/{kind}/"))?;
    (!name.contains('/')).then(|| name.replace("~1", "/").replace("~0", "~"))
}

/// One operation with what its path item and its document say for it.
#[derive(Debug, Clone)]
pub(super) struct Operation<'a> {
    pub(super) at: At<'a>,
    pub(super) method: String,
    pub(super) path: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) parameters: Vec<Parameter<'a>>,
    /// Who may call it: the operation's own list, else the document's.
    pub(super) security: Option<&'a Value>,
}

/// A parameter of an operation, its own or its path's.
#[derive(Debug, Clone)]
pub(super) struct Parameter<'a> {
    pub(super) at: At<'a>,
    pub(super) place: String,
    pub(super) name: String,
}

impl Parameter<'_> {
    pub(super) fn is_required(&self) -> bool {
        self.place == "path" || self.at.is_true("required")
    }

    /// What makes it the same parameter. Names of headers have no case.
    pub(super) fn key(&self) -> (String, String) {
        let name = if self.place == "header" { self.name.to_ascii_lowercase() } else { self.name.clone() };
        (self.place.clone(), name)
    }
}

impl Operation<'_> {
    /// What it is called: its id, else how it is asked.
    pub(super) fn name(&self) -> String {
        self.id.map_or_else(|| self.asked(), str::to_owned)
    }

    /// How it is asked.
    pub(super) fn asked(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }

    /// What makes it the same operation: its method, and its path whatever the parameters in it are called.
    pub(super) fn key(&self) -> (String, String) {
        (self.method.clone(), nameless(self.path))
    }
}

/// A path template without the names in it.
fn nameless(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        plain.push_str(before);
        plain.push_str("{}");
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    plain + rest
}

/// The names in a path template, in order.
pub(super) fn names_in(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name)).collect()
}

/// Every operation, in document order.
pub(super) fn operations(root: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in members(root, "paths") {
        let item = resolve(root, At::new(item, format!("/paths/{}", escape(path))));
        for method in item.value.as_object().into_iter().flat_map(Map::keys) {
            if !METHODS.contains(&method.as_str()) {
                continue;
            }
            let Some(at) = item.get(root, method) else { continue };
            all.push(Operation {
                method: method.clone(),
                path,
                id: at.text("operationId"),
                parameters: parameters(root, &item, &at),
                security: at.value.get("security").or_else(|| root.get("security")),
                at,
            });
        }
    }
    all
}

/// The operation's parameters, after those of its path that it does not say anew.
fn parameters<'a>(root: &'a Value, item: &At<'a>, operation: &At<'a>) -> Vec<Parameter<'a>> {
    let mut all: Vec<Parameter<'a>> = Vec::new();
    for holder in [item, operation] {
        let count = holder.value.get("parameters").and_then(Value::as_array).map_or(0, Vec::len);
        for at in (0..count).filter_map(|index| holder.item(root, "parameters", index)) {
            let (Some(place), Some(name)) = (at.text("in"), at.text("name")) else { continue };
            let parameter = Parameter { place: place.to_owned(), name: name.to_owned(), at };
            all.retain(|other| other.key() != parameter.key());
            all.push(parameter);
        }
    }
    all
}
