//! The open connections of a process: their limits, and which one is evicted at a limit.
//!
//! A connection holds a descriptor for as long as its client likes. So an idle connection is closed after a time, and
//! each peer has a limit. At a limit, a new connection evicts the one that has been idle longest. A client with many
//! idle connections therefore cannot block other clients.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Reached;

/// Bounds on connections.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// The limit for all listeners that share these limits.
    pub all_max: usize,
    /// The limit for one peer: an IPv4 address, or an IPv6 network of 64 bits. Trusted proxies are exempt.
    pub per_peer_max: usize,
    /// How long a connection may be idle, without a request.
    pub idle: Duration,
    /// How long a client may take to send the head of a request.
    pub head: Duration,
    /// How long a client may leave sent data unread.
    pub unread: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            all_max: 16_384,
            per_peer_max: 8_192,
            idle: Duration::from_secs(75),
            head: Duration::from_secs(15),
            unread: Duration::from_secs(30),
        }
    }
}

/// The open connections of listeners that share their limits. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: ConnectionLimits,
    begun: Instant,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    all: HashMap<u64, Arc<Connection>>,
    of_peer: HashMap<IpAddr, usize>,
}

impl Default for Connections {
    fn default() -> Self {
        Self::new(ConnectionLimits::default())
    }
}

impl Connections {
    /// An empty set of connections.
    pub fn new(limits: ConnectionLimits) -> Self {
        Self(Arc::new(Shared { limits, begun: Instant::now(), open: Mutex::default() }))
    }

    /// The number of open connections.
    pub fn count(&self) -> usize {
        self.open().all.len()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a new connection; at a limit it evicts an idle one. `None`: all are busy.
    pub(super) fn admit(&self, remote: IpAddr, reached: &Reached) -> Option<Admitted> {
        let limits = &self.0.limits;
        let peer = peer_of(remote);
        let mut open = self.open();
        let of_peer = open.of_peer.get(&peer).copied().unwrap_or(0);
        if of_peer >= limits.per_peer_max && !reached.trusts(remote) && !open.evict_idle_of(peer) {
            return None;
        }
        if open.all.len() >= limits.all_max {
            let largest = open.of_peer.iter().max_by_key(|(_, count)| **count).map(|(peer, _)| *peer);
            if !largest.is_some_and(|peer| open.evict_idle_of(peer)) && !open.evict_idle() {
                return None;
            }
        }
        open.last += 1;
        let id = open.last;
        let connection = Arc::new(Connection {
            peer,
            begun: self.0.begun,
            busy: AtomicUsize::new(0),
            asked: AtomicBool::new(false),
            idle_since_ms: AtomicU64::new(since(self.0.begun)),
            head_since_ms: AtomicU64::new(0),
            unread_since_ms: AtomicU64::new(0),
            evicted: CancellationToken::new(),
        });
        open.all.insert(id, Arc::clone(&connection));
        *open.of_peer.entry(peer).or_default() += 1;
        Some(Admitted { connections: self.clone(), id, connection })
    }

    /// Evicts an idle connection, to free a descriptor where the system has none left. `false`: none is idle.
    pub(super) fn evict_idle(&self) -> bool {
        self.open().evict_idle()
    }
}

impl Open {
    fn evict_idle_of(&mut self, peer: IpAddr) -> bool {
        let idlest = self.idlest(|connection| connection.peer == peer);
        idlest.is_some_and(|id| self.evict(id))
    }

    fn evict_idle(&mut self) -> bool {
        let idlest = self.idlest(|_| true);
        idlest.is_some_and(|id| self.evict(id))
    }

    fn idlest(&self, of: impl Fn(&Connection) -> bool) -> Option<u64> {
        let idle = self.all.iter().filter(|(_, connection)| !connection.is_busy() && of(connection));
        // A connection that never sent a request goes before one that will be used again.
        let order = |connection: &Connection| {
            let asked = connection.asked.load(Ordering::Relaxed);
            (asked, connection.idle_since_ms.load(Ordering::Relaxed))
        };
        idle.min_by_key(|(_, connection)| order(connection)).map(|(id, _)| *id)
    }

    fn evict(&mut self, id: u64) -> bool {
        let Some(connection) = self.remove(id) else { return false };
        connection.evicted.cancel();
        true
    }

