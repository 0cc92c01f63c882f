//! Which tenant has which node types of MCP servers, now; and the tools that were last seen, which are stored so that a
//! run that is resumed finds its node type before its server is reached again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rmcp::model::Tool;
use serde::{Deserialize, Serialize};

use super::target::Target;
use super::tools::{CalledTool, Listing, listing};
use crate::config::tools::mcp::McpServer;
use crate::nodes::provider::Snapshot;

/// The number of the stored format.
const FORMAT: u32 = 1;
/// The largest file of stored tools, bytes.
const STORED_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The servers of a group of tenants, by place.
type Group = Vec<bool>;

/// The node types of all servers.
pub(super) struct Lists {
    targets: Vec<Arc<Target>>,
    /// For tenants that no server names.
    shared: Group,
    tenants: BTreeMap<String, Group>,
    folder: PathBuf,
    state: RwLock<Lately>,
}

/// What was listed last.
struct Lately {
    /// By the place of the server; none if its tools were never seen.
    servers: Vec<Option<Server>>,
    snapshots: BTreeMap<Group, Arc<Snapshot>>,
    /// The revision of the next snapshot.
    revision: u64,
}

struct Server {
    tools: Vec<Tool>,
    listing: Listing,
}

/// The stored tools of a server.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    tools: Vec<Tool>,
}

impl Lists {
    /// The tools that were last seen, from this folder.
    pub(super) fn new(targets: &[Arc<Target>], anonymous: Option<&str>, folder: PathBuf) -> Self {
        let is_for = |one: &McpServer, tenant: Option<&str>| match &one.tenants {
            None => true,
            Some(tenants) => tenant.is_some_and(|tenant| tenants.iter().any(|named| named == tenant)),
        };
        let group = |tenant: Option<&str>| targets.iter().map(|one| is_for(&one.configured, tenant)).collect::<Group>();
        let named = targets.iter().flat_map(|one| one.configured.tenants.iter().flatten()).map(String::as_str);
        let named: BTreeSet<&str> = named.chain(anonymous).collect();
        let of =
            |tenant: &str| if anonymous == Some(tenant) { vec![false; targets.len()] } else { group(Some(tenant)) };
        let tenants: BTreeMap<String, Group> = named.into_iter().map(|name| (name.to_owned(), of(name))).collect();
        let shared = group(None);
        let seen = |target: &Arc<Target>| {
            let tools = stored(&folder, &target.configured.name)?;
            Some(Server { listing: listing(&target.configured, &tools), tools })
        };
        let servers = targets.iter().map(seen).collect();
        let mut lately = Lately { servers, snapshots: BTreeMap::new(), revision: 0 };
        for group in tenants.values().chain([&shared]) {
            lately.renew(group);
        }
        Lists { targets: targets.to_vec(), shared, tenants, folder, state: RwLock::new(lately) }
    }

    /// The node types of a tenant.
    pub(super) fn snapshot(&self, tenant: &str) -> Arc<Snapshot> {
        let group = self.tenants.get(tenant).unwrap_or(&self.shared);
        let lately = self.state.read().unwrap_or_else(PoisonError::into_inner);
        lately.snapshots.get(group).cloned().unwrap_or_default()
    }

    /// The tool of a node type, if it is one of the server at this place.
    pub(super) fn tool(&self, place: usize, node_type_id: &str) -> Option<CalledTool> {
        let lately = self.state.read().unwrap_or_else(PoisonError::into_inner);
        lately.servers.get(place)?.as_ref()?.listing.tools.get(node_type_id).cloned()
    }

    /// Whether the tools of a server were seen, now or before this start.
    pub(super) fn has_seen(&self, place: usize) -> bool {
        let lately = self.state.read().unwrap_or_else(PoisonError::into_inner);
        lately.servers.get(place).is_some_and(Option::is_some)
    }

    /// How many node types a server has.
    pub(super) fn count(&self, place: usize) -> usize {
        let lately = self.state.read().unwrap_or_else(PoisonError::into_inner);
        lately.servers.get(place).and_then(Option::as_ref).map_or(0, |server| server.listing.entries.len())
    }

    /// Takes the tools that a server lists. If they are others than before, the snapshots change, and the tools are
    /// stored.
    pub(super) fn seen(&self, place: usize, tools: &[Tool]) {
        let (Some(target), true) = (self.targets.get(place), self.has_changed(place, tools)) else { return };
        let name = &target.configured.name;
        let server = Server { listing: listing(&target.configured, tools), tools: tools.to_vec() };
        tracing::info!(
            server = name,
            node_types = server.listing.entries.len(),
            "the MCP server has other tools than before"
        );
        {
            let mut lately = self.state.write().unwrap_or_else(PoisonError::into_inner);
            lately.servers[place] = Some(server);
            let groups: BTreeSet<&Group> = self.tenants.values().chain([&self.shared]).collect();
            groups.into_iter().filter(|group| group[place]).for_each(|group| lately.renew(group));
        }
        if let Err(error) = store(&self.folder, name, tools) {
            tracing::warn!(server = name, %error, "the tools of the MCP server cannot be stored for the next start");
        }
    }

