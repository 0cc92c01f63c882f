//! Path templates: their parameter names, and whether the host's router can distinguish them.

use std::collections::BTreeSet;

/// The names of a template's parameters, in order.
pub(crate) fn names(path: &str) -> Vec<&str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
}

/// The paths of a document, in the router that the host uses.
#[derive(Default)]
pub(crate) struct Routes {
    router: matchit::Router<()>,
    known: BTreeSet<String>,
    taken: BTreeSet<(String, String)>,
}

impl Routes {
    /// Adds an operation. `Ok(Some)` says why the host cannot route it, although a client can call it.
    ///
    /// # Errors
    /// Why neither the host nor the client supports the path.
    pub(crate) fn add(&mut self, method: &str, path: &str) -> Result<Option<String>, String> {
        if !path.starts_with('/') {
            return Err(format!("path `{path}` does not start with `/`"));
        }
        if path.contains(['?', '#']) {
            return Err(format!(
                "path `{path}` has a query or a fragment, which are no part of a path: make them parameters"
            ));
        }
        let positional =
            positional(path).ok_or_else(|| format!("path `{path}` has a brace without its counterpart"))?;
        if path.contains('*') {
            return Ok(Some(format!("path `{path}` has a `*`, which the router has a meaning for")));
        }
        if self.known.insert(positional.clone())
            && let Err(error) = self.router.insert(positional.as_str(), ())
        {
            self.known.remove(&positional);
            return Ok(Some(format!("path `{path}` cannot be routed: {error}")));
        }
        if !self.taken.insert((method.to_owned(), positional)) {
            return Ok(Some(format!(
                "path `{path}` is one with another path, and both have {}",
                method.to_uppercase()
            )));
        }
        Ok(None)
    }
}

/// `/v1/runs/{run_id}:cancel` as `/v1/runs/{p0}:cancel`: two operations may use different parameter names at the same
/// place.
fn positional(path: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = path;
    let mut count = 0;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        if before.contains('}') || name.contains('{') || name.is_empty() {
            return None;
        }
        out.push_str(&format!("{before}{{p{count}}}"));
        count += 1;
        rest = after;
    }
    (!rest.contains('}')).then(|| out + rest)
}
