//! `runyard login`: it exchanges a client secret for a token, stores it for commands with `--url`, renews it, and sends
//! it nowhere else.

use std::path::{Path, PathBuf};

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::required;
use crate::harness::{Gives, Provider, TokenService, World};
use crate::process::{Done, runyard_with};

const SECRET: &str = "s3cret-of-ada";

/// A user with a home folder, a provider, and a server that trusts it.
struct Desk {
    _provider: Provider,
    tokens: TokenService,
    world: World,
    home: tempfile::TempDir,
}

impl Desk {
    async fn new() -> Self {
        let provider = Provider::start().await;
        let issuer = provider.issuer("one", Algorithm::RS256);
        provider.publishes(&[&issuer]);
        let tokens = TokenService::start(issuer).await;
        let world = World::with(|config| {
            required(config);
            config.auth.issuer = Some(provider.url.clone());
        })
        .await;
        Desk { _provider: provider, tokens, world, home: tempfile::tempdir().unwrap() }
    }

    async fn runyard(&self, arguments: &[&str], secret: &str) -> Done {
        let environment = [("HOME", self.home.path().to_str().unwrap()), ("RUNYARD_CLIENT_SECRET", secret)];
        runyard_with(self.home.path(), arguments, &environment).await
    }

    async fn login(&self, more: &[&str]) -> Done {
        let login = ["login", "--token-endpoint", &self.tokens.url, "--client-id", "ada"];
        self.runyard(&[&login, more].concat(), SECRET).await
    }

    /// A command that calls an API.
    async fn list(&self, more: &[&str]) -> Done {
        let list = ["list", "--json", "--url", self.world.server.url("runyard").unwrap()];
        self.runyard(&[&list, more].concat(), "").await
    }

    fn file(&self) -> PathBuf {
        self.home.path().join(".config/runyard/login.json")
    }

    fn kept(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file()).unwrap()).unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn commands_with_a_url_show_the_token_until_logout() {
    let desk = Desk::new().await;
    let before = desk.list(&[]).await.exits(1);
    assert!(before.err.contains("runyard login"), "{}", before.err);
    let done = desk.login(&["--scope", "runs:read", "--audience", "us"]).await.exits(0);
    assert!(done.out.contains("logged in as ada") && done.err.contains("runyard logout"), "{done:?}");
    assert!(!format!("{done:?}").contains(SECRET));
    assert_eq!(mode(&desk.file()), 0o600);
    let form = &desk.tokens.asked()[0].form;
    assert_eq!((&*form["scope"], &*form["audience"], &*form["client_id"]), ("runs:read", "us", "ada"));
    desk.list(&[]).await.exits(0);
    assert_eq!(desk.tokens.asked().len(), 1, "the token is kept");
    // A given credential wins over the stored token.
    let given = desk.list(&["--token", "nonsense"]).await.exits(1);
    assert!(given.err.contains("unauthorized"), "{}", given.err);
    // In a folder, the command sends the folder's own token.
    desk.runyard(&["start", "Generate a UUID."], "").await.exits(0);
    desk.runyard(&["list"], "").await.exits(0);
    let out = desk.runyard(&["logout", "--json"], "").await.exits(0).object();
    assert_eq!(out["logged_out"], true);
    assert!(!desk.file().exists());
    desk.list(&[]).await.exits(1);
    let again = desk.runyard(&["logout"], "").await.exits(0);
    assert!(again.out.contains("there was no login"), "{}", again.out);
}

