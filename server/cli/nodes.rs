//! `runyard nodes`: the node types.

use clap::Args;
use clap::builder::PossibleValuesParser;
use runyard_api::runyard::types::{NodeKind, NodeType};
use serde_json::json;

use super::connection::{Connection, FolderUse, RequiredApi};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::Output;

/// Which node types.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  runyard nodes\n  runyard nodes sleep --json\n\n\
    With --json one object: {\"node_types\":[...]}, with the JSON Schemas of inputs and outputs.")]
pub struct Arguments {
    /// Only node types with this in their id, aliases or description
    #[arg(value_name = "QUERY")]
    pub query: Option<String>,
    /// Only this kind
    #[arg(long, value_name = "KIND", value_parser = PossibleValuesParser::new(["atomic", "composite"]))]
    pub kind: Option<String>,
}

/// Lists node types.
///
/// # Errors
/// The server cannot be reached.
pub async fn nodes(arguments: &Arguments, context: &mut Context) -> Result<Exit, Failure> {
    let kind = arguments.kind.as_deref().map(str::parse::<NodeKind>).transpose();
    let kind = kind.map_err(|error| Failure::usage(format!("--kind: {error}")))?;
    let connection = Connection::open(context.target(), RequiredApi::Runyard, FolderUse::ReadCatalog).await?;
    let listed = connection.runyard().list_node_types(kind.as_ref(), arguments.query.as_deref()).await;
    connection.close().await;
    let listed = listed?.into_inner();
    context.output.object(&json!(listed));
    show(&listed.node_types, &mut context.output);
    Ok(Exit::Success)
}

fn show(node_types: &[NodeType], output: &mut Output) {
    if node_types.is_empty() {
        output.remark("no node type matches; without QUERY all are listed");
        return;
    }
    let row = |node_type: &NodeType| {
        let id = format!("{}@{}", node_type.node_type_id, node_type.version);
        vec![id, node_type.kind.to_string(), node_type.aliases.join(" "), node_type.description.clone()]
    };
    output.table(&["NODE TYPE", "KIND", "ALIASES", "DESCRIPTION"], node_types.iter().map(row).collect());
}
