//! `runyard keys`: API keys, made, listed and ended.

use std::num::NonZeroU32;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use jiff::{Span, SpanRelativeTo};
use runyard_api::runyard::types::{Key, KeyList};
use serde_json::{Map, Value, json};

use super::Context;
use super::connection::{Connection, Need};
use super::failure::{Exit, Failure};
use super::output::{self, Output};

/// How many keys the API gives at most at once.
const PAGE_MAX: NonZeroU32 = NonZeroU32::new(200).unwrap();

/// What to do with keys.
#[derive(Debug, Clone, Subcommand)]
pub enum Arguments {
    /// Make a key; it is printed this once
    Create(Create),
    /// List keys, without their secret halves
    List(List),
    /// End a key; from then on nobody is let in with it
    Revoke(Revoke),
}

/// What the key is to be.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Prints the key and nothing else on standard output: KEY=$(runyard keys create).\n\
    With --json one object: {\"api_key\",\"key\":{\"key_id\",\"tenant\",\"name\",\"scopes\",\"state\",\"created_at\",\"expires_at\"}}.")]
pub struct Create {
    /// Whose runs the key opens [default: the caller's tenant, which is `default` in the data folder]
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// What it allows; may be repeated [default: runs:read and runs:write]
    #[arg(long, value_name = "SCOPE", value_parser = PossibleValuesParser::new(["runs:read", "runs:write", "admin"]))]
    pub scope: Vec<String>,
    /// How long it is taken, for example 30d or 12h [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub expires_in: Option<i64>,
    /// What it is for
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Which keys.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "With --json one object per page: {\"keys\":[...],\"next_cursor\"}.")]
pub struct List {
    /// Only keys of this tenant
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
}

/// Which key.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "With --json one object: the key as it stands.")]
pub struct Revoke {
    /// The key's id, as `keys list` shows it: the part between the first two underscores
    #[arg(value_name = "KEY_ID")]
    pub key_id: String,
}

/// Makes, lists or ends keys.
///
/// # Errors
/// The API cannot be reached, or the caller may not.
pub async fn keys(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let connection = Connection::open(context.target(), Need::Own, false).await?;
    let output = &mut context.output;
    let done = match arguments {
        Arguments::Create(create) => made(&connection, create, output).await,
        Arguments::List(list) => listed(&connection, list, output).await,
        Arguments::Revoke(revoke) => revoked(&connection, revoke, output).await,
    };
    connection.close().await;
    done.map(|()| Exit::Success)
}

async fn made(connection: &Connection, create: &Create, output: &mut Output) -> Result<(), Failure> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| body.extend(value.map(|value| (name.to_owned(), value)));
    set("tenant", create.tenant.as_ref().map(|tenant| json!(tenant)));
    set("name", create.name.as_ref().map(|name| json!(name)));
    set("scopes", (!create.scope.is_empty()).then(|| json!(create.scope)));
    set("expires_in_seconds", create.expires_in.map(|seconds| json!(seconds)));
    let body = serde_json::from_value(Value::Object(body));
    let body = body.map_err(|error| Failure::usage(format!("the key cannot be made like this: {error}")))?;
    let created = connection.own().create_key(&body).await?.into_inner();
    output.object(&json!(created));
    output.line(&created.api_key);
    let Key { key_id, tenant, .. } = &created.key;
    output.remark(&format!("key {key_id} of tenant {tenant}; it is shown this once and kept nowhere"));
    Ok(())
}

async fn listed(connection: &Connection, list: &List, output: &mut Output) -> Result<(), Failure> {
    let tenant = list.tenant.as_deref().map(str::parse).transpose();
    let tenant = tenant.map_err(|error| Failure::usage(format!("--tenant: {error}")))?;
    let mut cursor: Option<String> = None;
    loop {
        let page = connection.own().list_keys(cursor.as_deref(), Some(PAGE_MAX), tenant.as_ref()).await?.into_inner();
        show(&page, output);
        cursor = page.next_cursor;
        if cursor.is_none() || output.is_closed() {
            return Ok(());
        }
    }
}

fn show(page: &KeyList, output: &mut Output) {
    output.object(&json!(page));
    if page.keys.is_empty() {
        output.remark("no keys; `runyard keys create` makes one");
    } else {
        let header = ["KEY", "TENANT", "STATE", "SCOPES", "CREATED", "EXPIRES", "NAME"];
        output.table(&header, page.keys.iter().map(row).collect());
    }
}

fn row(key: &Key) -> Vec<String> {
    let scopes: Vec<String> = key.scopes.iter().map(ToString::to_string).collect();
    let expires = key.expires_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"));
    let name = output::one_line(key.name.as_deref().unwrap_or_default());
    let created = format!("{:.0}", key.created_at);
    let tenant = output::one_line(&key.tenant);
    vec![key.key_id.clone(), tenant, key.state.to_string(), scopes.join(" "), created, expires, name]
}

async fn revoked(connection: &Connection, revoke: &Revoke, output: &mut Output) -> Result<(), Failure> {
    let key = connection.own().revoke_key(&revoke.key_id).await?.into_inner();
    output.object(&json!(key));
    output.line(&format!("key {} of tenant {} is revoked", key.key_id, output::one_line(&key.tenant)));
    Ok(())
}

/// A length of time such as `30d`; a day has 24 hours.
fn seconds(text: &str) -> Result<i64, String> {
    let span: Span = text.parse().map_err(|_| "expected a time such as 30d, 12h or 90m".to_owned())?;
    let length = span.to_duration(SpanRelativeTo::days_are_24_hours());
    let seconds = length.map_err(|_| "months and years differ in length: say it in days".to_owned())?.as_secs();
    if seconds >= 1 { Ok(seconds) } else { Err("must be a second at least".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, expected) in [("30d", 2_592_000), ("12h", 43_200), ("1w 1d", 691_200), ("90m", 5_400), ("2s", 2)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "soon", "0s", "-3h", "1mo", "2y", "30"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
