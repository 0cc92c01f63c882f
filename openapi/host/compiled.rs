//! Operations with the compiled schemas of their requests.

use std::sync::Arc;

use super::answers::Lately;
use super::ignored::KnownFields;
use super::parameters::CompiledParameter;
use super::styles::Shape;
use super::validate::Compiled;
use super::{BodyRule, Operation};

/// One operation with the compiled schemas of its requests.
#[derive(Debug)]
pub(super) struct CompiledOperation {
    pub(super) operation: &'static Operation,
    pub(super) parameters: Vec<CompiledParameter>,
    pub(super) body: Option<CompiledBody>,
    pub(super) lately: Lately,
}

impl CompiledOperation {
    /// Whether it takes constant time and memory and so needs no slot: health and readiness are answered even under
    /// full load.
    pub(super) fn is_cheap(&self) -> bool {
        let Operation { secured, streams, method, parameters, body, .. } = self.operation;
        !secured && !streams && *method == "GET" && parameters.is_empty() && *body == BodyRule::None
    }
}

/// The compiled schema and the rule of a body.
#[derive(Debug)]
pub(super) struct CompiledBody {
    pub(super) rule: BodyRule,
    pub(super) shape: Shape,
    pub(super) schema: Arc<Compiled>,
    pub(super) known: KnownFields,
}
