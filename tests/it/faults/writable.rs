//! A folder or a database without write permission: `serve` says which, and leaves it unchanged.

#![cfg(unix)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::process::{Process, Served};

/// Starts the binary so that permissions apply to it. They apply to root only without these capabilities.
fn serve_bound(folder: &Path) -> Process {
    let folder = folder.to_owned();
    // On its own thread, so that only that thread gives them up.
    std::thread::spawn(move || {
        #[cfg(target_os = "linux")]
        if rustix::process::geteuid().is_root() {
            use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
            for capability in [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH] {
                remove_capability_from_bounding_set(capability).unwrap();
            }
        }
        Process::start(&folder, &["serve", "--port-base", "0"])
    })
    .join()
    .unwrap()
}

/// The output of `serve` when one path of a used folder has these permissions.
async fn refused(path: &str, mode: u32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path()).await;
    served.clients.start("runyard.core.uuid4", serde_json::json!({})).await;
    served.process.signal("TERM");
    served.process.done().await.exits(0);
    let path = folder.path().join(path);
    let before = fs::metadata(&path).unwrap().permissions();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    let done = serve_bound(folder.path()).done().await.exits(1);
    fs::set_permissions(&path, before).unwrap();
    // The path is unchanged.
    let served = Served::start(folder.path()).await;
    served.process.signal("TERM");
    served.process.done().await.exits(0);
    done.err
}

#[tokio::test]
async fn a_folder_or_a_database_that_may_not_be_written_is_named_and_left_alone() {
    for (path, mode, named) in [
        (".runyard", 0o500, ".runyard"),
        (".runyard/lock", 0o400, ".runyard/lock"),
        (".runyard/runyard.db", 0o400, ".runyard/runyard.db"),
        (".runyard/secret.key", 0o000, "secret.key"),
    ] {
        let said = refused(path, mode).await;
        let found = said.to_lowercase();
        assert!(said.contains(named) && found.contains("permission denied"), "{path}: {said}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o500)).unwrap();
    let done = serve_bound(folder.path()).done().await.exits(1);
    assert!(done.err.contains(".runyard") && done.err.to_lowercase().contains("permission denied"), "{}", done.err);
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
}
