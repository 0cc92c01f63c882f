//! Enums of integers, numbers or booleans, which typify does not make.
//!
//! It makes an enum of text instead, whose values are the numbers behind a mark. In its code, `enums` then replaces the
//! readers and writers of such an enum, and every marked text.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::{Map, Value, json};
use syn::visit_mut::{self, VisitMut};
use syn::{Item, parse_quote};

use crate::normal::each_child;
use crate::retype;

/// What the values of an enum are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Number,
    Boolean,
}

impl Kind {
    /// The mark before a value. Characters for private use occur in no document, and in no name in Rust.
    fn mark(self) -> char {
        match self {
            Self::Integer => '\u{E000}',
            Self::Number => '\u{E001}',
            Self::Boolean => '\u{E002}',
        }
    }

    fn of_mark(mark: char) -> Option<Self> {
        [Self::Integer, Self::Number, Self::Boolean].into_iter().find(|kind| kind.mark() == mark)
    }

    /// The kind of a schema that has nothing but such values, and perhaps null.
    fn of(schema: &Value) -> Option<Self> {
        let values = schema.get("enum")?.as_array()?;
        let values = || values.iter().filter(|value| !value.is_null());
        let kind = schema.get("type").and_then(Value::as_str);
        let integers = values().all(|value| value.as_i64().is_some());
        match kind {
            _ if values().next().is_none() => None,
            None | Some("integer") if integers => Some(Self::Integer),
            None | Some("number") if values().all(Value::is_number) => Some(Self::Number),
            None | Some("boolean") if values().all(Value::is_boolean) => Some(Self::Boolean),
            _ => None,
        }
    }
}

/// A value as text that gives a name: `value_minus_1_point_5`.
fn encoded(kind: Kind, value: &Value) -> String {
    let plain = value.to_string();
    let name = if kind == Kind::Boolean { plain } else { format!("value_{plain}") };
    format!("{}{}", kind.mark(), name.replace('-', "minus_").replace('.', "_point_"))
}

fn decoded(text: &str) -> Option<(Kind, String)> {
    let mut letters = text.chars();
    let kind = Kind::of_mark(letters.next()?)?;
    let name = letters.as_str();
    Some((kind, name.strip_prefix("value_").unwrap_or(name).replace("minus_", "-").replace("_point_", ".")))
}

/// The format of a marked enum. With a format, typify does not take a single value for the tag of an enum.
const FORMAT: &str = "x-runyard-numeric";

/// Marks every enum of numbers that typify need not merge with another schema. Whether there was one.
pub(crate) fn mark(schemas: &mut Map<String, Value>) -> bool {
    let merged = merged(schemas);
    let mut marked = BTreeSet::new();
    let mut any = false;
    for (name, schema) in schemas.iter_mut() {
        let own = Kind::of(schema).is_some();
        let mut marker = Marker { any: false };
        marker.schema(schema, merged.contains(name));
        any |= marker.any;
        if own && is_marked(schema) {
            marked.insert(name.clone());
        }
    }
    let kinds: Map<String, Value> =
        marked.iter().filter_map(|name| Some((name.clone(), schemas.get(name)?.clone()))).collect();
    schemas.values_mut().for_each(|schema| defaults(schema, &kinds));
    any
}

