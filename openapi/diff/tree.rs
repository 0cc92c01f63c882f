//! A loaded document as a tree: following references, naming places, listing operations with everything they inherit.
//!
//! What is malformed reads as absent: a comparison says what changed, and leaves what is right to the generator.

use serde_json::{Map, Value};

/// Below this key of a loaded document stand the files that it refers to, each under its path.
pub(super) const FILES: &str = "x-runyard-files";
/// How many references may lead to references before it counts as leading nowhere.
const REFERENCES_MAX: usize = 64;

/// The methods that a path item may have.
pub(super) const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// A value and where it stands (JSON pointer, RFC 6901).
#[derive(Debug, Clone)]
pub(super) struct At<'a> {
    pub(super) value: &'a Value,
    pub(super) pointer: String,
}

impl<'a> At<'a> {
    pub(super) fn new(value: &'a Value, pointer: impl Into<String>) -> Self {
        Self { value, pointer: pointer.into() }
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
        at = At { value, pointer };
    }
    if at.text("$ref").is_some() { At { value: &Value::Null, ..at } } else { at }
}

pub(super) use runyard_openapi_normal::decoded;

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

/// Who sends the request of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A client, to a path.
    Operation,
    /// The server, to an address that was registered elsewhere.
    Webhook,
    /// The server, to an address that a client gave with a request.
    Callback,
}

impl Kind {
    /// The subject of changes.
    pub(super) fn subject(self) -> &'static str {
        match self {
            Kind::Operation => "operation",
            Kind::Webhook => "webhook",
            Kind::Callback => "callback",
        }
    }
}

/// One operation with what its path item and its document say for it.
#[derive(Debug, Clone)]
pub(super) struct Operation<'a> {
    pub(super) at: At<'a>,
    pub(super) kind: Kind,
    pub(super) method: String,
    /// The path, or the name of a webhook, or the expression of a callback.
    pub(super) path: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) parameters: Vec<Parameter<'a>>,
    /// Who may call it: the operation's own list, else the document's.
    pub(super) security: Option<At<'a>>,
    /// The servers that the operation or its path has for itself.
    pub(super) servers: Option<&'a Value>,
    /// For a callback, what it belongs to.
    owner: Option<Owner>,
}

/// The operation that a callback belongs to, and the name of the callback.
#[derive(Debug, Clone)]
struct Owner {
    key: String,
    name: String,
}

/// A parameter of an operation, its own or its path's.
#[derive(Debug, Clone)]
pub(super) struct Parameter<'a> {
    pub(super) at: At<'a>,
    pub(super) place: String,
    pub(super) name: String,
    /// Set if it is a property of an object that is sent as parameters: `at` is its schema, and this says whether it is
    /// required.
    pub(super) property: Option<bool>,
}

impl Parameter<'_> {
    pub(super) fn is_required(&self) -> bool {
        self.property.unwrap_or_else(|| self.place == "path" || self.at.is_true("required"))
    }

    /// What makes it the same parameter. Names of headers have no case.
    pub(super) fn key(&self) -> (String, String) {
        let name = if self.place == "header" { self.name.to_ascii_lowercase() } else { self.name.clone() };
        (self.place.clone(), name)
    }
}

