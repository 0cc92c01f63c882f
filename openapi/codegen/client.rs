//! The client: one method per operation, and `send` on every request.
//!
//! `runyard_api::client` serializes and sends requests, and reads responses. The generated code has the parameters, and
//! the meaning of each status (`answers.rs`).

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use crate::answers::Reading;
use crate::exchange::Typed;
use crate::model::{Answer, Model, Operation, Place, is_stream};
use crate::report::Report;
use crate::retype::doc;
use crate::{arguments, names};

/// What the client's code needs beside the operations.
pub(crate) struct Parts<'a> {
    /// The module that has `Behaviour`.
    pub(crate) runtime: &'a syn::Path,
    /// The document's error body.
    pub(crate) error: &'a Type,
}

/// The content of the module `client`.
pub(crate) fn items(model: &Model, typed: &[Typed<'_>], parts: &Parts<'_>, report: &mut Report) -> TokenStream {
    let Parts { runtime, error } = parts;
    // A short name, so that most calls fit into one line.
    let short: syn::Path = syn::parse_quote!(__);
    let within = &Parts { runtime: &short, error };
    let requests = typed.iter().map(|one| &one.request);
    let forms = typed.iter().filter_map(|one| one.form.as_ref()).map(|form| &form.name);
    let readings: Vec<Reading> = typed.iter().map(|one| Reading::of(one, report)).collect();
    let methods = typed.iter().zip(&readings).map(|(one, reading)| method(one, reading, within));
    let sends = typed.iter().zip(&readings).map(|(one, reading)| send(one, reading));
    let title = doc(&format!("A client of {}.\n\n{}\n\nVersion: {}", model.title, model.description, model.version));
    let version = names::header_text(&model.version);
    quote! {
        pub use super::{types, #(#requests,)* #(#forms,)*};
        use #runtime as #short;
        pub use #runtime::{ByteStream, CallError, ResponseValue};

        /// Why a call did not give what was asked for.
        pub type Error = #short::CallError<#error>;
        /// The result of a call.
        pub type Answer<T> = ::std::result::Result<ResponseValue<T>, Error>;

        #title
        #[derive(Clone, Debug)]
        pub struct Client {
            baseurl: ::std::string::String,
            client: ::reqwest::Client,
            inner: ::std::sync::Arc<dyn #short::Behaviour>,
        }

        impl Client {
            /// A client of the server at `baseurl` (scheme, host, port, and a path where there is one), over `client`, which calls
            /// as `inner` says.
            pub fn new_with_client(
                baseurl: &str,
                client: ::reqwest::Client,
                inner: ::std::sync::Arc<dyn #short::Behaviour>,
            ) -> Self {
                Self { baseurl: baseurl.to_owned(), client, inner }
            }

            /// The version of the document that this client was made from.
            pub fn api_version() -> &'static str {
                #version
            }

            /// The base URL.
            pub fn baseurl(&self) -> &str {
                &self.baseurl
            }

            async fn exec(
                &self,
                request: #short::Outgoing,
            ) -> ::std::result::Result<::reqwest::Response, #short::Unanswered> {
                request.fixed("api-version", Self::api_version()).send(&self.baseurl, &self.client, &*self.inner).await
            }

            #(#methods)*
        }

        #(#sends)*
    }
}

/// Names of methods that `Client` already has, or that would hide methods of every type.
pub(crate) const RESERVED: [&str; 6] = ["new_with_client", "api_version", "baseurl", "exec", "clone", "fmt"];

fn method(typed: &Typed<'_>, reading: &Reading<'_>, parts: &Parts<'_>) -> TokenStream {
    let Typed { operation, method, .. } = typed;
    let runtime = parts.runtime;
    let arguments = arguments::of(typed);
    let docs = format!("`{} {}`\n\n{}", operation.method, operation.path, operation.description);
    let docs = doc(docs.trim_end());
    let declared = arguments.iter().map(|argument| argument.declared());
    let filled = arguments.iter().map(|argument| argument.filled(runtime));
    let accept = reading.accept().map(|media| quote!(.accept(#media)));
    let facts = facts(runtime, operation);
    let output = reading.output();
    let arms = reading.arms(runtime);
    // Parameter names from a document never begin with an underscore.
    quote! {
        #docs
        pub async fn #method<'a>(&'a self, #(#declared,)*) -> #output {
            static __OPERATION: #runtime::Operation = #facts;
            let __request = #runtime::Outgoing::new(&__OPERATION) #accept #(#filled)*;
            let __answer = self.exec(__request).await?;
            match __answer.status().as_u16() { #(#arms)* }
        }
    }
}

fn send(typed: &Typed<'_>, reading: &Reading<'_>) -> TokenStream {
    let Typed { request, method, .. } = typed;
    let output = reading.output();
    let passed = arguments::of(typed);
    let passed = passed.iter().map(|argument| argument.passed());
    quote! {
        impl super::#request {
            /// Sends this request. A documented error is `CallError::Refused`.
            pub async fn send(&self, client: &Client) -> #output {
                client.#method(#(#passed,)*).await
            }
        }
    }
}

/// The facts of an operation that its sender needs, from the document.
fn facts(runtime: &syn::Path, operation: &Operation) -> TokenStream {
    let Operation { id, method, path, secured, idempotent, .. } = operation;
    let streams = |answer: &Answer| answer.is_success() && answer.media.as_deref().is_some_and(is_stream);
    let streams = operation.answers.iter().any(streams);
    let keyed = operation
        .parameters
        .iter()
        .any(|parameter| parameter.place == Place::Header && parameter.name.eq_ignore_ascii_case("idempotency-key"));
    // The other methods are idempotent without a word.
    let marked = *idempotent && matches!(method.as_str(), "POST" | "PATCH");
    let all = [("secured", *secured), ("streams", streams), ("keyed", keyed), ("idempotent", marked)];
    let true_ones = all.iter().filter(|fact| fact.1).map(|fact| names::ident(fact.0));
    quote!(#runtime::Operation::new(#id, #method, #path) #(.#true_ones())*)
}
