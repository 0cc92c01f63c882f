//! What progenitor's client does with a request and an answer, replaced by what our own module does.
//!
//! Its methods keep their names, arguments and addresses. The request goes to the client's `Behaviour`, together with what the
//! document says about the operation; the answer is read by our functions, so that an error keeps status, headers and body.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::visit_mut::{self, VisitMut};
use syn::{Expr, ImplItem, Item, Stmt, Type, parse_quote};

use crate::model::{Answer, Model, Operation, Place, is_stream};

/// The module that the client stands on, and the document's error body.
pub(crate) struct Runtime<'a> {
    pub(crate) path: &'a syn::Path,
    pub(crate) error: &'a Type,
}

impl Runtime<'_> {
    /// Puts our module under the items that progenitor made.
    pub(crate) fn put_under(&self, items: &mut Vec<Item>, model: &Model) {
        // Its imports, its hooks, and the check that the hooks are there.
        items.retain(|item| !matches!(item, Item::Use(_)) && !is_check(item));
        for item in items.iter_mut() {
            self.visit_item_mut_of(item);
        }
        items.extend(self.own(model));
    }

    fn visit_item_mut_of(&self, item: &mut Item) {
        if let Item::Impl(block) = item {
            for item in &mut block.items {
                let ImplItem::Fn(function) = item else { continue };
                function.block.stmts.retain(|statement| !is_hook(statement));
            }
        }
        Reading(self.path).visit_item_mut(item);
    }

    fn own(&self, model: &Model) -> Vec<Item> {
        let (runtime, error) = (self.path, self.error);
        let arms = model.operations.iter().map(|operation| {
            let (name, facts) = (&operation.name, facts(runtime, operation));
            quote!(#name => { static OPERATION: #runtime::Operation = #facts; &OPERATION })
        });
        let file: syn::File = parse_quote! {
            pub use #runtime::{ByteStream, CallError, ResponseValue};
            #[allow(unused_imports, reason = "generated code")]
            use progenitor_client::{ClientInfo, OperationInfo, RequestBuilderExt, encode_path};

            /// Why a call did not give what was asked for.
            pub type Error = #runtime::CallError<#error>;

            impl Client {
                async fn exec(
                    &self,
                    request: ::reqwest::Request,
                    info: &OperationInfo,
                ) -> ::std::result::Result<::reqwest::Response, #runtime::Unanswered> {
                    self.inner.send(&self.client, operation(info.operation_id), request).await
                }
            }

            /// What the document says about the operation of a method.
            fn operation(method: &'static str) -> &'static #runtime::Operation {
                static UNKNOWN: #runtime::Operation = #runtime::Operation {
                    id: "",
                    method: "",
                    path: "",
                    secured: true,
                    streams: false,
                    keyed: false,
                    idempotent: false,
                };
                match method {
                    #(#arms)*
                    _ => &UNKNOWN,
                }
            }
        };
        file.items
    }
}

fn facts(runtime: &syn::Path, operation: &Operation) -> TokenStream {
    let Operation { id, method, path, secured, idempotent, .. } = operation;
    let streams = |answer: &Answer| answer.is_success() && answer.media.as_deref().is_some_and(is_stream);
    let streams = operation.answers.iter().any(streams);
    let keyed = operation
        .parameters
        .iter()
        .any(|parameter| parameter.place == Place::Header && parameter.name.eq_ignore_ascii_case("idempotency-key"));
    quote! {
        #runtime::Operation {
            id: #id,
            method: #method,
            path: #path,
            secured: #secured,
            streams: #streams,
            keyed: #keyed,
            idempotent: #idempotent,
        }
    }
}

fn is_check(item: &Item) -> bool {
    matches!(item, Item::Const(check) if check.ident == "_")
}

/// `self.pre(..).await?;` and `self.post(..).await?;`.
fn is_hook(statement: &Stmt) -> bool {
    let text = statement.to_token_stream().to_string();
    ["self . pre (", "self . post ("].iter().any(|hook| text.starts_with(hook))
}

/// Changes how answers are read, and what errors are called.
struct Reading<'a>(&'a syn::Path);

impl VisitMut for Reading<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        visit_mut::visit_type_mut(self, ty);
        let runtime = self.0;
        if let Type::Path(named) = ty
            && let [segment] = named.path.segments.iter().collect::<Vec<_>>()[..]
            && segment.ident == "Error"
        {
            let of = &segment.arguments;
            *ty = parse_quote!(#runtime::CallError #of);
        }
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        let runtime = self.0;
        let Expr::Call(call) = expression else { return visit_mut::visit_expr_mut(self, expression) };
        match call.func.to_token_stream().to_string().as_str() {
            // Around `ResponseValue::from_response(response).await?`: all documented errors here have a JSON body.
            "Error :: ErrorResponse" => *expression = parse_quote!(#runtime::refused(response).await),
            "Error :: UnexpectedResponse" => *expression = parse_quote!(#runtime::other_status(response).await),
            "ResponseValue :: from_response" => *expression = parse_quote!(#runtime::json(response)),
            _ => visit_mut::visit_expr_mut(self, expression),
        }
    }
}
