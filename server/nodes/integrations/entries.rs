//! How integrations appear in the catalogue: their description, for APIs that list them, and their node types.
//!
//! How a planner without a model matches a node type: a clause must start with its verb, which is the first word of its
//! slug or a synonym. The clause must also contain another word of its slug, its name, or the name of the integration.

use runyard_engine::{NodeKind, SideEffect};
use serde_json::Value;

pub use crate::config::integrations::AuthType;
pub(crate) use crate::config::integrations::OWN_HEADERS;
use crate::config::integrations::{Integration as Configured, Method, NodeType};
use crate::nodes::catalog::entry::{Argument, Entry, Hints, Reads};

/// Synonymous verbs for stored objects.
const VERBS: [&[&str]; 5] = [
    &["create", "add", "make", "open"],
    &["list", "show", "find", "search", "fetch", "get", "read"],
    &["get", "show", "fetch", "read", "find", "look"],
    &["update", "change", "edit", "modify"],
    &["delete", "remove"],
];

/// A service that runs may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Its id for programs.
    pub id: String,
    /// Its name for customers.
    pub customer_id: String,
    /// Its name for people.
    pub name: String,
    /// A short description.
    pub description: Option<String>,
    /// The URL of its picture.
    pub logo_url: Option<String>,
    /// The host of its API.
    pub host: String,
    /// How calls are authenticated.
    pub auth_type: AuthType,
    /// Whether it is enabled.
    pub active: bool,
    /// Its node types; none if it is not enabled.
    pub node_type_ids: Vec<String>,
}

/// The id of an integration's node type.
pub fn node_type_id(integration: &str, slug: &str) -> String {
    format!("integration.{integration}.{slug}")
}

/// An integration in the lists of APIs.
pub(super) fn shown(one: &Configured) -> Integration {
    let host = reqwest::Url::parse(&one.url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let offered = one.node_types.iter().filter(|_| one.active);
    Integration {
        id: one.id.clone(),
        customer_id: one.customer_id().to_owned(),
        name: one.name.clone(),
        description: one.description.clone(),
        logo_url: one.logo_url.clone(),
        host: host.unwrap_or_default(),
        auth_type: one.auth_type(),
        active: one.active,
        node_type_ids: offered.map(|node_type| node_type_id(&one.id, &node_type.slug)).collect(),
    }
}

/// The node types that an integration offers.
pub(super) fn entries(one: &Configured) -> Vec<Entry> {
    one.node_types.iter().filter(|_| one.active).map(|node_type| entry(one, node_type)).collect()
}

fn entry(one: &Configured, node_type: &NodeType) -> Entry {
    let by_method = match node_type.method {
        Method::Get | Method::Head => SideEffect::Read,
        Method::Post | Method::Put | Method::Patch => SideEffect::Write,
        Method::Delete => SideEffect::Irreversible,
    };
    let mut entry = Entry::described(
        node_type_id(&one.id, &node_type.slug),
        NodeKind::Call,
        format!("{} ({})", node_type.description.trim(), one.name.trim()),
        (node_type.input_schema.clone(), node_type.output_schema.clone()),
    );
    entry.side_effect = node_type.side_effect.unwrap_or(by_method);
    entry.external = true;
    entry.hints = hints(one, node_type);
    entry.integration = Some(one.id.clone());
    entry
}

fn hints(one: &Configured, node_type: &NodeType) -> Hints {
    let named = words(node_type.name.as_deref().unwrap_or_default()).into_iter().skip(1);
    let keywords = named.chain(words(&one.id)).chain(words(&one.name));
    let keywords = keywords.chain(node_type.keywords.iter().map(|word| word.to_lowercase()));
    let verbs = node_type.verbs.iter().map(|verb| verb.to_lowercase());
    named_hints(&node_type.slug, keywords, verbs, &node_type.input_schema)
}

/// The hints of an operation of a service, whose name begins with a verb.
pub(in crate::nodes) fn named_hints(
    name: &str,
    keywords: impl Iterator<Item = String>,
    more_verbs: impl Iterator<Item = String>,
    input_schema: &Value,
) -> Hints {
    let slug = words(name);
    let verb = slug.first().cloned().unwrap_or_default();
    let alike = VERBS.iter().find(|verbs| verbs[0] == verb).copied().unwrap_or_default();
    let mut verbs: Vec<String> = alike.iter().map(|&verb| verb.to_owned()).collect();
    verbs.extend(std::iter::once(verb).chain(more_verbs));
    let nouns = slug.iter().skip(1).cloned();
    let mut keywords: Vec<String> = nouns.clone().chain(keywords).filter(|word| !verbs.contains(word)).collect();
    for list in [&mut verbs, &mut keywords] {
        list.sort();
        list.dedup();
    }
    Hints { keywords, verbs, produces: nouns.collect(), arguments: arguments(input_schema), verb_needed: true }
}

/// Every input that a clause can give by its name. The only required text may also occur without its name.
fn arguments(schema: &Value) -> Vec<Argument> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
    let properties = || schema["properties"].as_object().into_iter().flatten();
    let is_text = |property: &Value| property["type"] == "string";
    let texts = properties().filter(|(name, property)| required.contains(&name.as_str()) && is_text(property)).count();
    let argument = |(name, property): (&String, &Value)| {
        let needed = required.contains(&name.as_str());
        let unnamed = needed && is_text(property) && texts == 1;
        Argument { field: name.clone(), reads: Reads::Field { needed, unnamed } }
    };
    properties().map(argument).collect()
}

/// The words of a name, in lower case.
pub(in crate::nodes) fn words(name: &str) -> Vec<String> {
    let parts = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    parts.map(str::to_lowercase).collect()
}
