//! Small corrections of the code of typify and progenitor, on its syntax tree.
//!
//! Neither tool has a setting for them:
//! - an optional list or map becomes an `Option`, so that one that was sent empty stays an empty one when it is passed
//!   on;
//! - dates and times are jiff's types, with their format in the schema;
//! - an `#[allow]` has a reason, since lints require one;
//! - the schemas that typify prints into the documentation are removed.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Field, Item, Meta, Token, Type, parse_quote};

use crate::nullable;

/// Corrects a list of items.
pub(crate) fn items(tokens: TokenStream) -> syn::Result<Vec<Item>> {
    let mut file: syn::File = syn::parse2(tokens)?;
    let mut correct = Correct::default();
    correct.visit_file_mut(&mut file);
    Apart.visit_file_mut(&mut file);
    file.items.extend(correct.apart.then(nullable::reader));
    let moment = correct.moment.then(|| marker("Moment", "date-time"));
    let day = correct.day.then(|| marker("Day", "date"));
    let markers: Vec<Item> = moment.into_iter().chain(day).flatten().collect();
    if !markers.is_empty() {
        file.items.push(parse_quote! {
            /// How jiff's types, which know serde and not schemars, look in a schema (RFC 3339).
            mod look {
                #(#markers)*
            }
        });
    }
    Ok(file.items)
}

/// Removes a trait from the derived ones.
pub(crate) fn without_derive(attributes: &mut [Attribute], name: &str) {
    for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
        let Ok(all) = attribute.parse_args_with(Punctuated::<syn::Path, Token![,]>::parse_terminated) else { continue };
        let left = all.iter().filter(|path| path.segments.last().is_none_or(|last| last.ident != name));
        *attribute = parse_quote!(#[derive(#(#left),*)]);
    }
}

/// Corrects a type.
pub(crate) fn ty(tokens: TokenStream) -> syn::Result<Type> {
    let mut ty: Type = syn::parse2(tokens)?;
    Correct::default().visit_type_mut(&mut ty);
    Ok(ty)
}

/// Numbers fields whose names are equal in Rust: `self` and `Self` are both `self_` in typify.
struct Apart;

impl Apart {
    /// The new name of the field at each index that needs one.
    fn renamed<'a>(fields: impl Iterator<Item = Option<&'a syn::Ident>>) -> Vec<(usize, syn::Ident)> {
        let mut seen: Vec<String> = Vec::new();
        let mut renamed = Vec::new();
        for (index, field) in fields.enumerate() {
            let Some(field) = field else { continue };
            let name = crate::names::apart(&field.to_string(), |name| seen.iter().any(|known| known == name));
            if *field != name {
                renamed.push((index, syn::Ident::new(&name, field.span())));
            }
            seen.push(name);
        }
        renamed
    }
}

