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
        let (key, texts) =
            positional(path).ok_or_else(|| format!("path `{path}` has a brace without its counterpart"))?;
        if path.contains('*') {
            return Ok(Some(format!("path `{path}` has a `*`, which the router has a meaning for")));
        }
        if path.contains("}{") {
            return Ok(Some(format!("path `{path}` has two parameters with nothing between them")));
        }
        if self.known.insert(key.clone())
            && let Err(error) = self.router.insert(key.as_str(), ())
        {
            self.known.remove(&key);
            return Ok(Some(format!("path `{path}` cannot be routed: {error}")));
        }
        if !self.taken.insert((method.to_owned(), texts)) {
            return Ok(Some(format!(
                "path `{path}` is one with another path, and both have {}",
                method.to_uppercase()
            )));
        }
        Ok(None)
    }
}

/// The path in the host's router: `/v1/runs/{run_id}:cancel` as `/v1/runs/{p0}:cancel`, and `/a/{b}-{c}` as `/a/{p0}`.
/// Two operations may use different parameter names at the same place. Then the path without names.
fn positional(path: &str) -> Option<(String, String)> {
    let (mut key, mut texts) = (String::new(), String::new());
    let mut count = 0;
    for segment in path.split('/').skip(1) {
        let (mut one, mut rest, mut parameters) = (String::new(), segment, 0);
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}')?;
            if before.contains('}') || name.contains('{') || name.is_empty() {
                return None;
            }
            one.push_str(&format!("{before}{{}}"));
            parameters += 1;
            rest = after;
        }
        if rest.contains('}') {
            return None;
        }
        one.push_str(rest);
        let name = format!("{{p{count}}}");
        key.push('/');
        key.push_str(&if parameters > 1 { name } else { one.replace("{}", &name) });
        texts.push('/');
        texts.push_str(&one);
        count += usize::from(parameters > 0);
    }
    Some((key, texts))
}
