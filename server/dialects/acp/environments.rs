//! Environments: where the runs of threads execute. The only one, and the default, is this server.

use runyard_api::acp::types::{
    DefaultEnvironment, Environment, EnvironmentEnvelope, EnvironmentList, EnvironmentStatus, ListObject,
};

use super::error::no_environment;
use crate::dialects::common::refusal::Refusal;

/// The id of the only environment.
pub(super) const DEFAULT: &str = "default";

/// The environment with this id.
pub(super) fn get(id: &str) -> Result<EnvironmentEnvelope, Refusal> {
    known(id).map(|()| EnvironmentEnvelope { environment: environment() })
}

/// Checks that an environment with this id exists.
pub(super) fn known(id: &str) -> Result<(), Refusal> {
    if id == DEFAULT { Ok(()) } else { Err(no_environment(id)) }
}

/// The filters of a list request.
#[derive(Debug, Clone, Default)]
pub(super) struct EnvironmentQuery {
    pub(super) project: Option<String>,
    pub(super) is_active: Option<bool>,
    pub(super) is_default: Option<bool>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

pub(super) fn list(wanted: &EnvironmentQuery) -> EnvironmentList {
    // The only environment has no project, is active and is the default.
    let fits = wanted.project.is_none() && wanted.is_active != Some(false) && wanted.is_default != Some(false);
    let shown = fits && wanted.offset == 0 && wanted.limit != Some(0);
    EnvironmentList {
        object: ListObject::List,
        data: shown.then(environment).into_iter().collect(),
        has_more: Some(false),
        total_count: Some(i32::from(fits)),
    }
}

/// The default environment. Some clients read its fields, others the envelope.
pub(super) fn default() -> DefaultEnvironment {
    let environment = environment();
    let Environment { created_at, id, internet_access, is_active, is_default, name, status, updated_at } =
        environment.clone();
    DefaultEnvironment { created_at, environment, id, internet_access, is_active, is_default, name, status, updated_at }
}

fn environment() -> Environment {
    Environment {
        created_at: None,
        id: DEFAULT.to_owned(),
        internet_access: Some(true),
        is_active: true,
        is_default: true,
        name: DEFAULT.to_owned(),
        status: EnvironmentStatus::Running,
        updated_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_environment_is_listed_unless_a_filter_excludes_it() {
        let count = |wanted: EnvironmentQuery| list(&wanted).data.len();
        assert_eq!(count(EnvironmentQuery::default()), 1);
        assert_eq!(
            count(EnvironmentQuery { is_default: Some(true), is_active: Some(true), ..EnvironmentQuery::default() }),
            1
        );
        assert_eq!(count(EnvironmentQuery { is_default: Some(false), ..EnvironmentQuery::default() }), 0);
        assert_eq!(count(EnvironmentQuery { is_active: Some(false), ..EnvironmentQuery::default() }), 0);
        assert_eq!(count(EnvironmentQuery { project: Some("p".to_owned()), ..EnvironmentQuery::default() }), 0);
        assert_eq!(count(EnvironmentQuery { offset: 1, ..EnvironmentQuery::default() }), 0);
    }
}
