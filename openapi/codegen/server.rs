//! The server: the document's constants, the trait to implement, and the glue code between the trait and the host.
//!
//! The glue code has only names, types and statuses. The host implements all rules about requests.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use crate::exchange::{self, Field, Source, Typed};
use crate::model::{Form, Model, Operation, Place, is_stream};
use crate::names;
use crate::retype::doc;

/// Names of methods that the trait already has.
pub(crate) const RESERVED: [&str; 3] = ["admit", "problem", "refusal"];

/// The name of a document's trait: its short name, unless another item of the module has that name.
pub(crate) fn interface_name(document: &str) -> Ident {
    let name = names::pascal(document);
    let own = ["Problem", "Glue", "Option", "Result"];
    let taken = own.contains(&name.as_str()) || ["Request", "Ok", "Form"].iter().any(|end| name.ends_with(end));
    names::ident(&if taken { format!("{name}Api") } else { name })
}

/// The names in the server's code.
pub(crate) struct Names<'a> {
    pub(crate) host: &'a syn::Path,
    /// The document's short name, which is also the stem of its files.
    pub(crate) document: &'a str,
    /// The name of the trait.
    pub(crate) interface: &'a syn::Ident,
}

/// The content of the module `server`.
pub(crate) fn items(model: &Model, typed: &[&Typed<'_>], names: &Names<'_>) -> TokenStream {
    let constants = constants(typed, names);
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

fn constants(typed: &[&Typed<'_>], names: &Names<'_>) -> TokenStream {
    let (host, name) = (names.host, names.document);
    let operations = typed.iter().map(|one| constant(one.operation, host));
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
            let (required, schema, media) = (body.required, &body.pointer, &body.media);
            match body.form {
                Form::Json if is_plain_json(media) => {
                    quote!(#host::BodyRule::Json { required: #required, schema: #schema })
                }
                Form::Json => {
                    quote!(#host::BodyRule::JsonAs { required: #required, schema: #schema, media: #media })
                }
                Form::Fields => quote!(#host::BodyRule::Fields { required: #required, schema: #schema }),
                Form::Parts => quote!(#host::BodyRule::Parts { required: #required, schema: #schema }),
                Form::Text | Form::Bytes => quote!(#host::BodyRule::Raw { required: #required, media: #media }),
            }
        }
    };
    let parameters = operation.parameters.iter().map(|parameter| {
        let (name, required, schema, many) = (&parameter.name, parameter.required, &parameter.pointer, parameter.many);
        let place = place(parameter.place, host);
        let style = exchange::style(parameter.style, host);
        quote! {
            #host::Parameter { name: #name, place: #place, required: #required, schema: #schema, many: #many, style: #style }
        }
    });
    let responses = operation.answers.iter().map(|answer| {
        let status = &answer.status;
        let media = option(answer.media.as_ref());
        let schema = option(answer.schema.as_ref().and_then(|(_, pointer)| pointer.as_ref()));
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

/// The method of the host's `Input` that returns a body of this format.
fn taken(form: Form) -> Ident {
    let name = match form {
        Form::Json | Form::Fields => "optional_body",
        Form::Parts => "parts",
        Form::Text => "text",
        Form::Bytes => "bytes",
    };
    crate::names::ident(name)
}

fn is_plain_json(media: &str) -> bool {
    media.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn option(text: Option<&String>) -> TokenStream {
    text.map_or_else(|| quote!(::std::option::Option::None), |text| quote!(::std::option::Option::Some(#text)))
}

fn place(place: Place, host: &syn::Path) -> TokenStream {
    match place {
        Place::Path => quote!(#host::Place::Path),
        Place::Query => quote!(#host::Place::Query),
        Place::Header => quote!(#host::Place::Header),
        Place::Cookie => quote!(#host::Place::Cookie),
    }
}

fn interface(model: &Model, typed: &[&Typed<'_>], names: &Names<'_>) -> TokenStream {
    let Names { host, interface, .. } = names;
    let docs = doc(&format!("{} {}: one method per operation.\n\n{}", model.title, model.version, model.description));
    let methods = typed.iter().map(|one| {
        let Typed { operation, method, request, success, .. } = one;
        let docs = doc(&format!("`{} {}`\n\n{}", operation.method, operation.path, operation.description));
        quote! {
            #docs
            fn #method(&self, cx: &#host::Caller, request: #request)
                -> impl ::std::future::Future<Output = ::std::result::Result<#host::Reply<#success>, Self::Refusal>> + ::std::marker::Send;
        }
    });
    quote! {
        #docs
        pub trait #interface: ::std::marker::Send + ::std::marker::Sync + 'static {
            /// Authenticates the caller. Called once per request of an operation that the document secures, before the body is
            /// read.
            fn admit(&self, head: &#host::Head, operation: &'static #host::Operation)
                -> impl ::std::future::Future<Output = ::std::result::Result<#host::Caller, #host::Fault>> + ::std::marker::Send;

            /// Why a request is refused, before it becomes an error body. Handlers end with it by `?`. Where one error
            /// body is all there is to say, this is `Problem` itself.
            type Refusal: ::std::marker::Send;

            /// The refusal for a request that the host refused.
            fn refusal(&self, fault: #host::Fault) -> Self::Refusal;

            /// A refusal in this document's own error body.
            fn problem(&self, cx: &#host::Caller, refusal: Self::Refusal) -> Problem;

            #(#methods)*
        }
    }
}

fn glue(typed: &[&Typed<'_>], names: &Names<'_>) -> TokenStream {
    let Names { host, interface, .. } = names;
    let arms = typed.iter().map(|one| arm(one, host));
    // Both are unused in a document whose operations have no input.
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
                let problem = self.0.problem(caller, self.0.refusal(fault));
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
            Source::Many { place: at, key, .. } => {
                let at = place(*at, host);
                quote!(input.optional(#at, #key)?.unwrap_or_default())
            }
            Source::Body(Form::Json | Form::Fields, _) => quote!(input.body()?),
            Source::Body(form, _) => {
                let take = taken(*form);
                quote!(input.#take()?.ok_or(#host::Fault::BodyMissing)?)
            }
            Source::OptionalBody(form, _) => {
                let take = taken(*form);
                quote!(input.#take()?)
            }
        };
        quote!(#name: #value)
    });
    quote! {
        #id => {
            let request = #request { #(#fields,)* };
            match self.0.#method(&caller, request).await {
                ::std::result::Result::Ok(reply) => reply.value.respond(reply.headers),
                ::std::result::Result::Err(refusal) => respond(self.0.problem(&caller, refusal)),
            }
        }
    }
}
