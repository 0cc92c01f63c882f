//! `docs/reference/configuration.md`: every setting.

use std::collections::BTreeMap;

use serde_json::Value;

use super::table::row;
use crate::config::Loaded;
use crate::config::settings::{SETTINGS, Setting};
use crate::config::show::effective;

const HEAD: &str = "\
# Configuration

A setting comes from a flag, else from the environment, else from `runyard.toml` in the current folder (`--config FILE`
for another file), else it has its default. An unknown key or a bad value is an error that names it.

- `runyard config show` lists every setting, its value and where the value comes from.
- `runyard config init` writes a commented `runyard.toml`.
- `--set KEY=VALUE` sets any setting for one command.
- The variable of a setting is `RUNYARD_` and its key in capitals, with two underscores for each dot:
  `RUNYARD_AUTH__MODE` is `auth.mode`.
- The variables of the ARP reference implementation (`ARP_AUTH_...`, `JARVIS_RUN_COORDINATOR_URL`) are read as well.
- Secrets are not settings: `RUNYARD_SECRET_KEY` is the server key, `RUNYARD_CLIENT_SECRET` the secret of the server's
  own client.

The settings `limits.*` are on a page of their own: [limits](limits.md).
";

pub(super) fn page() -> String {
    let defaults: BTreeMap<&str, Value> =
        effective(&Loaded::defaults()).into_iter().map(|one| (one.key, one.value)).collect();
    let mut page = HEAD.to_owned();
    let mut section = "";
    for setting in SETTINGS.iter().filter(|setting| !setting.key.starts_with("limits.")) {
        let own = setting.key.split_once('.').map_or("general", |(section, _)| section);
        if own != section {
            section = own;
            page.push_str(&format!("\n## {section}\n\n| setting | default | what it does |\n|---|---|---|\n"));
        }
        let has_default = defaults.get(setting.key).is_some_and(|value| !value.is_null());
        page.push_str(&row([&format!("`{}`", setting.key), &default(setting, has_default), &about(setting)]));
    }
    page
}

fn default(setting: &Setting, has_default: bool) -> String {
    if has_default { format!("`{}`", setting.written) } else { "not set".to_owned() }
}

/// What a setting does, and the values that it takes.
fn about(setting: &Setting) -> String {
    format!("{} Value: {}.", setting.about, setting.kind.allowed().trim_end_matches('.'))
}
