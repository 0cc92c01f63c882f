//! Names of environment variables.

/// The prefix of this server's variables.
pub const PREFIX: &str = "RUNYARD_";

/// The secret of the server's own client towards an identity provider.
pub const CLIENT_SECRET: &str = "RUNYARD_CLIENT_SECRET";

/// Names with this prefix that are not settings: the server key, a caller's credential, an API's URL, a client's
/// secret.
pub const RESERVED: &[&str] = &["RUNYARD_SECRET_KEY", "RUNYARD_TOKEN", "RUNYARD_URL", CLIENT_SECRET];
