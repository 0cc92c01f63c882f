//! Properties that may be absent or null, as two states: `Option<Option<T>>`.
//!
//! typify makes one `Option` of both. Such a property gets a mark in its description, by which its field is found in
//! typify's code. A generator does this on request ([`Generator::distinguish_null`](crate::Generator)).

use serde_json::{Map, Value, json};
use syn::{Attribute, Field, Item, Type, parse_quote};

use crate::normal::each_child;

/// The mark of a field that gets one more `Option`. Characters for private use occur in no document.
const WRAPPED: char = '\u{E010}';

/// The mark of a field whose type has a null of its own.
const READ: char = '\u{E011}';

/// Marks every such property.
pub(crate) fn mark(schemas: &mut Map<String, Value>) {
    let whole = schemas.clone();
    schemas.values_mut().for_each(|schema| mark_in(schema, &whole));
}

fn mark_in(schema: &mut Value, schemas: &Map<String, Value>) {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for (name, property) in properties {
            if required.iter().any(|one| one == name) {
                continue;
            }
            let Some(mark) = kind(property, schemas) else { continue };
            if property.get("$ref").is_some() {
                *property = json!({ "allOf": [property.take()] });
            }
            let text = property.get("description").and_then(Value::as_str).unwrap_or_default();
            property["description"] = format!("{mark}{text}").into();
        }
    }
    each_child(schema, "", &mut |_, child| mark_in(child, schemas));
}

fn kind(property: &Value, schemas: &Map<String, Value>) -> Option<char> {
    if property.get("enum") == Some(&json!([null])) {
        return None;
    }
    if property.get("nullable") == Some(&Value::Bool(true)) {
        let shaped = ["type", "allOf", "oneOf", "anyOf", "enum"].iter().any(|key| property.get(key).is_some());
        return Some(if shaped { WRAPPED } else { READ });
    }
    let parts = property.get("allOf").and_then(Value::as_array);
    let target = match parts.map(Vec::as_slice) {
        Some([only]) => only,
        _ => property,
    };
    let name = target.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")?;
    (schemas.get(name)?.get("nullable") == Some(&Value::Bool(true))).then_some(READ)
}

/// Whether a text of documentation has a mark.
pub(crate) fn is_marked(text: &str) -> bool {
    text.contains([WRAPPED, READ])
}

/// A text of documentation without marks.
pub(crate) fn unmarked(text: &str) -> String {
    text.replace([WRAPPED, READ], "")
}

/// Changes a marked field. Whether it needs the function of [`reader`].
pub(crate) fn apart(field: &mut Field) -> bool {
    let texts = || field.attrs.iter().filter_map(documentation);
    let (wrapped, read) = (texts().any(|text| text.contains(WRAPPED)), texts().any(|text| text.contains(READ)));
    // A field that is never absent has its default or is required.
    let skips = |attribute: &&mut Attribute| {
        attribute.path().is_ident("serde")
            && quote::ToTokens::to_token_stream(&attribute).to_string().contains("Option::is_none")
    };
    let Some(attribute) = (wrapped || read).then(|| field.attrs.iter_mut().find(skips)).flatten() else { return false };
    let Ok(list) = attribute.meta.require_list() else { return false };
    let others = &list.tokens;
    // With a function to read it, serde demands an `Option`, too.
    let default = (!others.to_string().contains("default")).then(|| quote::quote!(default,));
    *attribute = parse_quote!(#[serde(#default #others, deserialize_with = "apart::present")]);
    let ty = &field.ty;
    if wrapped && !is_any(ty) {
        field.ty = parse_quote!(::std::option::Option<#ty>);
    }
    true
}

/// Whether it is an `Option` of any JSON, which has a null of its own.
fn is_any(ty: &Type) -> bool {
    quote::quote!(#ty).to_string().ends_with("serde_json :: Value >")
}

pub(crate) fn documentation(attribute: &Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) if pair.path.is_ident("doc") => {
            Some(text.value())
        }
        _ => None,
    }
}

/// The module that such fields are read with.
pub(crate) fn reader() -> Item {
    parse_quote! {
        /// Reads a property that may be null, and is not absent.
        mod apart {
            pub(super) fn present<'de, T: ::serde::Deserialize<'de>, D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<::std::option::Option<T>, D::Error> {
                T::deserialize(deserializer).map(::std::option::Option::Some)
            }
        }
    }
}
