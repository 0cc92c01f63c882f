//! The input and output of an operation in Rust: its request, its successes, and the document's problem.
//!
//! Requests and problems do not depend on a server. Successes hold the host's streams, and so need one.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::Type;

use crate::forms::TypedForm;
use crate::model::{Answer, Form, Model, Operation, Place, Style};
use crate::retype::doc;
use crate::types::Types;
use crate::{Result, forms, names};

/// An operation with the Rust types of its parts.
pub(crate) struct Typed<'a> {
    pub(crate) operation: &'a Operation,
    pub(crate) method: Ident,
    pub(crate) request: Ident,
    pub(crate) success: Ident,
    /// The struct of a typed form.
    pub(crate) form: Option<TypedForm<'a>>,
    pub(crate) fields: Vec<Field>,
    pub(crate) variants: Vec<Variant<'a>>,
}

/// One field of a request.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) doc: String,
    pub(crate) source: Source,
    pub(crate) style: Style,
}

/// Where a field of the request comes from.
pub(crate) enum Source {
    Required(Place, String),
    Optional(Place, String),
    Many { place: Place, key: String, required: bool },
    Body(Form, String),
    OptionalBody(Form, String),
}

impl Source {
    /// Place and name, if it is a parameter.
    pub(crate) fn parameter(&self) -> Option<(Place, &str)> {
        match self {
            Self::Required(place, key) | Self::Optional(place, key) | Self::Many { place, key, .. } => {
                Some((*place, key))
            }
            Self::Body(..) | Self::OptionalBody(..) => None,
        }
    }
}

/// One success.
pub(crate) struct Variant<'a> {
    pub(crate) name: Ident,
    pub(crate) answer: &'a Answer,
    /// `None` for a range of statuses: the handler chooses one.
    pub(crate) code: Option<u16>,
    pub(crate) content: Content,
}

/// The content of a success.
pub(crate) enum Content {
    Nothing,
    Json(Box<Type>),
    Bytes(String),
}

/// Finds the types of an operation.
pub(crate) fn typed<'a>(operation: &'a Operation, types: &mut Types) -> Result<Typed<'a>> {
    let stem = names::pascal(&operation.id);
    let form = operation.body.as_ref().map(|body| forms::typed(body, &stem, types)).transpose()?.flatten();
    Ok(Typed {
        operation,
        method: names::ident(&operation.name),
        request: format_ident!("{stem}Request"),
        success: format_ident!("{stem}Ok"),
        fields: fields(operation, form.as_ref(), types)?,
        variants: variants(operation, types)?,
        form,
    })
}

