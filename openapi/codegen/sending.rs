//! `request.send(&client)`: a call with named parameters, beside progenitor's positional one.
//!
//! progenitor sorts parameters by name, so that a parameter that an overlay adds moves all others. A request's fields do not
//! move. The order and form of the arguments are read off the methods that progenitor made.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{FnArg, ImplItem, ImplItemFn, Item, Pat, Type};

use crate::exchange::{Field, Source, Typed};

/// One `impl` per request whose method is found among the client's items.
pub(crate) fn items(typed: &[Typed<'_>], client: &[Item], runtime: &syn::Path) -> Vec<TokenStream> {
    typed.iter().filter_map(|one| item(one, method(client, &one.method)?, runtime)).collect()
}

fn method<'a>(client: &'a [Item], name: &Ident) -> Option<&'a ImplItemFn> {
    let blocks = client.iter().filter_map(|item| if let Item::Impl(block) = item { Some(block) } else { None });
    blocks.filter(|block| block.trait_.is_none()).flat_map(|block| &block.items).find_map(|item| match item {
        ImplItem::Fn(function) if function.sig.ident == *name => Some(function),
        _ => None,
    })
}

fn item(typed: &Typed<'_>, method: &ImplItemFn, runtime: &syn::Path) -> Option<TokenStream> {
    let Typed { request, method: name, fields, .. } = typed;
    let mut arguments = Vec::new();
    for input in &method.sig.inputs {
        let FnArg::Typed(input) = input else { continue };
        let Pat::Ident(argument) = &*input.pat else { return None };
        let field = fields.iter().find(|field| field.name == argument.ident)?;
        arguments.push(argument_of(field, &input.ty, runtime));
    }
    let output = &method.sig.output;
    Some(quote! {
        impl super::#request {
            /// Sends this request with a client.
            ///
            /// # Errors
            /// A documented error is `CallError::Refused`; the other variants say what kept an answer away.
            pub async fn send(&self, client: &Client) #output {
                client.#name(#(#arguments,)*).await
            }
        }
    })
}

/// A field as progenitor wants it: borrowed or by value, `None` when absent.
fn argument_of(field: &Field, argument: &Type, runtime: &syn::Path) -> TokenStream {
    let name = &field.name;
    let form = argument.to_token_stream().to_string();
    let (optional, borrowed, text) = (form.starts_with("Option <"), form.contains('&'), form.contains("str"));
    match (&field.source, optional) {
        (Source::Many(..), true) => quote!((!self.#name.is_empty()).then_some(&self.#name)),
        (Source::OptionalBody, _) => quote! {
            self.#name.as_ref().ok_or_else(|| #runtime::CallError::Unsent("this client cannot leave out the body".into()))?
        },
        (_, true) if borrowed && text && is_string(&field.ty) => quote!(self.#name.as_deref()),
        (_, true) if borrowed => quote!(self.#name.as_ref()),
        (_, false) if borrowed => quote!(&self.#name),
        _ => quote!(self.#name),
    }
}

fn is_string(ty: &Type) -> bool {
    ty.to_token_stream().to_string().contains(":: string :: String")
}