    fn has_changed(&self, place: usize, tools: &[Tool]) -> bool {
        let lately = self.state.read().unwrap_or_else(PoisonError::into_inner);
        lately.servers.get(place).and_then(Option::as_ref).is_none_or(|known| known.tools != tools)
    }
}

impl Lately {
    fn renew(&mut self, group: &Group) {
        let servers = self.servers.iter().zip(group).filter(|(_, is_in)| **is_in);
        let entries = servers.filter_map(|(server, _)| server.as_ref()).flat_map(|server| &server.listing.entries);
        let snapshot =
            Snapshot { revision: self.revision, node_types: entries.cloned().collect(), ..Snapshot::default() };
        self.revision += 1;
        self.snapshots.insert(group.clone(), Arc::new(snapshot));
    }
}

fn path(folder: &Path, server: &str) -> PathBuf {
    folder.join(format!("{server}.json"))
}

/// The tools that were last seen. What cannot be read is as if nothing was seen: it is only a cache.
fn stored(folder: &Path, server: &str) -> Option<Vec<Tool>> {
    let path = path(folder, server);
    let size = std::fs::metadata(&path).ok()?.len();
    let text = (size <= STORED_BYTES_MAX).then(|| std::fs::read(&path).ok()).flatten()?;
    let read = serde_json::from_slice::<Stored>(&text).ok().filter(|stored| stored.format == FORMAT);
    if read.is_none() {
        tracing::warn!(server, path = %path.display(), "the tools that were last seen cannot be read");
    }
    read.map(|stored| stored.tools)
}

/// Replaces the file as a whole.
fn store(folder: &Path, server: &str, tools: &[Tool]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let text = serde_json::to_vec(&Stored { format: FORMAT, tools: tools.to_vec() })?;
    let new = folder.join(format!("{server}.json.new"));
    std::fs::write(&new, text)?;
    std::fs::rename(new, path(folder, server))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::target::Targets;
    use super::*;
    use crate::config::tools::mcp::parse;

    fn lists(folder: &Path, anonymous: Option<&str>) -> Lists {
        let servers = json!([{ "name": "a", "command": "a" }, { "name": "b", "command": "b", "tenants": ["alpha"] }]);
        let targets = Targets::open(&parse(&servers).unwrap(), |_| None).unwrap();
        Lists::new(&targets.0, anonymous, folder.to_owned())
    }

    fn tools(name: &str) -> Vec<Tool> {
        serde_json::from_value(json!([{ "name": name, "inputSchema": { "type": "object" } }])).unwrap()
    }

    fn ids(lists: &Lists, tenant: &str) -> Vec<String> {
        lists.snapshot(tenant).node_types.iter().map(|entry| entry.id.clone()).collect()
    }

    #[test]
    fn tenants_have_the_tools_of_their_servers_and_callers_without_a_credential_have_none() {
        let folder = tempfile::tempdir().unwrap();
        let lists = lists(folder.path(), Some("default"));
        lists.seen(0, &tools("x"));
        lists.seen(1, &tools("y"));
        assert_eq!(ids(&lists, "alpha"), ["mcp.a.x", "mcp.b.y"]);
        assert_eq!(ids(&lists, "beta"), ["mcp.a.x"]);
        assert_eq!(ids(&lists, "default"), [""; 0]);
        assert_eq!(lists.tool(1, "mcp.b.y").map(|tool| tool.name), Some("y".to_owned()));
        assert!(lists.tool(0, "mcp.b.y").is_none());
    }

    #[test]
    fn a_revision_changes_with_the_tools_and_only_for_tenants_that_have_them() {
        let folder = tempfile::tempdir().unwrap();
        let lists = lists(folder.path(), None);
        let revisions = || ["alpha", "beta"].map(|tenant| lists.snapshot(tenant).revision);
        let first = revisions();
        assert_ne!(first[0], first[1]);
        lists.seen(1, &tools("x"));
        let second = revisions();
        assert!(second[0] != first[0] && second[1] == first[1]);
        lists.seen(1, &tools("x"));
        assert_eq!(revisions(), second, "nothing has changed");
    }

    #[test]
    fn the_tools_that_were_last_seen_are_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        lists(folder.path(), None).seen(0, &tools("x"));
        let again = lists(folder.path(), None);
        assert!(again.has_seen(0) && !again.has_seen(1));
        assert_eq!(ids(&again, "alpha"), ["mcp.a.x"]);
        std::fs::write(folder.path().join("a.json"), "{").unwrap();
        assert_eq!(ids(&lists(folder.path(), None), "alpha"), [""; 0], "a broken file is as none");
    }
}
