//! `docs/reference/limits.md`: every bound.

use super::table::row;
use crate::limits::TABLE;

pub(super) fn page() -> String {
    let mut page = String::from(
        "# Limits\n\n\
         Every bound on what callers, services and scripts send. Each is a setting (`runyard.toml`, `[limits]`). Past a bound a\n\
         request is refused, or a run fails, with the error code; memory does not grow.\n\n\
         | setting | default | allowed | error code | what it bounds |\n|---|---|---|---|---|\n",
    );
    for limit in TABLE {
        let code = if limit.code.is_empty() { "none".to_owned() } else { format!("`{}`", limit.code) };
        let allowed = format!("{} to {}", limit.allowed.0, limit.allowed.1);
        page.push_str(&row([&format!("`{}`", limit.setting), limit.written, &allowed, &code, limit.about]));
    }
    page
}
