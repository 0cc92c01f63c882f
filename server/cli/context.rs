//! What every command is given.

use std::path::{Path, PathBuf};

use super::connection::Target;
use super::failure::Failure;
use super::output::Output;
use crate::auth::Secret;
use crate::config::Loaded;

/// What every command is given.
pub struct Context {
    /// Where to print.
    pub output: Output,
    /// The configuration and where its values came from.
    pub loaded: Loaded,
    /// The base URL given by `--url` or `RUNYARD_URL`.
    pub url: Option<String>,
    /// The credential given by `--token` or `RUNYARD_TOKEN`.
    pub token: Option<Secret>,
    /// The file of the login; none without a home folder.
    pub login: Option<PathBuf>,
}

impl Context {
    /// Where this command is to find runs.
    pub fn target(&self) -> Target {
        let (url, token, login) = (self.url.clone(), self.token.clone(), self.login.clone());
        Target { url, config: self.loaded.config.clone(), token, login }
    }

    /// The file of the login.
    ///
    /// # Errors
    /// There is no home folder.
    pub fn login_file(&self) -> Result<&Path, Failure> {
        let none = || Failure::usage("there is no place to store a login").advise("set HOME or XDG_CONFIG_HOME");
        self.login.as_deref().ok_or_else(none)
    }
}
