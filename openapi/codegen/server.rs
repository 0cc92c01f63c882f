//! The server: what the document says as constants, the trait to implement, and the glue between it and the host.
//!
//! The glue knows names, types and statuses. Everything that is a rule about requests is the host's.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::exchange::{self, Field, Source, Typed};
use crate::model::{Model, Operation, Place, is_stream};
use crate::retype::doc;

/// What the server's code is called.
pub(crate) struct Names<'a> {
    pub(crate) host: &'a syn::Path,
    /// The document's short name, which is also the stem of its files.
    pub(crate) document: &'a str,
    /// The name of the trait.
    pub(crate) interface: &'a syn::Ident,
}

/// The content of the module `server`.
pub(crate) fn items(model: &Model, typed: &[Typed<'_>], names: &Names<'_>) -> TokenStream {
    let constants = constants(model, names);
    let successes = typed.iter().map(|one| exchange::success(one, names.host));
    let interface = interface(model, typed, names);
    let glue = glue(typed, names);
    let requests = typed.iter().map(|one| &one.request);
    quote! {
        use super::{Problem, types, #(#requests,)*};
        #constants
        #interface
        #(#successes)*
        #glue
    }
}

fn constants(model: &Model, names: &Names<'_>) -> TokenStream {
    let (host, name) = (names.host, names.document);
    let operations = model.operations.iter().map(|operation| constant(operation, host));
    let [owner_json, owner_yaml, full_json, full_yaml] =
        ["owner.json", "owner.yaml", "full.json", "full.yaml"].map(|end| format!("{name}.{end}"));
    quote! {
        /// Every operation of the document, in its order.
        pub static OPERATIONS: &[#host::Operation] = &[#(#operations,)*];

        /// The document itself.
        pub static DOCUMENT: #host::Document = #host::Document {
            name: #name,
            owner_json: include_str!(#owner_json),
            owner_yaml: include_str!(#owner_yaml),
            full_json: include_str!(#full_json),
            full_yaml: include_str!(#full_yaml),
            operations: OPERATIONS,
        };
    }
}

fn constant(operation: &Operation, host: &syn::Path) -> TokenStream {
    let Operation { id, method, path, secured, .. } = operation;
    let body = match &operation.body {
        None => quote!(#host::BodyRule::None),
        Some(body) => {
            let (required, schema) = (body.required, &body.pointer);
            quote!(#host::BodyRule::Json { required: #required, schema: #schema })
        }
    };
    let parameters = operation.parameters.iter().map(|parameter| {
        let (name, required, schema, many) = (&parameter.name, parameter.required, &parameter.pointer, parameter.many);
        let place = place(parameter.place, host);
        quote!(#host::Parameter { name: #name, place: #place, required: #required, schema: #schema, many: #many })
    });
    let responses = operation.answers.iter().map(|answer| {
        let status = &answer.status;
        let media = option(answer.media.as_ref());
        let schema = option(answer.schema.as_ref().map(|(_, pointer)| pointer));
        quote!(#host::DocumentedResponse { status: #status, media: #media, schema: #schema })
    });
    let streams =
        operation.answers.iter().any(|answer| answer.is_success() && answer.media.as_deref().is_some_and(is_stream));
    quote! {
        #host::Operation {
            id: #id,
            method: #method,
            path: #path,
            body: #body,
            parameters: &[#(#parameters,)*],
            responses: &[#(#responses,)*],
            secured: #secured,
            streams: #streams,
        }
    }
}

fn option(text: Option<&String>) -> TokenStream {
    text.map_or_else(|| quote!(::std::option::Option::None), |text| quote!(::std::option::Option::Some(#text)))
}

fn place(place: Place, host: &syn::Path) -> TokenStream {
    match place {
        Place::Path => quote!(#host::Place::Path),
        Place::Query => quote!(#host::Place::Query),
        Place::Header => quote!(#host::Place::Header),
    }
}

fn interface(model: &Model, typed: &[Typed<'_>], names: &Names<'_>) -> TokenStream {
    let Names { host, interface, .. } = names;
    let docs = doc(&format!("{} {}: one method per operation.\n\n{}", model.title, model.version, model.description));
    let methods = typed.iter().map(|Typed { operation, method, request, success, .. }| {
        let docs = doc(&format!("`{} {}`\n\n{}", operation.method, operation.path, operation.description));
        quote! {
            #docs
            fn #method(&self, cx: &#host::Caller, request: #request)
                -> impl ::std::future::Future<Output = ::std::result::Result<#host::Reply<#success>, Problem>> + ::std::marker::Send;
        }
    });
    quote! {
        #docs
        pub trait #interface: ::std::marker::Send + ::std::marker::Sync + 'static {
            /// Who is calling. Asked once per request of an operation that the document secures, before the body is read.
            fn admit(&self, head: &#host::Head, operation: &'static #host::Operation)
                -> impl ::std::future::Future<Output = ::std::result::Result<#host::Caller, #host::Fault>> + ::std::marker::Send;

            /// What the host refused, in this document's own error body.
            fn problem(&self, cx: &#host::Caller, fault: #host::Fault) -> Problem;

            #(#methods)*
        }
    }
}

fn glue(typed: &[Typed<'_>], names: &Names<'_>) -> TokenStream {
    let Names { host, interface, .. } = names;
    let arms = typed.iter().map(|one| arm(one, host));
    // Both are unused in a document whose operations have no input at all.
    let input =
        if typed.iter().any(|one| !one.fields.is_empty()) { format_ident!("input") } else { format_ident!("_input") };
    let mutable = (input == "input").then(|| quote!(mut));
    quote! {
        /// An implementation, ready to be served by the host.
        pub fn api<T: #interface>(implementation: ::std::sync::Arc<T>, settings: #host::Settings) -> #host::Mounted {
            #host::Mounted::new(::std::sync::Arc::new(Glue(implementation)), settings)
        }

        struct Glue<T>(::std::sync::Arc<T>);

        impl<T: #interface> #host::Api for Glue<T> {
            fn document(&self) -> &'static #host::Document {
                &DOCUMENT
            }

            fn admit<'a>(&'a self, head: &'a #host::Head, operation: &'static #host::Operation)
                -> #host::BoxFuture<'a, ::std::result::Result<#host::Caller, #host::Fault>>
            {
                ::std::boxed::Box::pin(self.0.admit(head, operation))
            }

            fn refuse(&self, caller: &#host::Caller, fault: #host::Fault) -> #host::Response<#host::Body> {
                let problem = self.0.problem(caller, fault);
                let status = problem.status;
                respond(problem).unwrap_or_else(|_| #host::empty(status, ::http::HeaderMap::new()))
            }

            fn call(self: ::std::sync::Arc<Self>, operation: &'static #host::Operation, caller: #host::Caller, #mutable #input: #host::Input)
                -> #host::BoxFuture<'static, ::std::result::Result<#host::Response<#host::Body>, #host::Fault>>
            {
                ::std::boxed::Box::pin(async move {
                    match operation.id {
                        #(#arms)*
                        other => ::std::result::Result::Err(#host::Fault::Internal {
                            reason: ::std::format!("{other} is not an operation of {}", DOCUMENT.name),
                        }),
                    }
                })
            }
        }

        fn respond(problem: Problem) -> ::std::result::Result<#host::Response<#host::Body>, #host::Fault> {
            #host::json(problem.status, problem.headers, &problem.body)
        }
    }
}

fn arm(typed: &Typed<'_>, host: &syn::Path) -> TokenStream {
    let Typed { operation, method, request, fields, .. } = typed;
    let id = &operation.id;
    let fields = fields.iter().map(|Field { name, source, .. }| {
        let value = match source {
            Source::Required(at, key) => {
                let at = place(*at, host);
                quote!(input.required(#at, #key)?)
            }
            Source::Optional(at, key) => {
                let at = place(*at, host);
                quote!(input.optional(#at, #key)?)
            }
            Source::Many(at, key) => {
                let at = place(*at, host);
                quote!(input.optional(#at, #key)?.unwrap_or_default())
            }
            Source::Body => quote!(input.body()?),
            Source::OptionalBody => quote!(input.optional_body()?),
        };
        quote!(#name: #value)
    });
    quote! {
        #id => {
            let request = #request { #(#fields,)* };
            match self.0.#method(&caller, request).await {
                ::std::result::Result::Ok(reply) => reply.value.respond(reply.headers),
                ::std::result::Result::Err(problem) => respond(problem),
            }
        }
    }
}