#[tokio::test]
async fn a_token_at_its_end_or_refused_is_fetched_anew_and_kept() {
    let desk = Desk::new().await;
    desk.tokens.lives(5);
    desk.login(&[]).await.exits(0);
    let first = desk.kept()["token"].clone();
    desk.tokens.lives(300);
    desk.list(&[]).await.exits(0);
    let second = desk.kept()["token"].clone();
    assert_ne!(first, second);
    assert_eq!(desk.tokens.asked().len(), 2);
    let mut spoilt = desk.kept();
    spoilt["token"] = json!("refused");
    std::fs::write(desk.file(), spoilt.to_string()).unwrap();
    desk.list(&[]).await.exits(0);
    assert_eq!(desk.tokens.asked().len(), 3);
    assert_ne!(desk.kept()["token"], json!("refused"));
    assert_eq!(mode(&desk.file()), 0o600);
    // Without a provider there is no new token, and the error says so.
    let mut old = desk.kept();
    old["expires_at_ms"] = json!(1);
    std::fs::write(desk.file(), old.to_string()).unwrap();
    desk.tokens.gives(Gives::Exactly(401, json!({ "error": "invalid_client" }).to_string()));
    let done = desk.list(&[]).await.exits(1);
    assert!(done.err.contains("no_token") && done.err.contains("invalid_client"), "{}", done.err);
    assert!(done.err.contains("runyard login"), "{}", done.err);
}

#[tokio::test]
async fn a_login_for_one_host_is_shown_to_no_other() {
    let desk = Desk::new().await;
    let printed = desk.login(&["--url", "http://runs.example:8081", "--json"]).await.exits(0).object();
    assert_eq!((&printed["host"], &printed["client_id"]), (&json!("runs.example"), &json!("ada")));
    let done = desk.list(&[]).await.exits(1);
    assert!(done.err.contains("unauthorized"), "{}", done.err);
    desk.login(&["--url", desk.world.server.url("run-gateway").unwrap()]).await.exits(0);
    // Another API of the same host.
    desk.list(&[]).await.exits(0);
}

#[tokio::test]
async fn what_keeps_a_login_from_being_made_is_said_and_nothing_is_kept() {
    let desk = Desk::new().await;
    let endpoint = ["--token-endpoint", &*desk.tokens.url];
    for (arguments, said) in [
        (&["login"][..], "--token-endpoint"),
        (&["login", endpoint[0], endpoint[1]], "--client-id"),
        (&["login", endpoint[0], endpoint[1], "--client-id", "ada"], "RUNYARD_CLIENT_SECRET"),
        (&["login", "--token-endpoint", "http://id.example/token", "--client-id", "a"], "plain http"),
        (&["login", "--issuer", "urn:us", "--client-id", "ada"], "is no https URL"),
        (&["login", "--token-endpoint", "nonsense"], "--token-endpoint"),
        (&["login", endpoint[0], endpoint[1], "--client-id", "ada", "--client-secret-file", "absent"], "absent"),
        (&["logout", "--url", "http://127.0.0.1:1"], "does not use a server"),
    ] {
        let done = desk.runyard(arguments, "").await.exits(2);
        assert!(done.err.contains(said), "{arguments:?}: {}", done.err);
    }
    for (gives, said) in [
        (
            Gives::Exactly(401, json!({ "error": "invalid_client", "error_description": SECRET }).to_string()),
            "invalid_client",
        ),
        (Gives::Exactly(200, "<html>".to_owned()), "no bearer token"),
        (Gives::Exactly(500, String::new()), "500"),
    ] {
        desk.tokens.gives(gives);
        let done = desk.login(&[]).await.exits(1);
        assert!(done.err.contains(said) && !done.err.contains(SECRET), "{}", done.err);
    }
    assert!(!desk.file().exists());
    desk.tokens.gives(Gives::Tokens);
    std::fs::write(desk.home.path().join("secret"), format!("{SECRET}\n")).unwrap();
    let file = desk.home.path().join("secret");
    let more =
        ["login", endpoint[0], endpoint[1], "--client-id", "ada", "--client-secret-file", file.to_str().unwrap()];
    desk.runyard(&more, "").await.exits(0);
    assert_eq!(desk.tokens.asked().last().unwrap().form["client_secret"], SECRET);
    std::fs::write(desk.file(), "rubbish").unwrap();
    let done = desk.list(&[]).await.exits(1);
    assert!(done.err.contains("login_unreadable") && done.err.contains("runyard logout"), "{}", done.err);
}
