//! Alternatives with a discriminator: each alternative gets the discriminator's value in its own schema.
//!
//! Without this, a reader of `oneOf: [Cat, Dog]` takes the first match, and drops the fields that only the second has.
//! With the single value of the discriminator's property in each alternative, at most one matches. A component with
//! alternatives is read by that value alone (`Union`); `bases.rs` makes such a component of a schema that others extend.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use quote::quote;
use syn::{Item, parse_quote};

use crate::bases::OTHERWISE;
use crate::{document, names, retype};

/// The values that a property has in a component.
type Tags = BTreeMap<(String, String), Vec<String>>;

/// Narrows the discriminator's property in every component that is an alternative.
pub(crate) fn narrow(schemas: &mut Map<String, Value>) {
    let mut tags = Tags::new();
    for schema in schemas.values() {
        gather(schema, &mut tags);
    }
    for ((component, property), values) in tags {
        if let Some(schema) = schemas.get_mut(&component) {
            narrow_one(schema, &property, &values);
        }
    }
}

/// The component of an alternative, and the values that select it.
type Alternative = (String, Vec<String>);

/// The property of a schema's discriminator; and each alternative with its values, which are none for the one that is
/// read otherwise.
fn alternatives(schema: &Value) -> Option<(&str, Vec<Alternative>)> {
    let discriminator = schema.get("discriminator")?;
    let property = discriminator.get("propertyName").and_then(Value::as_str)?;
    let alternatives = ["oneOf", "anyOf"].iter().find_map(|key| schema.get(*key)?.as_array())?;
    let otherwise = discriminator.get(OTHERWISE).and_then(Value::as_str);
    let one = |alternative: &Value| {
        // A discriminator cannot refer to an inline alternative, which has no name.
        let name = component(alternative)?;
        let mapped = document::entries(discriminator, "mapping");
        let mut values: Vec<String> = mapped
            .filter(|(_, target)| target.as_str().is_some_and(|target| last(target) == name))
            .map(|(value, _)| value.clone())
            .collect();
        if values.is_empty() && otherwise != Some(name) {
            values.push(name.to_owned());
        }
        Some((name.to_owned(), values))
    };
    let all = alternatives.iter().map(one).collect::<Option<Vec<_>>>()?;
    Some((property, all))
}

fn gather(schema: &Value, tags: &mut Tags) {
    if let Some((property, alternatives)) = alternatives(schema) {
        for (name, values) in alternatives.into_iter().filter(|(_, values)| !values.is_empty()) {
            let known = tags.entry((name, property.to_owned())).or_default();
            known.extend(values.into_iter().filter(|value| !known.contains(value)).collect::<Vec<_>>());
        }
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|field| gather(field, tags)),
        Value::Array(items) => items.iter().for_each(|item| gather(item, tags)),
        _ => {}
    }
}

fn component(alternative: &Value) -> Option<&str> {
    alternative.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

fn last(target: &str) -> &str {
    target.rsplit('/').next().unwrap_or(target)
}

fn narrow_one(schema: &mut Value, property: &str, values: &[String]) {
    let Some(fields) = schema.as_object_mut() else { return };
    let tag = json!({ "type": "string", "enum": values });
    match fields.get_mut("properties").and_then(Value::as_object_mut) {
        Some(properties) => {
            let own = properties.get(property);
            // The values of an enum that is narrower than the discriminator stay; those of another alternative go.
            let listed = own.and_then(|own| own.get("enum")).and_then(Value::as_array);
            if listed.is_some_and(|all| all.iter().all(|one| values.iter().any(|value| one == value.as_str()))) {
                return;
            }
            // Numbers and booleans cannot be the values of a text.
            if own.and_then(|own| document::text(own, "type")).is_some_and(|kind| kind != "string") {
                return;
            }
            let description = own.and_then(|own| own.get("description")).cloned();
            properties.insert(property.to_owned(), tag);
            if let (Some(text), Some(slot)) = (description, properties.get_mut(property)) {
                slot["description"] = text;
            }
            require(fields, property);
        }
        None => {
            if let Some(Value::Array(all)) = fields.get_mut("allOf") {
                let tag = json!({ "type": "object", "properties": { property: tag }, "required": [property] });
                all.push(tag);
            }
        }
    }
}

fn require(fields: &mut Map<String, Value>, property: &str) {
    let required = fields.entry("required").or_insert_with(|| json!([]));
    if let Value::Array(all) = required
        && !all.iter().any(|one| one == property)
    {
        all.push(property.into());
    }
}

/// A component whose alternatives are distinguished by the value of one property.
#[derive(Debug)]
pub(crate) struct Union {
    component: String,
    property: String,
    /// The values of each alternative, in order. None: it is read if no other is.
    values: Vec<Vec<String>>,
}

/// Every component that is read by its discriminator.
pub(crate) fn unions(schemas: &Map<String, Value>) -> Vec<Union> {
    let one = |(component, schema): (&String, &Value)| {
        let (property, all) = alternatives(schema)?;
        let values: Vec<Vec<String>> = all.into_iter().map(|(_, values)| values).collect();
        // One value for two alternatives decides nothing.
        let mut seen = std::collections::BTreeSet::new();
        let distinct = values.iter().flatten().all(|value| seen.insert(value.clone()));
        distinct.then(|| Union { component: component.clone(), property: property.to_owned(), values })
    };
    schemas.iter().filter_map(one).collect()
}

/// Replaces the derived reader of every union, which tries one alternative after the other. A union whose alternatives
/// typify merged keeps it.
pub(crate) fn read_by_value(items: &mut Vec<Item>, unions: &[Union]) {
    let mut readers = Vec::new();
    for item in items.iter_mut() {
        let Item::Enum(item) = item else { continue };
        let Some(union) = unions.iter().find(|union| item.ident == names::pascal(&union.component)) else { continue };
        let holds_one =
            |variant: &syn::Variant| matches!(&variant.fields, syn::Fields::Unnamed(all) if all.unnamed.len() == 1);
        if item.variants.len() == union.values.len() && item.variants.iter().all(holds_one) {
            retype::without_derive(&mut item.attrs, "Deserialize");
            readers.push(reader(item, union));
        }
    }
    items.extend(readers);
}

fn reader(item: &syn::ItemEnum, Union { property, values, .. }: &Union) -> Item {
    let name = &item.ident;
    let read = |variant: &syn::Variant| {
        let variant = &variant.ident;
        quote!(::serde_json::from_value(value).map(Self::#variant))
    };
    let known: Vec<&str> = values.iter().flatten().map(String::as_str).collect();
    let message = format!("`{property}` must be one of {}", known.join(", "));
    let mut otherwise = quote!(return ::std::result::Result::Err(::serde::de::Error::custom(#message)));
    let mut arms = Vec::new();
    for (variant, values) in item.variants.iter().zip(values) {
        let read = read(variant);
        if values.is_empty() {
            otherwise = read;
        } else {
            arms.push(quote!(#(#values)|* => #read,));
        }
    }
    parse_quote! {
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let value = <::serde_json::Value as ::serde::Deserialize>::deserialize(deserializer)?;
                let tag = match value.get(#property) {
                    Some(::serde_json::Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => ::std::string::String::new(),
                };
                let read = match tag.as_str() {
                    #(#arms)*
                    _ => #otherwise,
                };
                read.map_err(::serde::de::Error::custom)
            }
        }
    }
}
