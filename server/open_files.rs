//! The limit of open files of this process: every connection is one, and the usual limit is far below what a server
//! can serve.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to the most that the system allows without privileges. Returns the limit; absent if the system has no limit.
pub fn allow_many() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        // The old limit is enough to start.
        Err(error) => {
            tracing::debug!(%error, "the number of open files could not be raised");
            current
        }
    }
}

/// Descriptors that are not for connections: store, listeners, calls to other services, runtime.
const RESERVED: u64 = 256;

/// How many connections the limit allows besides the reserved descriptors, at most this many.
pub fn connections_max(wanted: u64) -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let left = files - RESERVED.min(files / 2);
    usize::try_from(wanted.min(left)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_as_the_system_allows() {
        let allowed = allow_many();
        assert_eq!(allowed, getrlimit(Resource::Nofile).maximum);
        assert_eq!(allow_many(), allowed, "once is enough");
        let most = connections_max(u64::MAX);
        assert!(allowed.is_none_or(|files| most < usize::try_from(files).unwrap()), "some are left for the store");
        assert_eq!(connections_max(1), 1);
    }
}
