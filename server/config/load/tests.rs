//! Which source wins, which values are refused and how, and which settings must agree.

use std::path::PathBuf;

use super::*;
use crate::auth::Secret;
use crate::config::auth::Mode;
use crate::config::{CoordinatorPlace, Credentials, GatewayMode, LogFormat};

struct Story {
    sources: Sources,
    folder: tempfile::TempDir,
}

impl Story {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { sources: Sources { folder: folder.path().to_owned(), ..Sources::default() }, folder }
    }

    fn file(self, text: &str) -> Self {
        std::fs::write(self.folder.path().join(FILE_NAME), text).unwrap();
        self
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    fn flag(mut self, key: &str, value: &str) -> Self {
        let name = format!("--{}", key.replace('_', "-"));
        self.sources.flags.push(Flag { key: key.to_owned(), value: value.to_owned(), name });
        self
    }

    fn load(&self) -> Loaded {
        load(&self.sources).unwrap()
    }

    fn refusal(&self) -> String {
        load(&self.sources).unwrap_err().to_string().replace(&*self.folder.path().to_string_lossy(), "FOLDER")
    }
}

#[test]
fn without_sources_everything_is_a_default() {
    let loaded = Story::new().load();
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.origin("port_base"), "default");
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let story = Story::new().file("port_base = 1000\nworkers = 7\nparallel_max = 3\n[log]\nformat = 'json'");
    let story = story.variable("RUNYARD_PORT_BASE", "2000").variable("RUNYARD_WORKERS", "9").flag("port_base", "3000");
    let loaded = story.load();
    let config = &loaded.config;
    assert_eq!((config.port_base, config.workers, config.parallel_max), (3000, 9, 3));
    assert_eq!((config.log.format, config.body_bytes_max), (LogFormat::Json, 1024 * 1024));
    assert_eq!(loaded.origin("port_base"), "flag --port-base");
    assert_eq!(loaded.origin("workers"), "environment RUNYARD_WORKERS");
    assert!(loaded.origin("log.format").ends_with("runyard.toml"), "{}", loaded.origin("log.format"));
    assert!(loaded.is_default("log.filter"));
}

#[test]
fn nested_keys_are_written_with_two_underscores() {
    let loaded =
        Story::new().variable("RUNYARD_LOG__FILTER", "debug").variable("RUNYARD_GATEWAY__COORDINATOR", "remote").load();
    assert_eq!(loaded.config.log.filter, "debug");
    assert_eq!(loaded.config.gateway.coordinator, Some(CoordinatorPlace::Remote));
    assert_eq!(loaded.config.gateway_mode(), GatewayMode::Missing);
}

