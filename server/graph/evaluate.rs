//! Evaluates the inputs of a graph's node, and a script in a graph.

use std::borrow::Cow;
use std::sync::Arc;

use runyard_engine::event::Failure;
use runyard_engine::{FailureCode, Object};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Nodes;
use super::written::{DIALECT, dialect, has_expressions};
use crate::expressions::{EvalClock, Expressions, Fault, Template};
use crate::sizes;

/// The evaluated inputs of a node of this type; `None` if they have no expressions.
///
/// # Errors
/// `expression_invalid` for a text that is no expression, which is usually found before a graph runs; the others are
/// those of [`Expressions::evaluate`].
pub async fn evaluate(
    expressions: &Arc<Expressions>,
    tenant: &str,
    (node_type, inputs): (&str, &Object),
    nodes: &Nodes,
    eval_clock: EvalClock,
) -> Result<Option<Object>, Failure> {
    let dialect = dialect(node_type);
    // A search through a few small values is faster than a switch of threads, and most steps have no expressions.
    if sizes::are_few_and_small(inputs) && !has_expressions(inputs, &dialect) {
        return Ok(None);
    }
    let (with, inputs) = (expressions.clone(), inputs.clone());
    let compiling = expressions.off_runtime(tenant, move || {
        if !has_expressions(&inputs, &dialect) {
            return Ok(None);
        }
        let config = Value::Object(inputs);
        let form = if dialect.verbatim.is_empty() { "inputs" } else { "inputs of a run" };
        with.template(&key(form, &config.to_string()), &config, &dialect).map(Some).map_err(invalid)
    });
    let Some(template) = compiling.await?? else { return Ok(None) };
    let context = context(&template, Some(nodes), &Value::Null).await?;
    match expressions.evaluated(tenant, template, context, eval_clock).await? {
        Value::Object(inputs) => Ok(Some(inputs)),
        // The result of an object is an object.
        _ => Ok(None),
    }
}

/// The result of a script. Outside a graph, its `nodes.start` is its own data.
///
/// # Errors
/// As [`evaluate`].
pub async fn script(
    expressions: &Arc<Expressions>,
    tenant: &str,
    script: String,
    (nodes, data): (Option<&Nodes>, &Value),
    eval_clock: EvalClock,
) -> Result<Value, Failure> {
    let with = expressions.clone();
    let compiling = expressions
        .off_runtime(tenant, move || with.script(&key("script", &script), &script, &DIALECT).map_err(invalid));
    let template = compiling.await??;
    let context = context(&template, nodes, data).await?;
    expressions.evaluated(tenant, template, context, eval_clock).await
}

/// The cache key of a compiled configuration: everything that it depends on, whichever graph or run it is from.
fn key(form: &str, source: &str) -> String {
    let digest = Sha256::digest(source.as_bytes());
    digest.iter().fold(form.to_owned(), |key, byte| format!("{key}{byte:02x}"))
}

fn invalid(faults: Vec<Fault>) -> Failure {
    let reasons: Vec<String> = faults.iter().map(Fault::to_string).collect();
    let details = faults.first().map(|fault| Object::from_iter([("path".to_owned(), json!(fault.path))]));
    Failure {
        code: FailureCode::ExpressionInvalid.into(),
        message: reasons.join("; "),
        details,
        retryable: Some(false),
    }
}

/// The part of the surrounding graphs that a template reads, and no more: outputs of other nodes may be large.
async fn context(template: &Arc<Template>, nodes: Option<&Nodes>, data: &Value) -> Result<Value, Failure> {
    let mut around = [nodes.cloned(), nodes.and_then(Nodes::outer)];
    for nodes in &mut around {
        *nodes = match nodes.take() {
            Some(nodes) => Some(nodes.with_runs().await?),
            None => None,
        };
    }
    let [nodes, outer] = &around;
    let (nodes, outer) = (nodes.as_ref(), outer.as_ref());
    let inner = seen(template, "nodes", nodes, data);
    let outer = seen(template, "parentNodes", outer, &Value::Null);
    let begins = [inner.begins, outer.begins];
    let mut context = json!({ "nodes": inner.members, "parentNodes": outer.members });
    if let Some(nodes) = nodes {
        nodes.whole(&mut context).await?;
    }
    // The value is in place only now, so its type could not be checked before.
    for (root, begins) in ["nodes", "parentNodes"].into_iter().zip(begins) {
        if let Some(start) = context[root].get_mut("start").filter(|_| begins) {
            *start = Value::Object(began_with(start).into_owned());
        }
    }
    Ok(context)
}

/// The part of one graph that a template reads.
struct Seen {
    members: Object,
    /// Whether it reads `start`, the graph's inputs.
    begins: bool,
}

fn seen(template: &Template, root: &str, nodes: Option<&Nodes>, data: &Value) -> Seen {
    let start = || nodes.map_or(data, Nodes::data).clone();
    let Some(named) = template.members(root) else {
        // It may read all of them.
        let reached = nodes.into_iter().flat_map(Nodes::reached);
        let mut begins = true;
        let all = reached.map(|(slug, outputs)| {
            begins &= slug != "start";
            (slug.to_owned(), outputs)
        });
        let members = std::iter::once(("start".to_owned(), start())).chain(all).collect();
        return Seen { members, begins };
    };
    let mut seen = Seen { members: Object::new(), begins: false };
    for slug in named {
        match nodes.and_then(|nodes| nodes.seen(slug)) {
            Some(outputs) => _ = seen.members.insert(slug.to_owned(), outputs),
            None if slug == "start" => {
                seen.begins = true;
                seen.members.insert(slug.to_owned(), start());
            }
            None => {}
        }
    }
    seen
}

/// The inputs of a graph as an object: under `value` if they are no object.
pub fn began_with(data: &Value) -> Cow<'_, Object> {
    match data {
        Value::Null => Cow::Owned(Object::new()),
        Value::Object(data) => Cow::Borrowed(data),
        data => Cow::Owned(Object::from_iter([("value".to_owned(), data.clone())])),
    }
}
