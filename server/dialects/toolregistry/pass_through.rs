//! The values that a caller passes through to integrations: parsed and checked. Messages name the fault and never a
//! value.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use runyard_api::host::Place;
use runyard_api::toolregistry::types::CustomerProvidedPassThrough;
use runyard_engine::Object;
use serde_json::Value;

use super::error::{Unfit, invalid};
use super::integrations::{Selected, known, unknown};
use crate::auth::Secret;
use crate::catalog::Catalog;
use crate::catalog::integration::OWN_HEADERS;
use crate::dialects::common::refusal::Refusal;
use crate::runs::PassThrough;

/// The field's place in the body.
const FIELD: &str = "/passThrough";

/// The values for each integration. Entries for the same integration are merged.
pub(super) fn read(
    catalog: &Catalog,
    selected: &Selected<'_>,
    asked: &[CustomerProvidedPassThrough],
) -> Result<Vec<PassThrough>, Refusal> {
    let mut reading = Reading::default();
    for (place, one) in asked.iter().enumerate() {
        let at = format!("{FIELD}/{place}");
        let id = &one.customer_integration_id;
        match selected.get(id) {
            Some(integration) => reading.take(&integration.id, one, &at),
            None => {
                let reason = if known(catalog, id).is_some() {
                    format!("integration `{id}` is not among selectedCustomerIntegrationIds, or not active")
                } else {
                    unknown(id)
                };
                reading.refuse(&format!("{at}/customerIntegrationId"), &reason);
            }
        }
    }
    if reading.unfit.is_empty() {
        Ok(reading.read.into_values().collect())
    } else {
        Err(invalid(Place::Body, reading.unfit))
    }
}

#[derive(Default)]
struct Reading {
    read: BTreeMap<String, PassThrough>,
    unfit: Vec<Unfit>,
}

impl Reading {
    fn refuse(&mut self, field: &str, reason: &str) {
        self.unfit.push(Unfit { field: field.to_owned(), reason: reason.to_owned() });
    }

    fn take(&mut self, integration: &str, one: &CustomerProvidedPassThrough, at: &str) {
        let before = self.read.remove(integration);
        let mut all = before.unwrap_or_else(|| PassThrough::to(integration));
        self.headers(&mut all, one.headers.as_ref(), &format!("{at}/headers"));
        self.query(&mut all, one.query.as_ref(), &format!("{at}/query"));
        if let Some(values) = &one.values {
            if all.values.is_some() {
                self.refuse(&format!("{at}/values"), "stands twice for this integration, and one type may be supplied");
            }
            all.values = serde_json::to_string(values).ok().map(Secret::new);
        }
        self.read.insert(integration.to_owned(), all);
    }

    fn headers(&mut self, all: &mut PassThrough, given: Option<&Object>, at: &str) {
        for (name, value) in given.into_iter().flatten() {
            let field = below(at, name);
            let plain = name.to_ascii_lowercase();
            let Some(value) = text(value) else {
                self.refuse(&field, "must be a text or a number");
                continue;
            };
            if HeaderName::from_bytes(plain.as_bytes()).is_err() {
                self.refuse(&field, "is no name of a header");
            } else if OWN_HEADERS.contains(&plain.as_str()) {
                self.refuse(&field, "is a header that the server writes itself");
            } else if HeaderValue::from_str(&value).is_err() {
                self.refuse(&field, "has a value that cannot be sent in a header");
            } else if all.headers.iter().any(|(other, _)| *other == plain) {
                self.refuse(&field, "stands twice for this integration");
            } else {
                all.headers.push((plain, Secret::new(value)));
            }
        }
    }

    fn query(&mut self, all: &mut PassThrough, given: Option<&Object>, at: &str) {
        for (name, value) in given.into_iter().flatten() {
            let values = match value {
                Value::Array(list) => list.iter().map(text).collect(),
                one => text(one).map(|one| vec![one]),
            };
            let field = below(at, name);
            match values {
                None => self.refuse(&field, "must be a text, a number, true or false, or a list of them"),
                Some(_) if all.query.iter().any(|(other, _)| other == name) => {
                    self.refuse(&field, "stands twice for this integration");
                }
                Some(values) => all.query.extend(values.into_iter().map(|one| (name.clone(), Secret::new(one)))),
            }
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn below(at: &str, name: &str) -> String {
    // A name may have any characters and any length.
    let shown: String = name.chars().take(64).collect();
    format!("{at}/{}", shown.replace('~', "~0").replace('/', "~1"))
}
