//! `runyard keys`: create, list and revoke API keys.

use std::num::NonZeroU32;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use runyard_api::runyard::types::{Key, KeyList};
use serde_json::{Map, Value, json};

use super::connection::{Connection, FolderUse, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::lengths::read_seconds;
use super::output::{self, Output};

/// The most keys that the API returns at once.
const PAGE_MAX: NonZeroU32 = NonZeroU32::new(200).unwrap();

/// What to do with keys.
#[derive(Debug, Clone, Subcommand)]
pub enum Arguments {
    /// Create a key; it is printed this once
    Create(Create),
    /// List keys, without their secret halves
    List(List),
    /// Revoke a key; from then on it authenticates no caller
    Revoke(Revoke),
}

/// The new key.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    KEY=$(runyard keys create --name deploy --scope runs:write)\n  \
    runyard keys create --tenant acme --expires-in 30d\n\n\
    Standard output has the key and nothing else.\n\
    With --json one object: {\"api_key\",\"key\":{\"key_id\",\"tenant\",\"name\",\"scopes\",\"state\",\"created_at\",\"expires_at\"}}.")]
pub struct Create {
    /// The tenant whose runs the key gives access to [default: the caller's tenant, which is `default` in the data folder]
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// What it allows; may be repeated [default: runs:read and runs:write]
    #[arg(long, value_name = "SCOPE", value_parser = PossibleValuesParser::new(["runs:read", "runs:write", "admin"]))]
    pub scope: Vec<String>,
    /// How long it is valid, for example 30d or 12h [default: until it is revoked]
    #[arg(long, value_name = "TIME", value_parser = read_seconds)]
    pub expires_in: Option<i64>,
    /// A name that says what it is for
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// Which keys.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example:\n  runyard keys list --tenant acme\n\nWith --json one object per page: {\"keys\":[...],\"next_cursor\"}."
)]
pub struct List {
    /// Only keys of this tenant
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
}

/// Which key.
#[derive(Debug, Clone, Default, Args)]
#[command(
    after_help = "Example:\n  runyard keys revoke 5f0c2a9be4d17386\n\nWith --json one object: the key as it stands."
)]
pub struct Revoke {
    /// The key's id, as `keys list` shows it: the part between the first two underscores
    #[arg(value_name = "KEY_ID")]
    pub key_id: String,
}

/// Creates, lists or revokes keys.
///
/// # Errors
/// The server cannot be reached, or the caller has not the scope.
pub async fn keys(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let usage = match arguments {
        Arguments::Create(_) => FolderUse::Record,
        Arguments::List(_) | Arguments::Revoke(_) => FolderUse::Read,
    };
    let connection = Connection::open(context.target(), RequiredApi::Runyard, usage).await?;
    let output = &mut context.output;
    let done = match arguments {
        Arguments::Create(wanted) => create(&connection, wanted, output).await,
        Arguments::List(which) => list(&connection, which, output).await,
        Arguments::Revoke(which) => revoke(&connection, which, output).await,
    };
    connection.close().await;
    done.map(|()| Exit::Success)
}

async fn create(connection: &Connection, wanted: &Create, output: &mut Output) -> Result<(), Failure> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| body.extend(value.map(|value| (name.to_owned(), value)));
    set("tenant", wanted.tenant.as_ref().map(|tenant| json!(tenant)));
    set("name", wanted.name.as_ref().map(|name| json!(name)));
    set("scopes", (!wanted.scope.is_empty()).then(|| json!(wanted.scope)));
    set("expires_in_seconds", wanted.expires_in.map(|seconds| json!(seconds)));
    let body = serde_json::from_value(Value::Object(body));
    let body = body.map_err(|error| Failure::usage(format!("the key cannot be created: {error}")))?;
    let created = connection.runyard().create_key(&body).await?.into_inner();
    output.object(&json!(created));
    output.line(&created.api_key);
    let Key { key_id, tenant, .. } = &created.key;
    output.remark(&format!("key {key_id} of tenant {tenant}; it is shown this once and stored nowhere"));
    Ok(())
}

async fn list(connection: &Connection, which: &List, output: &mut Output) -> Result<(), Failure> {
    let tenant = which.tenant.as_deref().map(str::parse).transpose();
    let tenant = tenant.map_err(|error| Failure::usage(format!("--tenant: {error}")))?;
    let mut cursor: Option<String> = None;
    loop {
        let page =
            connection.runyard().list_keys(cursor.as_deref(), Some(PAGE_MAX), tenant.as_ref()).await?.into_inner();
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
        output.remark("no keys; `runyard keys create` creates one");
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

async fn revoke(connection: &Connection, which: &Revoke, output: &mut Output) -> Result<(), Failure> {
    let key = connection.runyard().revoke_key(&which.key_id).await?.into_inner();
    output.object(&json!(key));
    output.line(&format!("key {} of tenant {} is revoked", key.key_id, output::one_line(&key.tenant)));
    Ok(())
}