#[test]
fn an_unknown_key_names_itself_its_place_and_the_nearest() {
    let file = Story::new().file("port_bse = 1\n[log]\ncolour = true").refusal();
    insta::assert_snapshot!(file, @r"
    the configuration is not usable:
      log.colour: there is no such setting; there are: log.format, log.filter (set by file FOLDER/runyard.toml)
      port_bse: there is no such setting; did you mean port_base? (set by file FOLDER/runyard.toml)
    ");
    let variable = Story::new().variable("RUNYARD_LOG_FORMAT", "json").refusal();
    insta::assert_snapshot!(variable, @"the configuration is not usable: log_format: there is no such setting; did you mean log.format? (set by environment RUNYARD_LOG_FORMAT)");
    let section = Story::new().file("log = 'info'").refusal();
    insta::assert_snapshot!(section, @"the configuration is not usable: log: is a section: set log.format or log.filter in it (set by file FOLDER/runyard.toml)");
}

#[test]
fn an_invalid_value_says_what_was_found_and_what_is_allowed() {
    let story =
        Story::new().file("workers = 'many'\nperform = 1\nhost = 'example.org'").variable("RUNYARD_LOG__FORMAT", "xml");
    insta::assert_snapshot!(story.flag("lease_ms", "-1").refusal(), @r#"
    the configuration is not usable:
      host: found "example.org", expected an IP address or localhost (set by file FOLDER/runyard.toml)
      perform: found 1, expected true or false (set by file FOLDER/runyard.toml)
      workers: found "many", expected a whole number from 1 to 4096 (set by file FOLDER/runyard.toml)
      log.format: found "xml", expected text or json (set by environment RUNYARD_LOG__FORMAT)
      lease_ms: found "-1", expected a whole number from 1000 to 600000 (set by flag --lease-ms)
    "#);
}

#[test]
fn an_invalid_value_in_the_file_is_an_error_even_when_a_flag_overrides_it() {
    let refusal = Story::new().file("workers = 0").flag("workers", "5").refusal();
    assert!(refusal.contains("workers: found 0"), "{refusal}");
}

#[test]
fn the_last_apis_port_must_be_valid() {
    assert_eq!(Story::new().flag("port_base", "65523").load().config.port(12), 65535);
    let refusal = Story::new().flag("port_base", "65524").refusal();
    insta::assert_snapshot!(refusal, @r#"the configuration is not usable: port_base: found "65524", expected 0 for free ports, or 1 to 65523: the last API listens 12 above it, and ports end at 65535 (set by flag --port-base)"#);
}

#[test]
fn a_host_that_others_reach_needs_a_second_setting() {
    let refusal = Story::new().variable("RUNYARD_HOST", "0.0.0.0").refusal();
    assert!(refusal.contains("insecure_allow_remote = true"), "{refusal}");
    assert!(refusal.contains("auth.mode = \"required\""), "{refusal}");
    let agreed =
        Story::new().variable("RUNYARD_HOST", "0.0.0.0").variable("RUNYARD_INSECURE_ALLOW_REMOTE", "true").load();
    assert!(!agreed.config.host.is_loopback());
    assert!(Story::new().flag("host", "localhost").load().config.host.is_loopback());
}

#[test]
fn reserved_names_and_empty_variables_are_no_settings() {
    let story = RESERVED.iter().fold(Story::new(), |story, name| story.variable(name, "anything"));
    let mut config = story.variable("RUNYARD_PORT_BASE", "").variable("ARP_AUTH_MODE", "").load().config;
    assert!(config.auth.outbound.client_secret.take().is_some(), "no setting, and read all the same");
    assert_eq!(config, Config::default());
}

#[test]
fn the_coordinator_has_two_variables_and_this_servers_own_wins() {
    let alias = Story::new().variable("JARVIS_RUN_COORDINATOR_URL", "http://peer:1/");
    assert_eq!(alias.load().config.gateway_mode(), GatewayMode::Remote("http://peer:1".to_owned()));
    assert_eq!(alias.load().origin("coordinator.url"), "environment JARVIS_RUN_COORDINATOR_URL");
    let both = alias.variable("RUNYARD_COORDINATOR__URL", "http://ours:2");
    assert_eq!(both.load().config.gateway_mode(), GatewayMode::Remote("http://ours:2".to_owned()));
}

#[test]
fn a_url_with_a_password_is_refused_without_repeating_it() {
    let refusal = Story::new().variable("RUNYARD_COORDINATOR__URL", "http://me:hunter2@peer").refusal();
    assert!(refusal.contains("coordinator.url") && !refusal.contains("hunter2"), "{refusal}");
}

#[test]
fn a_named_file_must_exist_and_be_toml() {
    let mut story = Story::new();
    story.sources.file = Some(story.folder.path().join("absent.toml"));
    assert!(
        story.refusal().starts_with("cannot read the configuration file FOLDER/absent.toml"),
        "{}",
        story.refusal()
    );
    let broken = Story::new().file("workers = = 3").refusal();
    assert!(broken.contains("FOLDER/runyard.toml is not valid TOML") && broken.contains("line 1"), "{broken}");
}

#[test]
fn a_relative_data_folder_in_a_file_starts_at_the_files_folder() {
    let story = Story::new().file("data_dir = 'kept'");
    assert_eq!(story.load().config.data_dir, story.folder.path().join("kept"));
    assert_eq!(Story::new().flag("data_dir", "kept").load().config.data_dir, PathBuf::from("kept"));
}

fn arp(variables: &[(&str, &str)]) -> Story {
    variables.iter().fold(Story::new(), |story, (name, value)| story.variable(name, value))
}

#[test]
fn variables_of_the_reference_implementation_are_read() {
    let story = arp(&[
        ("ARP_AUTH_MODE", "optional"),
        ("ARP_AUTH_ISSUER", "https://id.example.org/realms/r"),
        ("ARP_AUTH_SERVICE_ID", "by-service"),
        ("ARP_AUTH_OIDC_DISCOVERY_URL", "https://id.example.org/meta?x=1"),
        ("ARP_AUTH_ALGORITHMS", "RS256, ES256"),
        ("ARP_AUTH_CLOCK_SKEW_SECONDS", "5"),
        ("ARP_AUTH_DEV_SUBJECT", "me"),
        ("ARP_AUTH_ANONYMOUS_SUBJECT", "nobody"),
    ]);
    let loaded = story.load();
    let auth = &loaded.config.auth;
    assert_eq!(auth.mode, Some(Mode::Optional));
    assert_eq!(auth.issuer.as_deref(), Some("https://id.example.org/realms/r"));
    assert_eq!(auth.audience, Some(vec!["by-service".to_owned()]));
    assert_eq!((auth.algorithms.as_str(), auth.clock_skew_seconds), ("RS256,ES256", 5));
    assert_eq!((auth.dev_subject.as_str(), auth.anonymous_subject.as_str()), ("me", "nobody"));
    assert_eq!(loaded.origin("auth.audience"), "environment ARP_AUTH_SERVICE_ID");
    let story = story.variable("ARP_AUTH_AUDIENCE", "by-audience").variable("RUNYARD_AUTH__MODE", "required");
    let loaded = story.load();
    assert_eq!(loaded.config.auth.audience, Some(vec!["by-audience".to_owned()]));
    assert_eq!(loaded.config.auth.mode, Some(Mode::Required));
    assert_eq!(loaded.origin("auth.mode"), "environment RUNYARD_AUTH__MODE");
}

#[test]
fn authentication_can_be_disabled_by_either_variable() {
    for name in ["ARP_AUTH_MODE", "RUNYARD_AUTH__MODE"] {
        assert_eq!(Story::new().variable(name, "disabled").load().config.auth.mode, Some(Mode::Disabled));
        let refusal = Story::new().variable(name, "sometimes").refusal();
        assert!(
            refusal.contains("auth.mode: found \"sometimes\", expected disabled or optional or required"),
            "{refusal}"
        );
        assert!(refusal.contains(name), "{refusal}");
    }
}

#[test]
fn a_profile_is_several_settings_and_each_can_be_overridden() {
    let secure = arp(&[("ARP_AUTH_PROFILE", "dev-secure-keycloak"), ("ARP_AUTH_AUDIENCE", "arp-run-gateway")]);
    let loaded = secure.load();
    assert_eq!(loaded.config.auth.mode, Some(Mode::Required));
    assert_eq!(loaded.config.auth.issuer.as_deref(), Some("http://localhost:8080/realms/arp-dev"));
    assert_eq!(loaded.origin("auth.issuer"), "environment ARP_AUTH_PROFILE");
    let changed = secure.variable("ARP_AUTH_MODE", "optional").load();
    assert_eq!(changed.config.auth.mode, Some(Mode::Optional));

    let refusal = arp(&[("ARP_AUTH_PROFILE", "dev-secure")]).refusal();
    assert!(refusal.contains("auth.audience") && refusal.contains("ARP_AUTH_SERVICE_ID"), "{refusal}");
    arp(&[("ARP_AUTH_PROFILE", "dev-secure"), ("ARP_AUTH_MODE", "disabled")]).load();
    let refusal = arp(&[("ARP_AUTH_PROFILE", "casual")]).refusal();
    assert!(refusal.contains("ARP_AUTH_PROFILE: found \"casual\""), "{refusal}");
}

#[test]
fn a_host_that_others_reach_needs_a_credential_at_every_api() {
    let open = |story: Story| story.variable("RUNYARD_HOST", "0.0.0.0");
    open(Story::new().variable("RUNYARD_AUTH__MODE", "required")).load();
    let optional = || open(Story::new().variable("RUNYARD_AUTH__MODE", "optional"));
    assert!(optional().refusal().contains("some API needs no credential"), "{}", optional().refusal());
    optional().variable("RUNYARD_INSECURE_ALLOW_REMOTE", "true").load();
    let hole = Story::new().variable("RUNYARD_AUTH__MODE", "required").file("[auth.apis]\nruntime = 'disabled'");
    let refusal = open(hole).refusal();
    assert!(refusal.contains("some API needs no credential"), "{refusal}");
    let refusal = open(Story::new().variable("ARP_AUTH_MODE", "disabled")).refusal();
    assert!(refusal.contains("some API needs no credential"), "{refusal}");
}

#[test]
fn keys_without_an_issuer_are_refused() {
    let keys = || Story::new().variable("RUNYARD_AUTH__JWKS_URI", "https://id.example.org/keys");
    let refusal = keys().refusal();
    assert!(refusal.contains("auth.jwks_uri: needs auth.issuer"), "{refusal}");
    keys().variable("RUNYARD_AUTH__ISSUER", "https://id.example.org").load();
}

#[test]
fn an_audience_is_a_text_or_a_list_and_each_api_may_have_its_own() {
    let loaded = Story::new()
        .file("[auth]\naudience = ['one', 'two']\n[auth.audiences]\nruntime = 'arp-runtime'")
        .variable("RUNYARD_AUTH__AUDIENCES__ACP", r#"["acp", "acp, spaced"]"#)
        .load();
    let of = |document: &str| loaded.config.auth.audience(document).map(<[String]>::to_vec);
    let texts = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
    assert_eq!(of("runyard"), texts(&["one", "two"]));
    assert_eq!(of("runtime"), texts(&["arp-runtime"]));
    assert_eq!(of("acp"), texts(&["acp", "acp, spaced"]));
    for (document, _) in runyard_api::DOCUMENTS {
        let key = format!("auth.audiences.{}", document.name.replace('-', "_"));
        let loaded = Story::new().flag(&key, "own").load();
        assert_eq!(loaded.config.auth.audience(document.name), Some(&["own".to_owned()][..]), "{key}");
    }
    assert!(Story::new().flag("auth.audience", "[]").refusal().contains("auth.audience: found"));
}

#[test]
fn origins_are_those_that_browsers_send() {
    let loaded = Story::new().flag("cors.origins", "https://app.example.org,http://localhost:3000").load();
    assert_eq!(loaded.config.cors.origins, ["https://app.example.org", "http://localhost:3000"]);
    for bad in [
        "*",
        "null",
        "app.example.org",
        "https://app.example.org/",
        "https://app.example.org/x",
        "https://App.example.org",
        "https://app.example.org:443",
    ] {
        assert!(Story::new().flag("cors.origins", bad).refusal().contains("cors.origins: found"), "{bad}");
    }
}

#[test]
fn keys_of_an_issuer_come_over_https_or_from_this_machine() {
    let issuer = |url: &str| Story::new().variable("RUNYARD_AUTH__ISSUER", url);
    for fine in ["https://id.example.org", "http://localhost:8080/realms/r", "http://127.0.0.1:1", "http://[::1]:1"] {
        issuer(fine).load();
    }
    for (url, said) in
        [("http://id.example.org", "plain http"), ("ftp://id.example.org", "is no https URL"), ("me", "is no")]
    {
        let refusal = issuer(url).refusal();
        assert!(refusal.contains("auth.issuer") && refusal.contains(said), "{refusal}");
    }
    // An issuer is a name first: if the address of its keys is set, it may be any text.
    let elsewhere = issuer("me").variable("RUNYARD_AUTH__JWKS_URI", "https://id.example.org/keys");
    elsewhere.load();
    issuer("http://id.example.org").variable("RUNYARD_AUTH__INSECURE_ALLOW_HTTP", "true").load();
    let refusal = issuer("me").variable("RUNYARD_AUTH__JWKS_URI", "http://id.example.org/keys").refusal();
    assert!(refusal.contains("auth.jwks_uri"), "{refusal}");
}

#[test]
fn algorithms_with_shared_secrets_and_none_are_no_settings() {
    for bad in ["HS256", "none", "RS256,HS512", "", " , "] {
        let story = Story::new().flag("auth.algorithms", bad);
        assert!(story.refusal().contains("auth.algorithms: found"), "{bad}");
    }
    let listed = Story::new().file("[auth]\nalgorithms = ['ES256', 'EdDSA']").load();
    assert_eq!(listed.config.auth.algorithms, "ES256,EdDSA");
}

#[test]
fn every_api_has_a_mode_of_its_own() {
    for (document, _) in runyard_api::DOCUMENTS {
        let key = format!("auth.apis.{}", document.name.replace('-', "_"));
        let loaded = Story::new().flag(&key, "required").load();
        assert_eq!(loaded.config.auth.mode(document.name), Mode::Required, "{key}");
        assert_eq!(loaded.warnings(), Vec::<String>::new());
    }
}

#[test]
fn a_renamed_section_is_still_read_with_a_warning_and_its_present_name_wins() {
    let file = Story::new().file("[auth.doors]\nacp = 'required'").load();
    assert_eq!(file.config.auth.mode("acp"), Mode::Required);
    let warning = file.warnings().join("\n");
    assert!(warning.contains("auth.doors.acp is now auth.apis.acp") && warning.contains("runyard.toml"), "{warning}");
    let variable = Story::new().variable("RUNYARD_AUTH__DOORS__RUN_GATEWAY", "optional").load();
    assert_eq!(variable.config.auth.mode("run-gateway"), Mode::Optional);
    assert!(variable.warnings()[0].contains("environment RUNYARD_AUTH__DOORS__RUN_GATEWAY"));

    let both = Story::new()
        .file("[auth.apis]\nacp = 'required'\n[auth.doors]\nacp = 'optional'")
        .variable("RUNYARD_AUTH__APIS__CARGO", "required")
        .variable("RUNYARD_AUTH__DOORS__CARGO", "optional")
        .load();
    assert_eq!((both.config.auth.mode("acp"), both.config.auth.mode("cargo")), (Mode::Required, Mode::Required));
    assert_eq!(both.warnings().len(), 2);

    let refusal = Story::new().file("[auth.doors]\nacp = 'sometimes'").refusal();
    assert!(refusal.contains("auth.doors.acp: found \"sometimes\""), "{refusal}");
}

#[test]
fn an_incomplete_client_is_refused_if_tokens_are_to_be_fetched() {
    let forwards = || {
        Story::new()
            .variable("JARVIS_RUN_COORDINATOR_URL", "http://peer:1")
            .variable("JARVIS_RUN_COORDINATOR_AUDIENCE", "them")
            .variable("RUNYARD_COORDINATOR__CREDENTIALS", "exchange")
    };
    let secret = "s3cret-of-a-test";
    let said = forwards().refusal();
    assert!(said.contains("coordinator.credentials") && said.contains("ARP_AUTH_TOKEN_ENDPOINT"), "{said}");
    let endpoint = || forwards().variable("ARP_AUTH_TOKEN_ENDPOINT", "https://id.example/token");
    assert!(endpoint().refusal().contains("ARP_AUTH_CLIENT_ID"));
    let client = || endpoint().variable("ARP_AUTH_CLIENT_ID", "gateway").variable("ARP_AUTH_TIMEOUT_SECS", "3");
    assert!(client().refusal().contains("ARP_AUTH_CLIENT_SECRET"));
    let loaded = client().variable("ARP_AUTH_CLIENT_SECRET", secret).load();
    let outbound = &loaded.config.auth.outbound;
    assert_eq!(outbound.client_secret, Some(Secret::new(secret)));
    assert_eq!((outbound.client_id.as_deref(), outbound.timeout_seconds), (Some("gateway"), 3));
    assert_eq!(loaded.config.coordinator.audience, "them");
    // This server's own variable wins.
    let both = client().variable("ARP_AUTH_CLIENT_SECRET", "other").variable("RUNYARD_CLIENT_SECRET", secret).load();
    assert_eq!(both.config.auth.outbound.client_secret, Some(Secret::new(secret)));
    let open = client().variable("ARP_AUTH_CLIENT_SECRET", secret);
    let open = open.variable("ARP_AUTH_TOKEN_ENDPOINT", "http://id.example/token").refusal();
    assert!(open.contains("auth.insecure_allow_http") && open.contains("ARP_AUTH_TOKEN_ENDPOINT"), "{open}");
    let below = forwards().variable("ARP_AUTH_CLIENT_ID", "gateway").variable("ARP_AUTH_CLIENT_SECRET", secret);
    let below = below.variable("ARP_AUTH_ISSUER", "urn:us").variable("ARP_AUTH_JWKS_URI", "https://id.example/keys");
    assert!(below.refusal().contains("auth.issuer"), "{}", below.refusal());
}

#[test]
fn with_authentication_disabled_no_token_endpoint_is_needed() {
    let story =
        Story::new().variable("JARVIS_RUN_COORDINATOR_URL", "http://peer:1").variable("ARP_AUTH_MODE", "disabled");
    assert_eq!(story.load().config.coordinator_credentials(), Credentials::Pass);
}

#[test]
fn a_secret_in_a_file_is_refused_without_quoting_it() {
    for text in ["[auth.outbound]\nclient_secret = 's3cret'", "[auth]\nclient_secret = 's3cret'"] {
        let refusal = Story::new().file(text).refusal();
        assert!(refusal.contains("RUNYARD_CLIENT_SECRET") && !refusal.contains("s3cret"), "{refusal}");
    }
    let refusal = Story::new().variable("RUNYARD_AUTH__OUTBOUND__CLIENT_SECRET", "s3cret").refusal();
    assert!(refusal.contains("RUNYARD_CLIENT_SECRET") && !refusal.contains("s3cret"), "{refusal}");
}