impl VisitMut for Apart {
    fn visit_fields_named_mut(&mut self, fields: &mut syn::FieldsNamed) {
        for (index, new) in Self::renamed(fields.named.iter().map(|field| field.ident.as_ref())) {
            let Some(field) = fields.named.iter_mut().nth(index) else { continue };
            let old = field.ident.replace(new).map(|old| old.to_string()).unwrap_or_default();
            let named = |attribute: &Attribute| attribute.to_token_stream().to_string().contains("rename =");
            if !field.attrs.iter().any(named) {
                field.attrs.push(parse_quote!(#[serde(rename = #old)]));
            }
        }
        visit_mut::visit_fields_named_mut(self, fields);
    }

    fn visit_expr_struct_mut(&mut self, expression: &mut syn::ExprStruct) {
        let named = |field: &syn::FieldValue| match &field.member {
            syn::Member::Named(name) => Some(name.clone()),
            syn::Member::Unnamed(_) => None,
        };
        let names: Vec<Option<syn::Ident>> = expression.fields.iter().map(named).collect();
        for (index, new) in Self::renamed(names.iter().map(Option::as_ref)) {
            if let Some(field) = expression.fields.iter_mut().nth(index) {
                field.member = syn::Member::Named(new);
            }
        }
        visit_mut::visit_expr_struct_mut(self, expression);
    }
}

/// A type that represents one of jiff's types where schemas are derived.
fn marker(name: &str, format: &str) -> Vec<Item> {
    let ident = crate::names::ident(name);
    let file: syn::File = parse_quote! {
        pub(super) enum #ident {}
        impl ::schemars::JsonSchema for #ident {
            fn schema_name() -> ::std::string::String {
                #name.to_owned()
            }
            fn is_referenceable() -> bool {
                false
            }
            fn json_schema(_: &mut ::schemars::r#gen::SchemaGenerator) -> ::schemars::schema::Schema {
                ::schemars::schema::SchemaObject {
                    instance_type: ::std::option::Option::Some(::schemars::schema::InstanceType::String.into()),
                    format: ::std::option::Option::Some(#format.to_owned()),
                    ..::std::default::Default::default()
                }
                .into()
            }
        }
    };
    file.items
}

#[derive(Default)]
struct Correct {
    moment: bool,
    day: bool,
    /// Whether a field needs the reader of `nullable.rs`.
    apart: bool,
}

impl VisitMut for Correct {
    fn visit_attribute_mut(&mut self, attribute: &mut Attribute) {
        if attribute.path().is_ident("allow")
            && let Meta::List(list) = &attribute.meta
        {
            let lints = &list.tokens;
            *attribute = parse_quote!(#[allow(#lints, reason = "generated code")]);
        }
    }

    fn visit_type_mut(&mut self, ty: &mut Type) {
        match chronos(ty) {
            Some(Chrono::Moment) => *ty = parse_quote!(::jiff::Timestamp),
            Some(Chrono::Day) => *ty = parse_quote!(::jiff::civil::Date),
            None => visit_mut::visit_type_mut(self, ty),
        }
    }

    fn visit_field_mut(&mut self, field: &mut Field) {
        present_though_empty(field);
        self.apart |= nullable::apart(field);
        let mut seen = Stand::default();
        let mut stand = field.ty.clone();
        seen.visit_type_mut(&mut stand);
        if seen.moment || seen.day {
            self.moment |= seen.moment;
            self.day |= seen.day;
            let with = stand.to_token_stream().to_string();
            field.attrs.push(parse_quote!(#[schemars(with = #with)]));
        }
        documented(&mut field.attrs, None);
        visit_mut::visit_field_mut(self, field);
    }

    fn visit_variant_mut(&mut self, variant: &mut syn::Variant) {
        documented(&mut variant.attrs, None);
        visit_mut::visit_variant_mut(self, variant);
    }

    fn visit_item_mut(&mut self, item: &mut Item) {
        match item {
            Item::Struct(one) => documented(&mut one.attrs, Some(&format!("`{}`, as the schema has it.", one.ident))),
            Item::Enum(one) => documented(&mut one.attrs, Some(&format!("`{}`, as the schema has it.", one.ident))),
            _ => {}
        }
        visit_mut::visit_item_mut(self, item);
    }
}

/// Replaces chrono's types, with marker types for schemas.
#[derive(Default)]
struct Stand {
    moment: bool,
    day: bool,
}

impl VisitMut for Stand {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match chronos(ty) {
            Some(Chrono::Moment) => {
                self.moment = true;
                *ty = parse_quote!(look::Moment);
            }
            Some(Chrono::Day) => {
                self.day = true;
                *ty = parse_quote!(look::Day);
            }
            None => visit_mut::visit_type_mut(self, ty),
        }
    }
}

enum Chrono {
    Moment,
    Day,
}

fn chronos(ty: &Type) -> Option<Chrono> {
    let Type::Path(path) = ty else { return None };
    let mut segments = path.path.segments.iter();
    if segments.next()?.ident != "chrono" {
        return None;
    }
    match segments.next_back()?.ident.to_string().as_str() {
        "DateTime" => Some(Chrono::Moment),
        "NaiveDate" => Some(Chrono::Day),
        _ => None,
    }
}

/// `skip_serializing_if = "Vec::is_empty"` drops an empty list that was sent. An `Option` preserves it.
fn present_though_empty(field: &mut Field) {
    let Some(attribute) = field.attrs.iter_mut().find(|attribute| attribute.path().is_ident("serde")) else { return };
    let Ok(metas) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated) else { return };
    let skips = |meta: &Meta| {
        meta.path().is_ident("skip_serializing_if") && meta.to_token_stream().to_string().contains("::is_empty")
    };
    if !metas.iter().any(skips) {
        return;
    }
    let kept: Vec<Meta> = metas.into_iter().filter(|meta| !skips(meta)).collect();
    *attribute = parse_quote!(#[serde(#(#kept,)* skip_serializing_if = "::std::option::Option::is_none")]);
    let inner = &field.ty;
    field.ty = parse_quote!(::std::option::Option<#inner>);
}

/// Removes the printed schema from the documentation, and adds a line if nothing is left.
fn documented(attributes: &mut Vec<Attribute>, otherwise: Option<&str>) {
    let mut kept = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Some(text) = nullable::documentation(attribute) {
            kept.push_str(&text);
            kept.push('\n');
        }
    }
    if let Some(schema) = kept.find("<details>") {
        kept.truncate(schema);
    }
    if nullable::is_marked(&kept) {
        kept = nullable::unmarked(&kept);
    }
    let text = if kept.trim().is_empty() { otherwise.unwrap_or_default() } else { kept.trim() };
    attributes.retain(|attribute| !attribute.path().is_ident("doc"));
    for line in text.lines().rev() {
        let line = format!(" {}", line.trim());
        attributes.insert(0, parse_quote!(#[doc = #line]));
    }
}

/// Documentation attributes from a text.
pub(crate) fn doc(text: &str) -> TokenStream {
    let lines = text.lines().map(|line| format!(" {}", line.trim_end()));
    quote!(#(#[doc = #lines])*)
}
