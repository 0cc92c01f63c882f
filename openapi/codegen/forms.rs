//! Multipart forms: the fields that a document lists, and a struct with them.
//!
//! A form is typed if its schema is an object with listed properties. A binary property is a file, a list of such are
//! files, and everything else is text or JSON with a type of its own. Other forms are a list of parts.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use serde_json::Value;
use syn::Type;

use crate::model::{Body, Form, Part, PartContent};
use crate::retype::doc;
use crate::types::Types;
use crate::{Result, document, names};

/// The media types of forms with files.
pub(crate) fn is_form(media: &str) -> bool {
    Form::of(media, None) == Form::Parts
}

/// The properties of a form, if it is typed.
pub(crate) fn properties(schema: &Value) -> Option<&serde_json::Map<String, Value>> {
    let closed = schema.get("additionalProperties").is_none_or(|others| *others == Value::Bool(false));
    let plain = !["allOf", "oneOf", "anyOf"].iter().any(|keyword| schema.get(keyword).is_some());
    schema.get("properties").and_then(Value::as_object).filter(|all| closed && plain && !all.is_empty())
}

/// Writes the schema of every form into its place, so that its properties get names there.
pub(crate) fn inline(whole: &mut Value) {
    let original = whole.clone();
    for (_, _, at, operation) in document::operations(&original) {
        let body = operation.get("requestBody");
        let found = body.and_then(|body| document::resolved(&original, body, &format!("{at}/requestBody")));
        let Some((body, pointer)) = found else { continue };
        for (media, content) in document::entries(body, "content").filter(|(media, _)| is_form(media)) {
            let schema = content.get("schema").and_then(|schema| document::resolved(&original, schema, ""));
            let slot = whole.pointer_mut(&format!("{pointer}/content/{}/schema", document::escape(media)));
            if let (Some((schema, _)), Some(slot)) = (schema.filter(|(schema, _)| properties(schema).is_some()), slot) {
                *slot = schema.clone();
            }
        }
    }
}

/// The fields of a typed form. `content` is its Media Type Object.
pub(crate) fn read(whole: &Value, content: &Value) -> Vec<Part> {
    let Some(schema) = content.get("schema") else { return Vec::new() };
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut taken = BTreeSet::new();
    let part = |(name, schema): (&String, &Value)| {
        let field = names::apart(&names::snake(name), |name| taken.contains(name));
        taken.insert(field.clone());
        let media = content.get("encoding").and_then(|all| all.get(name)).and_then(|one| one.get("contentType"));
        // A list or a range of content types cannot be sent.
        let media = media.and_then(Value::as_str).filter(|media| !media.contains([',', '*']));
        Part {
            name: name.clone(),
            field,
            required: required.iter().any(|one| one == name),
            content: held(whole, schema),
            media: media.map(str::to_owned),
            schema: schema.clone(),
            description: document::text(schema, "description").unwrap_or_default().to_owned(),
        }
    };
    properties(schema).into_iter().flatten().map(part).collect()
}

fn held(whole: &Value, schema: &Value) -> PartContent {
    let Some((schema, _)) = document::resolved(whole, schema, "") else { return PartContent::Value };
    let items = schema.get("items").and_then(|items| document::resolved(whole, items, ""));
    match document::text(schema, "type") {
        None | Some("string") if is_binary(schema) => PartContent::File,
        Some("array") if items.is_some_and(|(items, _)| is_binary(items)) => PartContent::Files,
        _ => PartContent::Value,
    }
}

fn is_binary(schema: &Value) -> bool {
    document::text(schema, "format") == Some("binary")
}

/// Whether a property of a form is a file, or files.
pub(crate) fn is_file(whole: &Value, schema: &Value) -> bool {
    held(whole, schema) != PartContent::Value
}

/// A typed form with the types of its fields.
pub(crate) struct TypedForm<'a> {
    pub(crate) name: Ident,
    fields: Vec<(&'a Part, Type)>,
}

/// Finds the types of a form.
pub(crate) fn typed<'a>(body: &'a Body, stem: &str, types: &mut Types) -> Result<Option<TypedForm<'a>>> {
    if body.parts.is_empty() {
        return Ok(None);
    }
    let field = |part: &'a Part| {
        let (ty, optional) = match part.content {
            PartContent::Value => types.of(&part.schema, &part.name)?,
            PartContent::File => (syn::parse_quote!(::multipart::File), false),
            PartContent::Files => (syn::parse_quote!(::std::vec::Vec<::multipart::File>), true),
        };
        let ty = if part.required || optional { ty } else { syn::parse_quote!(::std::option::Option<#ty>) };
        Ok((part, ty))
    };
    let fields = body.parts.iter().map(field).collect::<Result<_>>()?;
    Ok(Some(TypedForm { name: quote::format_ident!("{stem}Form"), fields }))
}

/// The struct of a form, and how it becomes parts and comes of them.
pub(crate) fn item(form: &TypedForm<'_>, id: &str) -> TokenStream {
    let TypedForm { name, fields } = form;
    let docs = doc(&format!("The form of `{id}`."));
    let idents: Vec<Ident> = fields.iter().map(|(part, _)| names::ident(&part.field)).collect();
    let members = fields.iter().zip(&idents).map(|((part, ty), ident)| {
        let otherwise = format!("The field `{}`.", part.name);
        let docs = doc(if part.description.is_empty() { &otherwise } else { &part.description });
        quote!(#docs pub #ident: #ty)
    });
    let written = fields.iter().zip(&idents).map(|((part, _), ident)| {
        let (name, required) = (&part.name, part.required);
        let media = part.media.as_ref();
        let media = media
            .map_or_else(|| quote!(::std::option::Option::None), |media| quote!(::std::option::Option::Some(#media)));
        match part.content {
            PartContent::Value => quote!(__parts.push_value(#name, #media, &self.#ident)?;),
            PartContent::File if required => quote!(__parts.push_file(#name, #media, &self.#ident);),
            _ => quote!(for __file in self.#ident.iter() { __parts.push_file(#name, #media, __file); }),
        }
    });
    let read = fields.iter().map(|(part, _)| {
        let (name, required) = (&part.name, part.required);
        match part.content {
            PartContent::Value => quote!(__received.value(#name)?),
            PartContent::File if required => quote!(__received.required_file(#name)?),
            PartContent::File => quote!(__received.file(#name)),
            PartContent::Files => quote!(__received.files(#name)),
        }
    });
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq)]
        pub struct #name { #(#members,)* }

        impl ::multipart::Form for #name {
            fn to_parts(&self) -> ::std::result::Result<::multipart::Multipart, ::serde_json::Error> {
                let mut __parts = ::multipart::Multipart::new();
                #(#written)*
                ::std::result::Result::Ok(__parts)
            }

            fn from_parts(
                mut __received: ::multipart::Received,
            ) -> ::std::result::Result<Self, ::multipart::FieldError> {
                ::std::result::Result::Ok(Self { #(#idents: #read,)* })
            }
        }
    }
}
