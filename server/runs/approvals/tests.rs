//! Approvals through the facade: found by id, decided once, by any caller with the right or by a token.

use runyard_engine::{ApprovalId, ApprovalStrategy, RunOutcome, RunStatus, Verdict};
use serde_json::json;

use super::*;
use crate::clock::Clock;
use crate::runs::NewRun;
use crate::runs::fixture::{Fixture, InterferingStore, NOW_MS, TENANT, new_run};
use crate::store::StoreError;

/// A run with a call that needs an approval.
async fn asked(fixture: &Fixture) -> (RunId, ApprovalId) {
    let new =
        NewRun { approval: ApprovalStrategy::OnToolCall, ..new_run("runyard.core.echo", json!({ "echo": "hi" })) };
    let state = fixture.runs.start(TENANT, new).await.unwrap().state;
    assert_eq!(state.status, RunStatus::Waiting);
    (state.run, *state.approvals.keys().next().unwrap())
}

fn said(verdict: Verdict) -> ApprovalDecision {
    ApprovalDecision { verdict, by: Some("ada".to_owned()), comment: Some("as agreed".to_owned()), inputs: None }
}

#[tokio::test]
async fn an_approval_request_is_listed_until_it_is_decided() {
    let fixture = Fixture::new();
    let (run, approval) = asked(&fixture).await;
    let pending = ApprovalFilter { run: None, statuses: vec![ApprovalStatus::Pending] };
    let [row] = &fixture.runs.approvals(TENANT, &pending, None, 9).await.unwrap()[..] else { panic!() };
    assert_eq!((row.approval, row.run, row.subject, row.asked_at_ms), (approval, run, Subject::NodeRun, NOW_MS));
    assert_eq!((row.node_type.as_str(), row.ended_at_ms), ("runyard.core.echo", None));

    let decided = fixture.runs.decide(TENANT, approval, said(Verdict::Approved)).await.unwrap();
    assert_eq!((decided.state.status, decided.already), (RunStatus::Running, false));
    assert!(fixture.runs.approvals(TENANT, &pending, None, 9).await.unwrap().is_empty());
    let [row] = &fixture.runs.approvals(TENANT, &ApprovalFilter::default(), None, 9).await.unwrap()[..] else {
        panic!()
    };
    assert_eq!((row.status, row.by.as_deref(), row.ended_at_ms), (ApprovalStatus::Approved, Some("ada"), Some(NOW_MS)));
    let (state, found) = fixture.runs.approval(TENANT, &approval.to_string()).await.unwrap();
    assert_eq!((state.run, found), (run, approval));
}

#[tokio::test]
async fn the_same_decision_again_is_answered_and_the_opposite_is_refused() {
    let fixture = Fixture::new();
    let (_, approval) = asked(&fixture).await;
    let denied = fixture.runs.decide(TENANT, approval, said(Verdict::Denied)).await.unwrap();
    assert_eq!(denied.state.status, RunStatus::Final(RunOutcome::Canceled));
    let again = fixture.runs.decide(TENANT, approval, said(Verdict::Denied)).await.unwrap();
    assert_eq!((again.already, again.state.version), (true, denied.state.version));
    assert!(matches!(fixture.runs.decide(TENANT, approval, said(Verdict::Approved)).await, Err(Error::Rejected(_))));
}

#[tokio::test]
async fn a_token_decides_once_however_the_approval_was_decided_before() {
    let fixture = Fixture::new();
    let (run, approval) = asked(&fixture).await;
    let token = |verdict| fixture.runs.decision_token(TENANT, run, approval, verdict);
    let (approve, deny) = (token(Verdict::Approved), token(Verdict::Denied));
    let decided = fixture.runs.redeem(&approve, None, Some("link".to_owned())).await.unwrap();
    assert_eq!((decided.approval, decided.already), (approval, false));
    assert!(matches!(fixture.runs.redeem(&approve, None, None).await, Err(Error::UsedToken)));
    assert!(matches!(fixture.runs.redeem(&deny, None, None).await, Err(Error::Rejected(_))));

    let (run, approval) = asked(&fixture).await;
    fixture.runs.decide(TENANT, approval, said(Verdict::Approved)).await.unwrap();
    let token = fixture.runs.decision_token(TENANT, run, approval, Verdict::Approved);
    assert!(matches!(fixture.runs.redeem(&token, None, None).await, Err(Error::UsedToken)));
}

#[tokio::test]
async fn a_token_is_valid_for_its_tenant_alone() {
    let fixture = Fixture::new();
    let (run, approval) = asked(&fixture).await;
    let mine = fixture.runs.decision_token(TENANT, run, approval, Verdict::Approved);
    assert!(matches!(fixture.runs.redeem(&mine, Some("other"), None).await, Err(Error::InvalidToken)));
    assert!(matches!(fixture.runs.redeem("rubbish", None, None).await, Err(Error::InvalidToken)));
    // Genuine tokens for a run that does not exist: made for another tenant, or before the data was replaced.
    let theirs = fixture.runs.decision_token("other", run, approval, Verdict::Approved);
    assert!(matches!(fixture.runs.redeem(&theirs, None, None).await, Err(Error::InvalidToken)));
    assert!(fixture.runs.redeem(&mine, Some(TENANT), None).await.is_ok());
}

#[tokio::test]
async fn an_approval_of_another_tenant_is_not_found() {
    let fixture = Fixture::new();
    let (_, approval) = asked(&fixture).await;
    let foreign = fixture.runs.decide("other", approval, said(Verdict::Approved)).await;
    assert!(matches!(foreign, Err(Error::UnknownApproval(_))));
    assert!(matches!(fixture.runs.approval("other", &approval.to_string()).await, Err(Error::UnknownApproval(_))));
    assert!(matches!(fixture.runs.approval(TENANT, "approval_7").await, Err(Error::UnknownApproval(_))));
}

#[tokio::test]
async fn an_approval_request_lapses_when_its_run_is_canceled() {
    let fixture = Fixture::new();
    let (run, approval) = asked(&fixture).await;
    fixture.runs.submit(TENANT, run, Command::Cancel { reason: None }).await.unwrap();
    let lapsed = ApprovalFilter { run: Some(run), statuses: vec![ApprovalStatus::Lapsed] };
    let rows = fixture.runs.approvals(TENANT, &lapsed, None, 9).await.unwrap();
    assert_eq!(rows.iter().map(|row| (row.approval, row.ended_at_ms)).collect::<Vec<_>>(), [(approval, Some(NOW_MS))]);
    assert!(matches!(fixture.runs.decide(TENANT, approval, said(Verdict::Approved)).await, Err(Error::Rejected(_))));
}

/// Two servers over one store get the same decision: one decides, and the other says that it had been decided.
#[tokio::test]
async fn of_two_servers_with_the_same_decision_one_decides() {
    let store = InterferingStore::new();
    let clock = Clock::manual(NOW_MS);
    let first = Fixture::over(store.clone(), clock.clone());
    let second = Fixture::over(store.inner.clone(), clock);
    let (run, approval) = asked(&first).await;
    let token = first.runs.decision_token(TENANT, run, approval, Verdict::Approved);
    // The second server decides between the first one's decision and its commit.
    let (other, same) = (second.runs.clone(), token.clone());
    store.next(async move {
        other.redeem(&same, None, None).await.unwrap();
        None::<StoreError>
    });
    assert!(matches!(first.runs.redeem(&token, None, None).await, Err(Error::UsedToken)));
    assert!(matches!(second.runs.redeem(&token, None, None).await, Err(Error::UsedToken)));
}
