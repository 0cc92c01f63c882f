//! Small writes leave at once (`TCP_NODELAY`). Without it, the second event of a stream waits until the first has been acknowledged, for which
//! many a client takes its 40 ms.
//!
//! Dropshot has no setting for it, and keeps its sockets to itself. On Linux what is accepted has the options of what listens, so those are
//! looked up among the files of this process, by the addresses that they listen on. Elsewhere nothing is done.

use std::net::SocketAddr;

/// Makes everything that is accepted at these addresses from now on send without delay. Says at how many of them that worked.
///
/// # Errors
/// The system does not let this process look at its own files.
#[cfg(target_os = "linux")]
pub fn leave_at_once(listening: &[SocketAddr]) -> std::io::Result<usize> {
    use rustix::net::{getsockname, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let mut set = 0;
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        // Nothing but sockets: closing a second name of a database would let go every lock that this process has on it (POSIX), and who
        // looks at the database from outside would clear its shared memory away.
        if !std::fs::read_link(entry.path()).is_ok_and(|file| file.to_string_lossy().starts_with("socket:")) {
            continue;
        }
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A second name for the same socket.
        let Ok(file) = pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) else { continue };
        let listens = sockopt::socket_acceptconn(&file).unwrap_or(false);
        let address = getsockname(&file).ok().and_then(|address| SocketAddr::try_from(address).ok());
        if listens && address.is_some_and(|address| listening.contains(&address)) {
            sockopt::set_tcp_nodelay(&file, true)?;
            set += 1;
        }
    }
    Ok(set)
}

/// Does nothing.
///
/// # Errors
/// Never.
#[cfg(not(target_os = "linux"))]
pub fn leave_at_once(_listening: &[SocketAddr]) -> std::io::Result<usize> {
    Ok(0)
}

/// The same, and a line in the log where it did not work: everything works without it, only later.
pub fn wherever_possible(listening: &[SocketAddr]) {
    match leave_at_once(listening) {
        Ok(set) if set == listening.len() || cfg!(not(target_os = "linux")) => {}
        Ok(set) => tracing::debug!(set, of = listening.len(), "some doors send small answers with a delay"),
        Err(error) => tracing::debug!(%error, "doors send small answers with a delay"),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn what_is_accepted_afterwards_sends_without_delay() {
        let [ours, other] = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let accepted = |listener: &TcpListener| {
            let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            (listener.accept().unwrap().0.nodelay().unwrap(), client.nodelay().unwrap())
        };
        assert_eq!(accepted(&ours), (false, false));
        assert_eq!(leave_at_once(&[ours.local_addr().unwrap()]).unwrap(), 1);
        assert_eq!((accepted(&ours), accepted(&other)), ((true, false), (false, false)));
    }
}
