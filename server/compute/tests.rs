//! Tests of the compute pool: round robin over the tenants, stuck threads that free their place, and deadlines.

use std::sync::mpsc;
use std::time::Duration;

use super::*;

#[tokio::test]
async fn turns_go_round_the_tenants_and_in_order_within_one() {
    let semaphore = FairSemaphore::new(1, 1, 100);
    let first = semaphore.acquire("flood").await.unwrap();
    let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
    let mut tasks = Vec::new();
    for (tenant, number) in [("flood", 1), ("flood", 2), ("flood", 3), ("quiet", 4), ("other", 5), ("other", 6)] {
        let (semaphore, sender) = (semaphore.clone(), sender.clone());
        let before = waiting_requests(&semaphore);
        let waiting = semaphore.clone();
        tasks.push(tokio::spawn(async move {
            let permit = semaphore.acquire(tenant).await.unwrap();
            sender.send(number).unwrap();
            drop(permit);
        }));
        while waiting_requests(&waiting) == before {
            tokio::task::yield_now().await;
        }
    }
    drop(first);
    for task in tasks {
        task.await.unwrap();
    }
    let mut seen = Vec::new();
    while let Ok(number) = order.try_recv() {
        seen.push(number);
    }
    assert_eq!(seen, [1, 4, 5, 2, 6, 3]);
}

fn waiting_requests(semaphore: &FairSemaphore) -> usize {
    ["flood", "quiet", "other"].iter().map(|tenant| semaphore.waiting(tenant)).sum()
}

#[tokio::test]
async fn one_tenant_never_holds_every_place_and_waits_only_so_long_a_line() {
    let semaphore = FairSemaphore::new(3, 2, 1);
    let (_one, two) = (semaphore.acquire("flood").await.unwrap(), semaphore.acquire("flood").await.unwrap());
    let (third, turns_too) = (
        tokio::spawn({
            let semaphore = semaphore.clone();
            async move { semaphore.acquire("flood").await }
        }),
        semaphore.clone(),
    );
    while turns_too.waiting("flood") == 0 {
        tokio::task::yield_now().await;
    }
    assert!(semaphore.acquire("flood").await.is_err(), "one waits already");
    let quiet = semaphore.acquire("quiet").await.unwrap();
    drop(quiet);
    assert!(!third.is_finished(), "a place is free, and it is not this tenant's");
    drop(two);
    assert!(third.await.unwrap().is_ok());
}

#[tokio::test]
async fn who_stops_waiting_leaves_the_line_and_loses_no_place() {
    let semaphore = FairSemaphore::new(1, 1, 10);
    let held = semaphore.acquire("a").await.unwrap();
    let mut waiting = Box::pin(semaphore.acquire("a"));
    assert!(futures::poll!(&mut waiting).is_pending());
    // It got its permit, and was dropped before it received it.
    drop(held);
    drop(waiting);
    drop(semaphore.acquire("b").await.unwrap());
    let held = semaphore.acquire("b").await.unwrap();
    let mut waiting = Box::pin(semaphore.acquire("a"));
    assert!(futures::poll!(&mut waiting).is_pending());
    drop(waiting);
    drop(held);
    drop(semaphore.acquire("a").await.unwrap());
}

#[tokio::test]
async fn work_past_its_deadline_is_refused_and_others_go_on() {
    let clock = Clock::manual(0);
    let compute = Compute::new(1, 10, Duration::from_millis(1_000), clock.clone());
    let (go, wait) = mpsc::channel::<()>();
    let mut stuck = Box::pin(compute.run("a", move || wait.recv()));
    assert!(futures::poll!(&mut stuck).is_pending());
    clock.advance(Duration::from_millis(1_001));
    assert_eq!(stuck.await.unwrap_err(), Refused::TookTooLong);
    // Its thread is still running, but its place is free again.
    assert_eq!(compute.run("a", || 7).await, Ok(7));
    assert_eq!(compute.run("a", || 8).await, Ok(8));
    go.send(()).unwrap();
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_free_a_place_that_is_at_work() {
    let compute = Compute::new(1, 0, Duration::from_millis(60_000), Clock::system());
    let (go, wait) = mpsc::channel::<()>();
    let mut left = Box::pin(compute.run("a", move || wait.recv()));
    assert!(futures::poll!(&mut left).is_pending());
    drop(left);
    assert_eq!(compute.run("a", || 7).await, Err(Refused::Busy));
    go.send(()).unwrap();
}

#[tokio::test]
async fn a_panic_is_the_callers_and_the_thread_goes_on() {
    let compute = Compute::new(1, 10, Duration::from_millis(60_000), Clock::system());
    let other = compute.clone();
    let panicked = tokio::spawn(async move { assert_eq!(other.run("a", || panic!("in here")).await, Ok(())) }).await;
    assert!(panicked.unwrap_err().is_panic());
    assert_eq!(compute.run("a", || 7).await, Ok(7));
}
