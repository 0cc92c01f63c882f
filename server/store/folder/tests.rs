//! Tests of the data folder. A second handle simulates a second process: locks are per handle on every platform.

use std::fs;

use jiff::Timestamp;

use super::{Folder, FolderError, Owned, ServerInfo, parse_key};

fn server() -> ServerInfo {
    ServerInfo {
        pid: 4711,
        native_url: "http://127.0.0.1:8092".into(),
        gateway_url: "http://127.0.0.1:8081".into(),
        token: "the-token".into(),
        started_at: Timestamp::UNIX_EPOCH,
        version: "0.1.0".into(),
    }
}

fn fresh() -> (tempfile::TempDir, Owned) {
    let folder = tempfile::tempdir().unwrap();
    let owned = Folder::own(folder.path().join("data")).unwrap();
    (folder, owned)
}

#[cfg(unix)]
fn mode(path: impl AsRef<std::path::Path>) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_second_owner_gets_the_first_ones_address() {
    let (_kept, mut owned) = fresh();
    let path = owned.path().to_owned();

    let refused = Folder::own(&path).unwrap_err().to_string();
    assert!(refused.contains(&format!("pid {}", std::process::id())), "{refused}");

    owned.publish(&server()).unwrap();
    let refused = Folder::own(&path).unwrap_err();
    assert!(matches!(&refused, FolderError::Owned { server: Some(found), .. } if **found == server()), "{refused:?}");
    let text = refused.to_string();
    assert!(text.contains("pid 4711") && text.contains("http://127.0.0.1:8092"), "{text}");
    assert!(!format!("{refused:?} {text}").contains("the-token"));

    drop(owned);
    Folder::own(&path).unwrap();
}

#[test]
fn the_owner_is_found_while_it_serves_and_not_after() {
    let (_kept, mut owned) = fresh();
    let path = owned.path().to_owned();
    assert_eq!(Folder::owner(&path), None);

    owned.publish(&server()).unwrap();
    assert_eq!(Folder::owner(&path), Some(server()));
    let moved = ServerInfo { native_url: "http://127.0.0.1:9".into(), ..server() };
    owned.publish(&moved).unwrap();
    assert_eq!(Folder::owner(&path), Some(moved));

    drop(owned);
    assert_eq!(Folder::owner(&path), None);
    assert!(!path.join("server.json").exists());
    assert_eq!(Folder::owner(path.join("nowhere")), None);
}

#[test]
fn what_a_killed_owner_left_is_not_believed() {
    let (_kept, mut owned) = fresh();
    let path = owned.path().to_owned();
    owned.publish(&server()).unwrap();
    let left = fs::read(path.join("server.json")).unwrap();
    drop(owned);
    // As after kill -9: the locks are released, and the file is left.
    fs::write(path.join("server.json"), left).unwrap();

    assert_eq!(Folder::owner(&path), None);
    let next = Folder::own(&path).unwrap();
    assert!(!path.join("server.json").exists());
    assert_eq!(Folder::owner(&path), None);
    drop(next);
}

#[test]
fn asking_for_the_owner_never_keeps_anyone_out() {
    let (_kept, mut owned) = fresh();
    let path = owned.path().to_owned();
    owned.publish(&server()).unwrap();

    let threads: Vec<_> = (0..4)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || (0..500).filter(|_| Folder::owner(&path).is_some()).count())
        })
        .collect();
    for _ in 0..100 {
        drop(owned);
        owned = Folder::own(&path).expect("only owners stand in an owner's way");
        owned.publish(&server()).unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(Folder::owner(&path), Some(server()));
}

#[cfg(unix)]
#[test]
fn the_folder_and_what_is_secret_in_it_are_private() {
    let (_kept, mut owned) = fresh();
    owned.publish(&server()).unwrap();
    owned.secret_key(None).unwrap();

    assert_eq!(mode(owned.path()), 0o700);
    for file in ["server.json", "secret.key", "lock", "server.lock"] {
        assert_eq!(mode(owned.path().join(file)), 0o600, "{file}");
    }
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_restricted() {
    use std::os::unix::fs::PermissionsExt;
    let (_kept, owned) = fresh();
    let key = owned.secret_key(None).unwrap();
    let path = owned.path().join("secret.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();

    assert_eq!(owned.secret_key(None).unwrap(), key);
    assert_eq!(mode(path), 0o600);
}

#[test]
fn a_key_is_made_once_and_found_again() {
    let (_kept, owned) = fresh();
    let path = owned.path().to_owned();
    let key = owned.secret_key(None).unwrap();
    assert_ne!(key, [0; 32]);
    drop(owned);

    let owned = Folder::own(&path).unwrap();
    assert_eq!(owned.secret_key(None).unwrap(), key);
    assert_eq!(owned.secret_key(Some(&"ab".repeat(32))).unwrap(), [0xab; 32]);
    assert_eq!(owned.secret_key(None).unwrap(), key, "what the environment gave was not kept");

    let (_kept, other) = fresh();
    assert_ne!(other.secret_key(None).unwrap(), key);
}

#[test]
fn a_key_is_read_in_hexadecimal_and_base64() {
    let bytes: [u8; 32] = std::array::from_fn(|n| u8::try_from(n * 8 + 7).unwrap());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(parse_key(&hex), Some(bytes));
    assert_eq!(parse_key(&format!(" {}\n", hex.to_lowercase())), Some(bytes));
    assert_eq!(parse_key("Bw8XHycvNz9HT1dfZ293f4ePl5+nr7e/x8/X3+fv9/8="), Some(bytes));
    assert_eq!(parse_key("Bw8XHycvNz9HT1dfZ293f4ePl5-nr7e_x8_X3-fv9_8"), Some(bytes));
}

#[test]
fn what_is_not_a_key_is_refused_without_repeating_it() {
    let (_kept, owned) = fresh();
    for bad in ["", "hunter2", &"zz".repeat(32), &"ab".repeat(31), &"a".repeat(63), "é", "aGVsbG8="] {
        let refused = owned.secret_key(Some(bad)).unwrap_err();
        let text = format!("{refused} {refused:?}");
        assert!(text.contains("RUNYARD_SECRET_KEY"), "{text}");
        assert!(bad.is_empty() || !text.contains(bad), "{text}");
    }
    assert!(!owned.path().join("secret.key").exists());

    fs::write(owned.path().join("secret.key"), "hunter2").unwrap();
    let refused = owned.secret_key(None).unwrap_err().to_string();
    assert!(refused.contains("secret.key") && !refused.contains("hunter2"), "{refused}");
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = Folder::own(file.path().join("data")).unwrap_err();
    assert!(matches!(&refused, FolderError::Io { what: "make", .. }), "{refused:?}");
    assert!(refused.to_string().contains("data"), "{refused}");
}
