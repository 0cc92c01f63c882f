//! Tenants of callers.

/// The tenant of callers without a tenant of their own.
pub(crate) const DEFAULT_TENANT: &str = "default";