    fn remove(&mut self, id: u64) -> Option<Arc<Connection>> {
        let connection = self.all.remove(&id)?;
        if let Some(count) = self.of_peer.get_mut(&connection.peer) {
            *count -= 1;
            if *count == 0 {
                self.of_peer.remove(&connection.peer);
            }
        }
        Some(connection)
    }
}

/// An admitted connection, which counts towards the limits until it is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    connections: Connections,
    id: u64,
    connection: Arc<Connection>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.open().remove(self.id);
    }
}

impl Admitted {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Resolves when the connection is to be dropped: it was evicted, or a time limit has passed.
    pub(super) async fn over(&self) {
        tokio::select! {
            () = self.connection.evicted.cancelled() => {}
            () = self.connection.overdue(&self.connections.0.limits) => {}
        }
    }
}

/// The state of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    peer: IpAddr,
    begun: Instant,
    /// Requests whose responses are not complete.
    busy: AtomicUsize,
    /// Whether the connection has had a request.
    asked: AtomicBool,
    /// When it was last busy, or accepted.
    idle_since_ms: AtomicU64,
    /// When the first byte of an incomplete request head arrived; 0: none is incomplete.
    head_since_ms: AtomicU64,
    /// Since when the client has not read sent data; 0: it reads.
    unread_since_ms: AtomicU64,
    evicted: CancellationToken,
}

/// Milliseconds since then, at least 1, because 0 means "not at all".
fn since(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1)
}

impl Connection {
    fn now_ms(&self) -> u64 {
        since(self.begun)
    }

    fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// Marks the connection as busy until the returned guard is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.asked.store(true, Ordering::Relaxed);
        self.head_since_ms.store(0, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    #[expect(clippy::disallowed_methods, reason = "the time limits of a socket are real time, which no test holds")]
    async fn overdue(&self, limits: &ConnectionLimits) {
        while let Some(left) = self.time_left(limits) {
            tokio::time::sleep(left).await;
        }
    }

    /// The time until the earliest limit may pass; `None`: a limit has passed.
    fn time_left(&self, limits: &ConnectionLimits) -> Option<Duration> {
        let now_ms = self.now_ms();
        let left = |since_ms: u64, limit: Duration| {
            let spent = Duration::from_millis(now_ms.saturating_sub(since_ms));
            limit.checked_sub(spent).filter(|left| !left.is_zero())
        };
        let (head, unread) = (self.head_since_ms.load(Ordering::Relaxed), self.unread_since_ms.load(Ordering::Relaxed));
        // A client that becomes slow after this check is found at the next one.
        let mut soonest = limits.idle.min(limits.head).min(limits.unread).max(Duration::from_millis(1));
        if unread > 0 {
            soonest = soonest.min(left(unread, limits.unread)?);
        }
        if self.is_busy() {
            return Some(soonest);
        }
        soonest = match head {
            0 => soonest.min(left(self.idle_since_ms.load(Ordering::Relaxed), limits.idle)?),
            head => soonest.min(left(head, limits.head)?),
        };
        Some(soonest)
    }
}

/// A request in progress on a connection.
#[derive(Debug)]
pub(super) struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.idle_since_ms.store(self.0.now_ms(), Ordering::Relaxed);
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A socket that records the state of its connection.
pub(super) struct Watched<T> {
    socket: T,
    connection: Arc<Connection>,
}

impl<T> Watched<T> {
    pub(super) fn new(socket: T, connection: Arc<Connection>) -> Self {
        Self { socket, connection }
    }

