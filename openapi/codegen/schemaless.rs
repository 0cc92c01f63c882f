//! Removes the derived JSON Schemas from types.
//!
//! Dropshot endpoints need `JsonSchema` of their types; a client does not, and is spared the dependency and the
//! compiler's work for it.

use syn::punctuated::Punctuated;
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Item, Path, Token, parse_quote};

/// The same items without `JsonSchema`, its attributes, and the module that only it needs.
pub(crate) fn items(mut items: Vec<Item>) -> Vec<Item> {
    items.retain(|item| !matches!(item, Item::Mod(module) if module.ident == "look"));
    items.iter_mut().for_each(|item| Remove.visit_item_mut(item));
    items
}

struct Remove;

impl Remove {
    fn attributes(attributes: &mut Vec<Attribute>) {
        attributes.retain(|attribute| !attribute.path().is_ident("schemars"));
        for attribute in attributes.iter_mut().filter(|attribute| attribute.path().is_ident("derive")) {
            let Ok(paths) = attribute.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated) else {
                continue;
            };
            let kept = paths.iter().filter(|path| path.segments.last().is_none_or(|last| last.ident != "JsonSchema"));
            *attribute = parse_quote!(#[derive(#(#kept),*)]);
        }
    }
}

impl VisitMut for Remove {
    fn visit_item_struct_mut(&mut self, item: &mut syn::ItemStruct) {
        Self::attributes(&mut item.attrs);
        visit_mut::visit_item_struct_mut(self, item);
    }

    fn visit_item_enum_mut(&mut self, item: &mut syn::ItemEnum) {
        Self::attributes(&mut item.attrs);
        visit_mut::visit_item_enum_mut(self, item);
    }

    fn visit_field_mut(&mut self, field: &mut syn::Field) {
        Self::attributes(&mut field.attrs);
        visit_mut::visit_field_mut(self, field);
    }
}

#[cfg(test)]
mod tests {
    use quote::{ToTokens, quote};

    use super::*;

    #[test]
    fn only_json_schema_is_removed() {
        let given: syn::File = parse_quote! {
            #[derive(::schemars::JsonSchema, ::serde::Serialize, Clone)]
            #[serde(rename = "a")]
            pub struct A {
                #[schemars(with = "look :: Moment")]
                #[serde(default)]
                pub at: ::jiff::Timestamp,
            }
            mod look {}
        };
        let kept = items(given.items);
        let expected = quote! {
            #[derive(::serde::Serialize, Clone)]
            #[serde(rename = "a")]
            pub struct A {
                #[serde(default)]
                pub at: ::jiff::Timestamp,
            }
        };
        let kept: String = kept.iter().map(|item| item.to_token_stream().to_string()).collect();
        assert_eq!(kept, expected.to_string());
    }
}