/// The components that typify merges with others.
fn merged(schemas: &Map<String, Value>) -> BTreeSet<String> {
    fn gather(schema: &Value, into: &mut BTreeSet<String>) {
        let parts = schema.get("allOf").and_then(Value::as_array);
        if let Some(parts) = parts.filter(|parts| parts.len() > 1 || schema.get("properties").is_some()) {
            into.extend(parts.iter().filter_map(component).map(str::to_owned));
        }
        match schema {
            Value::Object(fields) => fields.values().for_each(|field| gather(field, into)),
            Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    schemas.values().for_each(|schema| gather(schema, &mut found));
    let mut wanted: Vec<String> = found.iter().cloned().collect();
    while let Some(name) = wanted.pop() {
        let parts = schemas.get(&name).and_then(|schema| schema.get("allOf")).and_then(Value::as_array);
        for part in parts.into_iter().flatten().filter_map(component) {
            if found.insert(part.to_owned()) {
                wanted.push(part.to_owned());
            }
        }
    }
    found
}

fn component(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

fn is_marked(schema: &Value) -> bool {
    schema.get("format").is_some_and(|format| format == FORMAT)
}

struct Marker {
    any: bool,
}

impl Marker {
    /// `merged`: whether the schema, and each of its properties, may be merged with another.
    fn schema(&mut self, schema: &mut Value, merged: bool) {
        if !merged {
            self.own(schema);
        }
        let adds = schema.get("properties").is_some();
        let several = adds || schema.get("allOf").and_then(Value::as_array).is_some_and(|all| all.len() > 1);
        // Among alternatives of other kinds, typify would take a text for the name of one.
        let mut alternatives = ["oneOf", "anyOf"].iter().filter_map(|key| schema.get(*key)?.as_array()).flatten();
        let mixed = alternatives.any(|one| Kind::of(one).is_none() && component(one).is_none());
        each_child(schema, "", &mut |at, child| match at.split('/').nth(1) {
            Some("properties") => self.schema(child, merged),
            Some("allOf") => self.schema(child, merged || several),
            Some("oneOf" | "anyOf") if mixed && Kind::of(child).is_some() => {}
            Some("oneOf" | "anyOf") => self.schema(child, merged),
            _ => self.schema(child, false),
        });
    }

    fn own(&mut self, schema: &mut Value) {
        let Some(kind) = Kind::of(schema) else { return };
        let Value::Object(fields) = schema else { return };
        let Some(Value::Array(values)) = fields.get("enum").cloned() else { return };
        if kind == Kind::Boolean && values.iter().filter(|value| value.is_boolean()).count() > 1 {
            // It is every boolean.
            fields.shift_remove("enum");
            fields.insert("type".into(), "boolean".into());
            return;
        }
        let text = |value: &Value| if value.is_null() { Value::Null } else { encoded(kind, value).into() };
        let kept = ["description", "nullable", "default", "deprecated", "readOnly", "writeOnly"];
        fields.retain(|key, _| kept.contains(&key.as_str()));
        fields.insert("type".into(), "string".into());
        fields.insert("format".into(), FORMAT.into());
        fields.insert("enum".into(), values.iter().map(text).collect());
        self.any = true;
    }
}

/// Marks the default of a schema that is, or refers to, a marked enum.
fn defaults(schema: &mut Value, marked: &Map<String, Value>) {
    each_child(schema, "", &mut |_, child| defaults(child, marked));
    let Some(default) = schema.get("default").filter(|value| value.is_number() || value.is_boolean()) else { return };
    let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let target =
        if is_marked(schema) { Some(&*schema) } else { parts.filter_map(component).find_map(|name| marked.get(name)) };
    let values = target.and_then(|target| target.get("enum")?.as_array());
    let Some(values) = values else { return };
    let texts = || values.iter().filter_map(Value::as_str);
    let kind = texts().next().and_then(|text| Kind::of_mark(text.chars().next()?));
    let text = kind.map(|kind| encoded(kind, default)).filter(|text| texts().any(|value| value == text));
    if let Value::Object(fields) = schema {
        match text {
            Some(text) => fields.insert("default".into(), json!(text)),
            None => fields.shift_remove("default"),
        };
    }
}

/// Makes enums of numbers of the marked enums of text.
///
/// # Errors
/// A mark that is left: typify did not make an enum of it.
pub(crate) fn enums(items: &mut Vec<Item>) -> Result<(), String> {
    let mut implementations = Vec::new();
    for item in items.iter_mut() {
        let Item::Enum(item) = item else { continue };
        let values: Option<Vec<(Kind, String)>> = item.variants.iter().map(value).collect();
        let Some(values) = values else { continue };
        let Some((kind, _)) = values.first() else { continue };
        for name in ["Serialize", "Deserialize", "JsonSchema"] {
            retype::without_derive(&mut item.attrs, name);
        }
        item.variants
            .iter_mut()
            .for_each(|variant| variant.attrs.retain(|attribute| !attribute.path().is_ident("serde")));
        let texts: Vec<&str> = values.iter().map(|(_, text)| text.as_str()).collect();
        implementations.extend(conversions(item, *kind, &texts));
    }
    items.extend(implementations);
    let mut texts = Texts { left: None };
    items.iter_mut().for_each(|item| texts.visit_item_mut(item));
    texts.left.map_or(Ok(()), |left| Err(format!("the enum value {left} is in no enum of typify's code")))
}

/// The value of a marked variant.
fn value(variant: &syn::Variant) -> Option<(Kind, String)> {
    if !matches!(variant.fields, syn::Fields::Unit) {
        return None;
    }
    let mut found = None;
    for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        // Another attribute than `rename = "..."` does not belong to a marked variant.
        drop(attribute.parse_nested_meta(|meta| {
            let text: syn::LitStr = meta.value()?.parse()?;
            found = decoded(&text.value());
            Ok(())
        }));
    }
    found
}

/// The value as a literal of this type; integers stay integers in JSON if `exact`.
fn literal(kind: Kind, text: &str, exact: bool) -> TokenStream {
    let suffix = match kind {
        Kind::Boolean => "",
        Kind::Integer => "i64",
        Kind::Number if exact && text.parse::<i64>().is_ok() => "i64",
        Kind::Number => "f64",
    };
    format!("{text}{suffix}").parse().unwrap_or_default()
}

fn conversions(item: &syn::ItemEnum, kind: Kind, texts: &[&str]) -> Vec<Item> {
    let name = &item.ident;
    let variants: Vec<&syn::Ident> = item.variants.iter().map(|variant| &variant.ident).collect();
    let literals: Vec<TokenStream> = texts.iter().map(|text| literal(kind, text, true)).collect();
    let message = format!("must be one of {}", texts.join(", "));
    let (ty, instance) = match kind {
        Kind::Integer => (quote!(i64), quote!(Integer)),
        Kind::Number => (quote!(f64), quote!(Number)),
        Kind::Boolean => (quote!(bool), quote!(Boolean)),
    };
    let write = texts.iter().zip(&literals).map(|(text, literal)| match kind {
        Kind::Boolean => quote!(serialize_bool(#literal)),
        _ if text.parse::<i64>().is_ok() => quote!(serialize_i64(#literal)),
        _ => quote!(serialize_f64(#literal)),
    });
    let compared = texts.iter().map(|text| literal(kind, text, false));
    let schema_name = name.to_string();
    let file: syn::File = parse_quote! {
        impl ::serde::Serialize for #name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                match self { #(Self::#variants => serializer.#write,)* }
            }
        }
        impl<'de> ::serde::Deserialize<'de> for #name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                let value = <#ty as ::serde::Deserialize>::deserialize(deserializer)?;
                #(if value == #compared { return ::std::result::Result::Ok(Self::#variants); })*
                ::std::result::Result::Err(::serde::de::Error::custom(#message))
            }
        }
        impl ::schemars::JsonSchema for #name {
            fn schema_name() -> ::std::string::String {
                #schema_name.to_owned()
            }
            fn json_schema(_: &mut ::schemars::r#gen::SchemaGenerator) -> ::schemars::schema::Schema {
                ::schemars::schema::SchemaObject {
                    instance_type: ::std::option::Option::Some(::schemars::schema::InstanceType::#instance.into()),
                    enum_values: ::std::option::Option::Some(::std::vec![#(::serde_json::Value::from(#literals)),*]),
                    ..::std::default::Default::default()
                }
                .into()
            }
        }
    };
    file.items
}

/// Replaces marked texts in the code that reads and writes text.
struct Texts {
    left: Option<String>,
}

impl VisitMut for Texts {
    fn visit_lit_str_mut(&mut self, text: &mut syn::LitStr) {
        if let Some((_, plain)) = decoded(&text.value()) {
            *text = syn::LitStr::new(&plain, text.span());
        }
    }

    fn visit_attribute_mut(&mut self, attribute: &mut syn::Attribute) {
        // Attributes are tokens to the parser: a mark in one was not understood.
        if let syn::Meta::List(list) = &attribute.meta
            && let Some(left) = left_in(list.tokens.clone())
        {
            self.left.get_or_insert(left);
        }
        visit_mut::visit_attribute_mut(self, attribute);
    }
}

fn left_in(tokens: TokenStream) -> Option<String> {
    tokens.into_iter().find_map(|token| match token {
        proc_macro2::TokenTree::Literal(literal) => {
            let text: syn::LitStr = syn::parse_str(&literal.to_string()).ok()?;
            decoded(&text.value()).map(|(_, plain)| plain)
        }
        proc_macro2::TokenTree::Group(group) => left_in(group.stream()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_from_its_text() {
        for value in [json!(0), json!(-12), json!(1.5), json!(-1e-7), json!(2.0), json!(i64::MIN)] {
            let kind = if value.is_i64() { Kind::Integer } else { Kind::Number };
            assert_eq!(decoded(&encoded(kind, &value)), Some((kind, value.to_string())));
        }
        assert_eq!(decoded(&encoded(Kind::Boolean, &json!(true))), Some((Kind::Boolean, "true".into())));
        assert_eq!(decoded("value_1"), None);
    }

    #[test]
    fn enums_that_are_merged_or_mixed_stay() {
        let mut schemas = json!({
            "One": { "type": "integer", "enum": [1, 2] },
            "Merged": { "allOf": [{ "properties": { "a": { "type": "integer", "enum": [1] } } }, {}] },
            "Mixed": { "oneOf": [{ "type": "integer", "enum": [1] }, { "type": "object" }] },
            "Both": { "enum": [true, false] },
            "Uses": { "properties": { "a": { "allOf": [{ "$ref": "#/components/schemas/One" }], "default": 2 } } },
        });
        let Value::Object(schemas) = &mut schemas else { panic!() };
        let before = schemas.clone();
        assert!(mark(schemas));
        assert_eq!(schemas["One"]["enum"], json!(["\u{E000}value_1", "\u{E000}value_2"]));
        assert_eq!((&schemas["Merged"], &schemas["Mixed"]), (&before["Merged"], &before["Mixed"]));
        assert_eq!(schemas["Both"], json!({ "type": "boolean" }));
        assert_eq!(schemas["Uses"]["properties"]["a"]["default"], json!("\u{E000}value_2"));
    }
}
