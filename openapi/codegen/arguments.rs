//! The arguments of a client's methods: their order, their types, and how each is put into a request.
//!
//! The order minimizes the change when an optional parameter is added. The named fields of a request do not depend on
//! any order.

use std::cmp::Ordering;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use crate::exchange::{Field, Source, Typed, style};
use crate::model::{Form, Place};

/// A field of a request as an argument.
pub(crate) struct Argument<'a> {
    field: &'a Field,
    pass: Pass,
}

/// How an argument is passed.
enum Pass {
    Copied,
    Text,
    Borrowed,
}

/// The arguments of an operation: path parameters in the order of the path; query, header and cookie parameters by
/// name; the body.
pub(crate) fn of<'a>(typed: &'a Typed<'_>) -> Vec<Argument<'a>> {
    let mut fields: Vec<&Field> = typed.fields.iter().collect();
    fields.sort_by(|one, other| {
        let places = place_rank(one).cmp(&place_rank(other));
        let by_name = || match (one.source.parameter(), other.source.parameter()) {
            (Some((Place::Path, _)), _) | (None, _) | (_, None) => Ordering::Equal,
            (Some((_, one)), Some((_, other))) => one.cmp(other),
        };
        places.then_with(by_name)
    });
    fields.into_iter().map(|field| Argument { field, pass: Pass::of(plain(&field.ty)) }).collect()
}

fn place_rank(field: &Field) -> u8 {
    match field.source.parameter() {
        Some((Place::Path, _)) => 0,
        Some((Place::Query, _)) => 1,
        Some((Place::Header, _)) => 2,
        Some((Place::Cookie, _)) => 3,
        None => 4,
    }
}

impl Argument<'_> {
    /// `name: type`.
    pub(crate) fn declared(&self) -> TokenStream {
        let Field { name, ty, .. } = self.field;
        let inner = plain(ty);
        let inner = match self.pass {
            Pass::Copied => quote!(#inner),
            Pass::Text => quote!(&'a str),
            Pass::Borrowed => quote!(&'a #inner),
        };
        if self.is_optional() { quote!(#name: ::std::option::Option<#inner>) } else { quote!(#name: #inner) }
    }

    /// The field of `self` as the argument.
    pub(crate) fn passed(&self) -> TokenStream {
        let name = &self.field.name;
        match (&self.pass, &self.field.source) {
            (_, Source::Many { required: false, .. }) => quote!((!self.#name.is_empty()).then_some(&self.#name)),
            (Pass::Copied, _) => quote!(self.#name),
            (Pass::Text, _) if self.is_optional() => quote!(self.#name.as_deref()),
            _ if self.is_optional() => quote!(self.#name.as_ref()),
            _ => quote!(&self.#name),
        }
    }

    /// The call that puts the argument into a request.
    pub(crate) fn filled(&self, runtime: &syn::Path) -> TokenStream {
        let Field { name, source, .. } = self.field;
        let Some((place, key)) = source.parameter() else { return self.body() };
        let style = style(self.field.style, runtime);
        let put = crate::names::ident(place.as_str());
        quote!(.#put(#key, #style, &#name))
    }

    fn body(&self) -> TokenStream {
        let name = &self.field.name;
        let (Source::Body(form, media) | Source::OptionalBody(form, media)) = &self.field.source else {
            return TokenStream::new();
        };
        let put = match form {
            Form::Json => quote!(json(#media, #name)),
            Form::Fields => quote!(form(#name)),
            Form::Parts => quote!(multipart(#name)),
            Form::Text => quote!(bytes(#media, ::bytes::Bytes::copy_from_slice(#name.as_bytes()))),
            Form::Bytes => quote!(bytes(#media, ::std::clone::Clone::clone(#name))),
        };
        if !self.is_optional() {
            return quote!(.#put);
        }
        quote!(.with(#name, |__request, #name| __request.#put))
    }

    fn is_optional(&self) -> bool {
        optional(&self.field.ty).is_some() || matches!(self.field.source, Source::Many { required: false, .. })
    }
}

impl Pass {
    fn of(ty: &Type) -> Self {
        let text = ty.to_token_stream().to_string().replace(' ', "");
        let copied = ["bool", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"];
        match text.as_str() {
            "::std::string::String" => Self::Text,
            plain if copied.contains(&plain) || plain.starts_with("::std::num::NonZero") => Self::Copied,
            _ => Self::Borrowed,
        }
    }
}

fn plain(ty: &Type) -> &Type {
    optional(ty).unwrap_or(ty)
}

/// The `T` of an `Option<T>`.
fn optional(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    // A schema can also be named `Option`; its type has no generic arguments.
    let syn::PathArguments::AngleBracketed(of) = &last.arguments else { return None };
    of.args.first().and_then(|of| if let syn::GenericArgument::Type(of) = of { Some(of) } else { None })
}
