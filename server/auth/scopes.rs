//! The scope of each operation: one rule for all documents, and the exceptions by name.

use runyard_api::host::Operation;

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read.
    Read,
    /// Start or change something.
    Write,
    /// Create, list and revoke API keys of the caller's tenant.
    Admin,
}

/// The scope of the data folder's owner: the keys of every tenant. No key and no token has it.
pub const OWNER: &str = "owner";

/// Operations that manage keys. A caller without a credential could give itself permanent access, so these require one
/// even if authentication is disabled.
const KEY_OPERATIONS: [(&str, &str); 3] =
    [("runyard", "create_key"), ("runyard", "list_keys"), ("runyard", "revoke_key")];

impl Scope {
    /// Every scope that a key can have.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// The scope's name.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "runs:read",
            Self::Write => "runs:write",
            Self::Admin => "admin",
        }
    }

    /// Parses a name. Any other text is `None`.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }

    /// Whether an operation with this scope requires a credential whatever the mode of its API.
    pub(super) fn always_needs_credential(self) -> bool {
        self == Self::Admin
    }
}

/// The scope that an operation of a document needs: GET needs `read`, everything else `write`.
pub(super) fn needed(document: &str, operation: &Operation) -> Scope {
    if KEY_OPERATIONS.contains(&(document, operation.id)) {
        return Scope::Admin;
    }
    if operation.method == "GET" { Scope::Read } else { Scope::Write }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_needs_more_than_the_right_to_read() {
        let mut table = String::new();
        for (document, _) in runyard_api::DOCUMENTS {
            for operation in document.operations.iter().filter(|operation| operation.secured) {
                let scope = needed(document.name, operation);
                // The rule of the method: a new read operation needs no line here.
                if scope == Scope::Read {
                    assert_eq!(operation.method, "GET", "{}", operation.id);
                } else {
                    table.push_str(&format!("{} {} {}\n", scope.word(), document.name, operation.id));
                }
            }
        }
        insta::assert_snapshot!(table, @r"
        runs:write run-gateway start_run
        runs:write run-gateway cancel_run
        runs:write run-coordinator start_run
        runs:write run-coordinator cancel_run
        runs:write run-coordinator create_node_runs
        runs:write run-coordinator report_node_run_evaluation
        runs:write run-coordinator complete_node_run
        runs:write runtime create_run
        runs:write runtime cancel_run
        runs:write toolregistry RunController_createRun
        runs:write toolregistry RunController_decideApproval
        runs:write toolregistry RunController_abortRun
        runs:write acp start_server_run
        runs:write acp send_server_run_input
        runs:write acp cancel_server_run
        runs:write acp start_connected_run
        runs:write acp send_connected_run_input
        runs:write acp cancel_connected_run
        runs:write acp start_runtime_run
        runs:write acp send_runtime_run_input
        runs:write acp cancel_runtime_run
        runs:write acp create_server
        runs:write acp update_server
        runs:write acp delete_server
        runs:write acp create_agent_runtime
        runs:write acp update_agent_runtime
        runs:write acp delete_agent_runtime
        runs:write acp create_thread
        runs:write acp search_threads
        runs:write acp update_thread
        runs:write acp delete_thread
        runs:write acp send_thread_message
        runs:write acp cancel_thread
        runs:write acp decide_permission_request
        runs:write acp resume_thread
        runs:write acp copy_thread
        runs:write acp steer_thread_run
        runs:write acp control_thread_run
        runs:write acp create_environment
        runs:write acp set_default_environment
        runs:write acp deploy_agent_runtime
        runs:write acp decommission_agent_runtime
        runs:write cargo create_run
        runs:write cargo list_runs
        runs:write cargo count_runs
        runs:write cargo cancel_runs
        runs:write cargo get_run_metrics
        runs:write cargo download_runs
        runs:write cargo download_run_outputs
        runs:write cargo create_batch
        runs:write cargo cancel_batch
        runs:write cargo preview_batch
        runs:write cargo download_batch
        runs:write cargo execute_action
        runs:write cargo execute_action_batch
        runs:write cargo get_action_output_schema
        runs:write cargo create_tool
        runs:write cargo update_tool
        runs:write cargo delete_tool
        runs:write cargo create_play
        runs:write cargo update_play
        runs:write cargo delete_play
        runs:write cargo update_draft_release
        runs:write cargo deploy_draft_release
        runs:write cargo validate_nodes
        runs:write cargo compute_node
        runs:write cargo execute_node
        runs:write cargo list_records
        runs:write cargo count_records
        runs:write cargo download_records
        runs:write cargo download_record_outputs
        runs:write cargo get_record_metrics
        runs:write cargo cancel_records
        runs:write cargo list_spans
        runs:write cargo count_spans
        runs:write cargo list_traces
        runs:write cargo count_traces
        runs:write cargo query
        runs:write cargo list_templates
        runs:write cargo evaluate_expression
        runs:write runyard start_run
        runs:write runyard cancel_run
        runs:write runyard deliver_input
        runs:write runyard pause_run
        runs:write runyard resume_run
        runs:write runyard decide_approval
        admin runyard list_keys
        admin runyard create_key
        admin runyard revoke_key
        ");
    }

    #[test]
    fn operations_that_always_need_a_credential_are_those_of_their_document() {
        for (document, _) in runyard_api::DOCUMENTS {
            let full: serde_json::Value = serde_json::from_str(document.full_json).expect("a document is JSON");
            for operation in document.operations.iter().filter(|operation| operation.secured) {
                let said = &full["paths"][operation.path][operation.method.to_lowercase()]["x-runyard-scope"];
                let scope = needed(document.name, operation);
                assert_eq!(said.as_str(), scope.always_needs_credential().then_some(scope.word()), "{}", operation.id);
            }
        }
    }

    #[test]
    fn open_operations_reveal_nothing_about_tenants() {
        for (document, _) in runyard_api::DOCUMENTS {
            let open: Vec<_> = document.operations.iter().filter(|one| !one.secured).map(|one| one.id).collect();
            let of_ours = ["health", "version"];
            // Some vendors have no such operations.
            let expected = match document.name {
                "toolregistry" | "cargo" => &[][..],
                "acp" => &of_ours[..1],
                _ => &of_ours[..],
            };
            assert_eq!(open, expected, "{}", document.name);
        }
    }

    #[test]
    fn names_are_parsed_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_word(scope.word()), Some(scope));
        }
        assert_eq!(Scope::from_word(OWNER), None, "no key can have it");
    }
}
