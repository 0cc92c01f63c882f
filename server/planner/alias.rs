//! Plans for callers of another server: a caller that names the planner by an alias gets the steps under aliases of
//! the same kind.

use runyard_engine::{NodeType, NodeTypeRef, Plan};

use crate::catalog::Catalog;

/// The plan with its node types named like the planner: `jarvis.core.uuid4` under `jarvis.composite.planner.general`,
/// in the requested version. Node types without such a name keep theirs. The same node types are performed.
pub fn in_words_of(catalog: &Catalog, planner: &NodeType, mut plan: Plan) -> Plan {
    if planner.asked.id == planner.id {
        return plan;
    }
    let family = |id: &str| id.split('.').next().unwrap_or_default().to_owned();
    let (wanted, version) = (family(&planner.asked.id), &planner.asked.version);
    let alias = |named: &NodeTypeRef| {
        let entry = catalog.entry(&named.id, &named.version)?;
        let alias = entry.aliases.iter().find(|alias| family(alias) == wanted)?;
        Some(NodeTypeRef { id: alias.clone(), version: version.clone() })
    };
    for step in &mut plan.steps {
        step.node_type.asked = alias(&step.node_type.asked).unwrap_or_else(|| step.node_type.asked.clone());
        for candidate in &mut step.candidates.candidates {
            candidate.node_type = alias(&candidate.node_type).unwrap_or_else(|| candidate.node_type.clone());
        }
    }
    plan
}