fn fields(operation: &Operation, form: Option<&TypedForm<'_>>, types: &mut Types) -> Result<Vec<Field>> {
    let mut fields = Vec::new();
    for parameter in &operation.parameters {
        let (ty, optional) = types.of(&parameter.schema, &operation.id)?;
        let (place, name) = (parameter.place, parameter.name.clone());
        let (ty, source) = match (parameter.many, parameter.required || optional) {
            (true, _) => (ty, Source::Many { place, key: name, required: parameter.required }),
            (false, true) => (ty, Source::Required(place, name)),
            (false, false) => (syn::parse_quote!(::std::option::Option<#ty>), Source::Optional(place, name)),
        };
        let doc = described(
            &parameter.description,
            &format!("The {} parameter `{}`.", parameter.place.as_str(), parameter.name),
        );
        fields.push(Field { name: names::ident(&parameter.field), ty, doc, source, style: parameter.style });
    }
    if let Some(body) = &operation.body {
        let ty = match body.form {
            Form::Json | Form::Fields => types.of(&body.schema, &operation.id)?.0,
            Form::Parts => match form.map(|form| &form.name) {
                Some(name) => syn::parse_quote!(#name),
                None => syn::parse_quote!(::multipart::Multipart),
            },
            Form::Text => syn::parse_quote!(::std::string::String),
            Form::Bytes => syn::parse_quote!(::bytes::Bytes),
        };
        let (form, media) = (body.form, body.media.clone());
        let (ty, source) = if body.required {
            (ty, Source::Body(form, media))
        } else {
            (syn::parse_quote!(::std::option::Option<#ty>), Source::OptionalBody(form, media))
        };
        let doc = described(&body.description, "The body.");
        fields.push(Field { name: names::ident("body"), ty, doc, source, style: Style::Json });
    }
    Ok(fields)
}

/// One variant per status. If a status has JSON and another media type, the variant of the other one is `...Stream`.
fn variants<'a>(operation: &'a Operation, types: &mut Types) -> Result<Vec<Variant<'a>>> {
    let mut variants: Vec<Variant<'a>> = Vec::new();
    for answer in operation.answers.iter().filter(|answer| answer.is_success()) {
        let code = answer.code();
        let name = match code {
            Some(code) => names::status(code).0,
            None if answer.status == "3XX" => "Redirection".to_owned(),
            None => "Success".to_owned(),
        };
        let content = match (&answer.media, &answer.schema) {
            (None, _) => Content::Nothing,
            (Some(_), Some((schema, _))) if answer.is_json() => {
                Content::Json(Box::new(types.of(schema, &operation.id)?.0))
            }
            (Some(media), _) => Content::Bytes(media.clone()),
        };
        let earlier = |kind: fn(&Content) -> bool| {
            variants.iter().any(|variant| variant.answer.status == answer.status && kind(&variant.content))
        };
        let name = match &content {
            // For a second stream media type, the handler sets a Content-Type header.
            Content::Bytes(_) if earlier(|content| matches!(content, Content::Bytes(_))) => continue,
            Content::Bytes(_)
                if operation.answers.iter().any(|other| other.status == answer.status && other.is_json()) =>
            {
                format_ident!("{name}Stream")
            }
            _ => names::ident(&name),
        };
        variants.push(Variant { name, answer, code, content });
    }
    Ok(variants)
}

fn described(description: &str, otherwise: &str) -> String {
    if description.is_empty() { otherwise.to_owned() } else { description.to_owned() }
}

/// The struct that a handler gets as its argument.
pub(crate) fn request(typed: &Typed<'_>) -> TokenStream {
    let Typed { operation, request, fields, form, .. } = typed;
    let form = form.as_ref().map(|form| forms::item(form, &operation.id));
    let docs = doc(&format!("The request of `{}`: {} {}", operation.id, operation.method, operation.path));
    let default = fields
        .iter()
        .all(|field| matches!(field.source, Source::Optional(..) | Source::Many { .. } | Source::OptionalBody(..)));
    let default = default.then(|| quote!(, Default));
    let members = fields.iter().map(|Field { name, ty, doc: text, .. }| {
        let docs = doc(text);
        quote!(#docs pub #name: #ty)
    });
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq #default)]
        pub struct #request { #(#members,)* }

        #form
    }
}

/// The enum of a handler's successes.
pub(crate) fn success(typed: &Typed<'_>, host: &syn::Path) -> TokenStream {
    let Typed { operation, success, variants, .. } = typed;
    let docs = doc(&format!("How `{}` succeeds.", operation.id));
    let declared = variants.iter().map(|Variant { name, answer, code, content }| {
        let docs = doc(&format!("{}. {}", answer.status, answer.description));
        let status = code.is_none().then(|| quote!(::http::StatusCode));
        let carried = match content {
            Content::Nothing => None,
            Content::Json(ty) => Some(quote!(#ty)),
            Content::Bytes(_) => Some(quote!(#host::ByteStream)),
        };
        let parts: Vec<TokenStream> = status.into_iter().chain(carried).collect();
        if parts.is_empty() { quote!(#docs #name) } else { quote!(#docs #name(#(#parts),*)) }
    });
    let arms = variants.iter().map(|Variant { name, code, content, .. }| {
        let (status, given) = match code {
            Some(code) => (status(*code), None),
            None => (quote!(status), Some(quote!(status,))),
        };
        match content {
            Content::Nothing if given.is_some() => {
                quote!(Self::#name(status) => ::std::result::Result::Ok(#host::empty(status, headers)))
            }
            Content::Nothing => quote!(Self::#name => ::std::result::Result::Ok(#host::empty(#status, headers))),
            Content::Json(_) => quote!(Self::#name(#given value) => #host::json(#status, headers, &value)),
            Content::Bytes(media) => {
                quote!(Self::#name(#given bytes) => ::std::result::Result::Ok(#host::stream(#status, headers, #media, bytes)))
            }
        }
    });
    quote! {
        #docs
        #[derive(Debug)]
        pub enum #success { #(#declared,)* }

        impl #success {
            fn respond(self, headers: ::http::HeaderMap) -> ::std::result::Result<#host::Response<#host::Body>, #host::Fault> {
                match self { #(#arms,)* }
            }
        }
    }
}

/// The body of errors: the schema that all of them share, or any JSON.
pub(crate) fn problem_body(model: &Model, types: &mut Types) -> Result<Type> {
    match &model.problem {
        Some(schema) => Ok(types.of(schema, "the errors")?.0),
        None => Ok(syn::parse_quote!(::serde_json::Value)),
    }
}

/// The document's problem: status, headers and its own error body.
pub(crate) fn problem(model: &Model, body: &Type) -> TokenStream {
    let constructors = model.problem_statuses.iter().map(|code| {
        let docs = doc(&format!("Status {code}."));
        let (name, status) = (names::ident(&names::status(*code).1), status(*code));
        quote! {
            #docs
            pub fn #name(body: #body) -> Self {
                Self::new(#status, body)
            }
        }
    });
    let docs =
        doc(&format!("Why an operation of {} did not succeed, in the words that its document documents.", model.title));
    quote! {
        #docs
        #[derive(Debug, Clone, PartialEq)]
        pub struct Problem {
            /// The status, 400 to 599.
            pub status: ::http::StatusCode,
            /// Headers that go with it, such as `WWW-Authenticate` or `Retry-After`.
            pub headers: ::http::HeaderMap,
            /// The document's error body. Boxed, because errors are passed along far more often than they are made.
            pub body: ::std::boxed::Box<#body>,
        }

        impl Problem {
            /// A problem without headers of its own.
            pub fn new(status: ::http::StatusCode, body: #body) -> Self {
                Self { status, headers: ::http::HeaderMap::new(), body: ::std::boxed::Box::new(body) }
            }

            /// The same problem with one more header.
            #[must_use]
            pub fn with_header(mut self, name: ::http::HeaderName, value: ::http::HeaderValue) -> Self {
                self.headers.append(name, value);
                self
            }

            #(#constructors)*
        }

        impl ::std::fmt::Display for Problem {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::write!(f, "{}: {}", self.status, ::serde_json::to_string(&self.body).unwrap_or_default())
            }
        }

        impl ::std::error::Error for Problem {}
    }
}

/// The constant of crate `http` for a status.
fn status(code: u16) -> TokenStream {
    let name = match code {
        203 => "NON_AUTHORITATIVE_INFORMATION".to_owned(),
        413 => "PAYLOAD_TOO_LARGE".to_owned(),
        418 => "IM_A_TEAPOT".to_owned(),
        422 => "UNPROCESSABLE_ENTITY".to_owned(),
        431 => "REQUEST_HEADER_FIELDS_TOO_LARGE".to_owned(),
        _ => match names::registered(code) {
            Some((_, name)) => name.to_uppercase(),
            None => return quote!(::http::StatusCode::from_u16(#code).unwrap_or(::http::StatusCode::OK)),
        },
    };
    let name = names::ident(&name);
    quote!(::http::StatusCode::#name)
}

/// The run-time `Style` of a parameter. `module` is the module of that type.
pub(crate) fn style(style: Style, module: &syn::Path) -> TokenStream {
    let name = names::ident(&format!("{style:?}"));
    quote!(#module::Style::#name)
}
