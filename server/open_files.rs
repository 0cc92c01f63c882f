//! How many files this process may have open: every connection is one, and the usual bound is far below what a server can carry.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the bound to what the system allows this process without asking anybody. Says what it is then; absent: there is none.
pub fn allow_many() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        // It worked before with what there was.
        Err(error) => {
            tracing::debug!(%error, "the number of open files could not be raised");
            current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_as_the_system_allows() {
        let allowed = allow_many();
        assert_eq!(allowed, getrlimit(Resource::Nofile).maximum);
        assert_eq!(allow_many(), allowed, "once is enough");
    }
}