impl Operation<'_> {
    /// Its name: its id, else its method and path.
    pub(super) fn name(&self) -> String {
        match (&self.owner, self.kind) {
            (Some(owner), _) => format!("{} callback {}", owner.name, self.method.to_uppercase()),
            (None, Kind::Webhook) => format!("webhook {}", self.id.unwrap_or(self.path)),
            _ => self.id.map_or_else(|| self.signature(), str::to_owned),
        }
    }

    /// Its method and path.
    pub(super) fn signature(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }

    /// What makes it the same operation: its method, and its path whatever the parameters in it are called.
    pub(super) fn key(&self, prefix: &str) -> (String, String) {
        match (&self.owner, self.kind) {
            (Some(owner), _) => (format!("callback {}", self.method), format!("{} {}", owner.key, self.path)),
            (None, Kind::Webhook) => (format!("webhook {}", self.method), self.path.to_owned()),
            _ => (self.method.clone(), format!("{prefix}{}", nameless(self.path))),
        }
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

/// Every operation, in document order, with the callbacks of each, and the webhooks.
pub(super) fn operations(root: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (key, kind) in [("paths", Kind::Operation), ("webhooks", Kind::Webhook)] {
        for (path, item) in members(root, key) {
            let item = resolve(root, At::new(item, format!("/{key}/{}", escape(path))));
            for operation in of_item(root, path, &item, kind, None) {
                let callbacks = callbacks(root, &operation);
                all.push(operation);
                all.extend(callbacks);
            }
        }
    }
    all
}

fn of_item<'a>(root: &'a Value, path: &'a str, item: &At<'a>, kind: Kind, owner: Option<&Owner>) -> Vec<Operation<'a>> {
    let mut all = Vec::new();
    let methods = |item: &At<'a>| item.value.as_object().into_iter().flat_map(Map::keys).cloned().collect::<Vec<_>>();
    let named = methods(item).into_iter().filter(|method| METHODS.contains(&method.as_str()));
    let mut found: Vec<_> = named.filter_map(|method| Some((item.get(root, &method)?, method))).collect();
    // OpenAPI 3.2: operations with any other method.
    if let Some(others) = item.get(root, "additionalOperations") {
        found.extend(methods(&others).into_iter().filter_map(|method| Some((others.get(root, &method)?, method))));
    }
    for (at, method) in found {
        let own = at.value.get("security").map(|own| At::new(own, format!("{}/security", at.pointer)));
        let general = || root.get("security").map(|all| At::new(all, "/security"));
        all.push(Operation {
            kind,
            method,
            path,
            id: at.text("operationId"),
            parameters: parameters(root, item, &at),
            security: own.or_else(|| if kind == Kind::Operation { general() } else { None }),
            servers: at.value.get("servers").or_else(|| item.value.get("servers")),
            owner: owner.cloned(),
            at,
        });
    }
    all
}

fn callbacks<'a>(root: &'a Value, operation: &Operation<'a>) -> Vec<Operation<'a>> {
    let mut all = Vec::new();
    let Some(below) = operation.at.value.get("callbacks").map(|_| format!("{}/callbacks", operation.at.pointer)) else {
        return all;
    };
    let (method, path) = operation.key("");
    for (name, callback) in members(operation.at.value, "callbacks") {
        let callback = resolve(root, At::new(callback, format!("{below}/{}", escape(name))));
        let owner = Owner { key: format!("{method} {path} {name}"), name: operation.name() };
        for (expression, _) in callback.value.as_object().into_iter().flatten() {
            let Some(item) = callback.get(root, expression) else { continue };
            all.extend(of_item(root, expression, &item, Kind::Callback, Some(&owner)));
        }
    }
    all
}

/// The operation's parameters, after those of its path that it does not say anew. Headers that are described otherwise
/// are no parameters (OpenAPI 3.0.3, Parameter Object).
fn parameters<'a>(root: &'a Value, item: &At<'a>, operation: &At<'a>) -> Vec<Parameter<'a>> {
    let mut all: Vec<Parameter<'a>> = Vec::new();
    for holder in [item, operation] {
        let count = holder.value.get("parameters").and_then(Value::as_array).map_or(0, Vec::len);
        for at in (0..count).filter_map(|index| holder.item(root, "parameters", index)) {
            let (Some(place), Some(name)) = (at.text("in"), at.text("name")) else { continue };
            let parameter = Parameter { place: place.to_owned(), name: name.to_owned(), at, property: None };
            let (place, name) = parameter.key();
            if place == "header" && matches!(name.as_str(), "accept" | "content-type" | "authorization") {
                continue;
            }
            all.retain(|other| other.key() != parameter.key());
            all.push(parameter);
        }
    }
    all
}
