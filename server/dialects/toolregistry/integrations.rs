//! The integrations that runs may use: how this API lists them, and how a start selects them.

use runyard_api::host::Place;
use runyard_api::toolregistry::types::{IntegrationAuthType, IntegrationResponseDto};

use super::error::{Unfit, invalid};
use crate::catalog::integration::AuthType;
use crate::catalog::{Catalog, Integration};
use crate::dialects::common::refusal::Refusal;
use crate::dialects::common::time::time;

/// Every active integration.
const ALL: &str = "*";

/// An integration as lists show it. `since_ms` is the creation time of all of them.
pub(super) fn shown(one: &Integration, since_ms: i64) -> IntegrationResponseDto {
    IntegrationResponseDto {
        integration_id: one.id.clone(),
        customer_integration_id: one.customer_id.clone(),
        active: one.active,
        name: one.name.clone(),
        description: one.description.clone(),
        logo_url: one.logo_url.clone(),
        host: one.host.clone(),
        updated_at: time(since_ms),
        created_at: time(since_ms),
        auth_type: Some(match one.auth_type {
            AuthType::None => IntegrationAuthType::None,
            AuthType::ApiToken => IntegrationAuthType::ApiToken,
            AuthType::Oauth2 => IntegrationAuthType::Oauth2,
            AuthType::AwsAssumeRole => IntegrationAuthType::AwsAssumeRole,
            AuthType::GoogleServiceAccountOauth => IntegrationAuthType::GoogleServiceAccountOauth,
        }),
    }
}

/// The integrations that a start selects: each once, in the order of the configuration.
pub(super) struct Selected<'a>(Vec<&'a Integration>);

impl<'a> Selected<'a> {
    /// Finds the selected integrations.
    pub(super) fn of(catalog: &'a Catalog, asked: &[String]) -> Result<Self, Refusal> {
        let unfit: Vec<Unfit> = (asked.iter().enumerate().filter(|(_, id)| *id != ALL))
            .filter_map(|(place, id)| {
                let reason = match known(catalog, id) {
                    Some(one) if one.active => return None,
                    Some(_) => format!("integration `{id}` is not active"),
                    None => unknown(id),
                };
                Some(Unfit { field: format!("/selectedCustomerIntegrationIds/{place}"), reason })
            })
            .collect();
        if !unfit.is_empty() {
            return Err(invalid(Place::Body, unfit));
        }
        let is_selected = |one: &&Integration| one.active && asked.iter().any(|id| id == ALL || *id == one.customer_id);
        Ok(Selected(catalog.integrations().iter().filter(is_selected).collect()))
    }

    /// The names by which customers select them.
    pub(super) fn customer_ids(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|one| one.customer_id.as_str())
    }

    /// The node types of all others, which the run may not use.
    pub(super) fn denied(&self, catalog: &'a Catalog) -> impl Iterator<Item = String> {
        let others = catalog.integrations().iter().filter(|one| !self.0.contains(one));
        others.flat_map(|one| one.node_type_ids.iter().cloned())
    }

    /// The selected integration with this name.
    pub(super) fn get(&self, customer_id: &str) -> Option<&'a Integration> {
        self.0.iter().copied().find(|one| one.customer_id == customer_id)
    }
}

/// The integration with this name, selected or not.
pub(super) fn known<'a>(catalog: &'a Catalog, customer_id: &str) -> Option<&'a Integration> {
    catalog.integrations().iter().find(|one| one.customer_id == customer_id)
}

/// The message for an unknown integration.
pub(super) fn unknown(customer_id: &str) -> String {
    format!("integration `{}` is not known here", customer_id.chars().take(128).collect::<String>())
}
