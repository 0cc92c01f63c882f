//! How the client reads responses: the success type, the error type, and everything else.

use proc_macro2::TokenStream;
use quote::quote;

use crate::exchange::{Content, Typed, Variant};
use crate::model::{Answer, Operation};
use crate::report::Report;

/// How the client reads each status of an operation.
pub(crate) struct Reading<'a> {
    /// The success with a type, and all statuses that have it.
    success: Option<&'a Variant<'a>>,
    successes: Vec<Statuses>,
    errors: Vec<Statuses>,
}

/// Statuses that are read in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Statuses {
    One(u16),
    /// `2` is 200 to 299.
    Class(u16),
}

impl Statuses {
    fn of(status: &str) -> Option<Self> {
        match status.parse() {
            Ok(code) => Some(Self::One(code)),
            Err(_) => status.strip_suffix("XX").and_then(|class| class.parse().ok()).map(Self::Class),
        }
    }

    fn pattern(self) -> TokenStream {
        match self {
            Self::One(code) => quote!(#code),
            Self::Class(class) => {
                let (first, last) = (class * 100, class * 100 + 99);
                quote!(#first..=#last)
            }
        }
    }
}

impl<'a> Reading<'a> {
    /// The reading of an operation, with a note for each response without a type.
    pub(crate) fn of(typed: &'a Typed<'_>, report: &mut Report) -> Self {
        let (success, mut successes) = successes(typed, report);
        let mut errors = errors(typed.operation, report);
        // The first matching arm wins, so single statuses precede their class.
        successes.sort();
        errors.sort();
        Self { success, successes, errors }
    }

    /// The `Accept` header: JSON, unless a success has another media type.
    pub(crate) fn accept(&self) -> Option<&'static str> {
        let json = match self.success.map(|success| &success.content) {
            Some(Content::Json(_)) => true,
            Some(Content::Nothing) => !self.errors.is_empty(),
            Some(Content::Bytes(_)) | None => false,
        };
        json.then_some("application/json")
    }

    /// The type of the method's result.
    pub(crate) fn output(&self) -> TokenStream {
        let value = match self.success.map(|success| &success.content) {
            Some(Content::Json(ty)) => quote!(#ty),
            Some(Content::Nothing) => quote!(()),
            Some(Content::Bytes(_)) | None => quote!(ByteStream),
        };
        quote!(Answer<#value>)
    }

    /// The match arms over the status.
    pub(crate) fn arms(&self, runtime: &syn::Path) -> Vec<TokenStream> {
        let success = match self.success.map(|success| &success.content) {
            Some(Content::Json(_)) => quote!(#runtime::json(__answer).await),
            Some(Content::Nothing) => quote!(::std::result::Result::Ok(ResponseValue::empty(__answer))),
            Some(Content::Bytes(_)) | None => quote!(::std::result::Result::Ok(ResponseValue::stream(__answer))),
        };
        let arm = |all: &[Statuses], value: TokenStream| {
            let patterns = all.iter().map(|one| one.pattern());
            (!all.is_empty()).then(|| quote!(#(#patterns)|* => #value,))
        };
        let (single, classes): (Vec<_>, Vec<_>) =
            self.successes.iter().partition(|one| matches!(one, Statuses::One(_)));
        let mut arms = Vec::new();
        arms.extend(arm(&single, success.clone()));
        arms.extend(arm(&self.errors, quote!(#runtime::refused(__answer).await)));
        arms.extend(arm(&classes, success));
        arms.push(quote!(_ => #runtime::other_status(__answer).await,));
        arms
    }
}

fn successes<'a>(typed: &'a Typed<'_>, report: &mut Report) -> (Option<&'a Variant<'a>>, Vec<Statuses>) {
    let id = &typed.operation.id;
    let mut kept: Option<&Answer> = None;
    let mut statuses = Vec::new();
    for answer in typed.operation.answers.iter().filter(|answer| answer.is_success()) {
        let schema = |answer: &Answer| answer.schema.as_ref().map(|schema| schema.0.clone());
        let same = |first: &Answer| schema(first) == schema(answer) && first.media == answer.media;
        if let Some(first) = kept.filter(|first| first.status == answer.status) {
            if first.is_json() || answer.is_json() {
                let media = first.media.as_deref().unwrap_or("no body");
                report.note(id, format!("the client reads {} as {media} only", answer.status));
            }
            continue;
        }
        let redirects = answer.status.starts_with('3');
        if redirects || kept.is_some_and(|first| !same(first)) {
            let media = answer.media.as_deref().unwrap_or("no body");
            report.note(
                id,
                format!("the client has no type for {} with {media}: it is a `CallError::Status`", answer.status),
            );
            continue;
        }
        kept = Some(kept.unwrap_or(answer));
        statuses.push(Statuses::of(&answer.status).unwrap_or(Statuses::Class(2)));
    }
    let variant = kept.and_then(|kept| typed.variants.iter().find(|variant| std::ptr::eq(variant.answer, kept)));
    if kept.is_none() {
        statuses.push(Statuses::Class(2));
    }
    (variant, statuses)
}

fn errors(operation: &Operation, report: &mut Report) -> Vec<Statuses> {
    let id = &operation.id;
    let mut statuses = Vec::new();
    let errors = || operation.answers.iter().filter(|answer| !answer.is_success());
    let typed = |status: &str| {
        errors().any(|answer| answer.is_json() && (answer.status == status || answer.status == "default"))
    };
    for answer in errors() {
        let class = answer.status.chars().next().map(|digit| format!("{digit}XX")).unwrap_or_default();
        if answer.status == "default" && answer.is_json() {
            report.note(id, "`default` is `4XX` and `5XX` to the client");
            statuses.extend([Statuses::Class(4), Statuses::Class(5)]);
        } else if answer.status != class && typed(&class) {
            // All errors have one type, so a class can cover its statuses.
        } else if answer.is_json() {
            statuses.extend(Statuses::of(&answer.status));
        } else {
            report.note(
                id,
                format!(
                    "the client has no type for {} without a JSON body: it is a `CallError::Status`",
                    answer.status
                ),
            );
        }
    }
    statuses.sort();
    statuses.dedup();
    statuses
}