    fn wrote<R>(&self, result: Poll<R>) -> Poll<R> {
        let unread = &self.connection.unread_since_ms;
        match &result {
            Poll::Ready(_) => unread.store(0, Ordering::Relaxed),
            Poll::Pending if unread.load(Ordering::Relaxed) == 0 => {
                unread.store(self.connection.now_ms(), Ordering::Relaxed);
            }
            Poll::Pending => {}
        }
        result
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        let (connection, head) = (&self.connection, &self.connection.head_since_ms);
        if buffer.filled().len() > before && !connection.is_busy() && head.load(Ordering::Relaxed) == 0 {
            head.store(connection.now_ms(), Ordering::Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }
}

/// Identifies a client by its address; for IPv6, by the /64 network of a site.
fn peer_of(remote: IpAddr) -> IpAddr {
    match remote.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    /// Connections of a process that started an hour ago.
    fn connections(limits: ConnectionLimits) -> Connections {
        let begun = Instant::now().checked_sub(Duration::from_secs(3600)).unwrap();
        Connections(Arc::new(Shared { limits, begun, open: Mutex::default() }))
    }

    fn bounded(all_max: usize, per_peer_max: usize) -> Connections {
        connections(ConnectionLimits { all_max, per_peer_max, ..ConnectionLimits::default() })
    }

    fn is_evicted(admitted: &Admitted) -> bool {
        admitted.connection.evicted.is_cancelled()
    }

    fn idle_for(admitted: &Admitted, ms: u64) {
        let connection = admitted.connection();
        connection.idle_since_ms.store(connection.now_ms() - ms, Ordering::Relaxed);
    }

    #[test]
    fn at_its_bound_a_peer_loses_the_connection_that_has_been_idle_longest() {
        let (connections, reached) = (bounded(10, 2), Reached::default());
        let first = connections.admit(ONE, &reached).unwrap();
        let second = connections.admit(ONE, &reached).unwrap();
        idle_for(&first, 2_000);
        idle_for(&second, 1_000);
        drop(first.connection().busy());
        let third = connections.admit(ONE, &reached).unwrap();
        assert_eq!((is_evicted(&first), is_evicted(&second)), (false, true), "the first has just been busy");
        let _busy = [first.connection().busy(), third.connection().busy()];
        assert!(connections.admit(ONE, &reached).is_none(), "all are busy");
        let other = connections.admit(OTHER, &reached);
        assert!(other.is_some(), "another peer has its own share");
        assert_eq!(connections.count(), 3);
    }

    #[test]
    fn at_the_bound_of_all_the_peer_with_the_most_loses_one() {
        let (connections, reached) = (bounded(3, 3), Reached::default());
        let other = connections.admit(OTHER, &reached).unwrap();
        idle_for(&other, 1_000);
        let many = [connections.admit(ONE, &reached).unwrap(), connections.admit(ONE, &reached).unwrap()];
        let _newest = connections.admit(OTHER, &reached).unwrap();
        assert!(!is_evicted(&other) && many.iter().any(is_evicted));
        assert_eq!(connections.count(), 3);
    }

    #[test]
    fn trusted_proxies_have_no_share_of_their_own() {
        let proxy =
            Reached { trusted_proxies: ["192.0.2.1".parse::<IpAddr>().unwrap().into()].into(), ..Reached::default() };
        let connections = bounded(3, 1);
        let busy: Vec<_> =
            (0..3).map(|_| connections.admit(ONE, &proxy).map(|one| (one.connection().busy(), one))).collect();
        assert!(busy.iter().all(Option::is_some));
        assert!(connections.admit(OTHER, &proxy).is_none(), "the bound of all holds");
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_peer() {
        let peer = |text: &str| peer_of(text.parse().unwrap());
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:1"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), ONE);
    }

    #[test]
    fn a_silent_connection_and_a_head_that_does_not_end_are_overdue_and_a_busy_one_is_not() {
        let limits = ConnectionLimits::default();
        let (connections, reached) = (connections(limits.clone()), Reached::default());
        let idle_ms = u64::try_from(limits.idle.as_millis()).unwrap();
        let head_ms = u64::try_from(limits.head.as_millis()).unwrap();
        let unread_ms = u64::try_from(limits.unread.as_millis()).unwrap();
        let admitted = connections.admit(ONE, &reached).unwrap();
        let connection = admitted.connection();
        idle_for(&admitted, idle_ms - 1_000);
        assert!(connection.time_left(&limits).is_some_and(|left| left <= Duration::from_secs(1)));
        idle_for(&admitted, idle_ms);
        assert_eq!(connection.time_left(&limits), None);
        let busy = connection.busy();
        assert!(connection.time_left(&limits).is_some());
        connection.unread_since_ms.store(connection.now_ms() - unread_ms, Ordering::Relaxed);
        assert_eq!(connection.time_left(&limits), None, "its answer is not taken");
        connection.unread_since_ms.store(0, Ordering::Relaxed);
        drop(busy);
        assert!(connection.time_left(&limits).is_some());
        connection.head_since_ms.store(connection.now_ms() - head_ms, Ordering::Relaxed);
        assert_eq!(connection.time_left(&limits), None);
    }
}
