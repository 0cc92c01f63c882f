//! The jobs that wait for the writer. Batches are taken in turns of the tenants, so that the entry of a tenant with few
//! does not wait behind all entries of a tenant with many.
//!
//! A batch ends at a number of entries and at a number of bytes: every entry in it is answered when the last one is
//! durable. Jobs of one tenant keep their order. Jobs without a tenant have a turn of their own.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::Receiver;

use super::job::Job;

/// The largest batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchMax {
    pub entries: usize,
    pub bytes: usize,
}

/// The receiving end of the writer's queue.
pub(super) struct Inbox {
    jobs: Receiver<Job>,
    waiting: BTreeMap<String, VecDeque<Job>>,
    /// The tenants with waiting jobs, the next one first.
    order: VecDeque<String>,
}

impl Inbox {
    pub(super) fn new(jobs: Receiver<Job>) -> Self {
        Inbox { jobs, waiting: BTreeMap::new(), order: VecDeque::new() }
    }

    /// The next batch, at least one job; `None` when the queue is dropped and empty.
    pub(super) fn batch(&mut self, most: BatchMax) -> Option<Vec<Job>> {
        if self.order.is_empty() {
            let first = self.jobs.recv().ok()?;
            self.sort_in(first);
        }
        while let Ok(job) = self.jobs.try_recv() {
            self.sort_in(job);
        }
        let (mut batch, mut entries, mut bytes) = (Vec::new(), 0, 0);
        while (batch.is_empty() || (entries < most.entries && bytes < most.bytes))
            && let Some(job) = self.next()
        {
            entries += job.entries();
            bytes += job.bytes();
            batch.push(job);
        }
        Some(batch)
    }

    fn sort_in(&mut self, job: Job) {
        let tenant = job.tenant();
        if let Some(jobs) = self.waiting.get_mut(tenant) {
            jobs.push_back(job);
            return;
        }
        let tenant = tenant.to_owned();
        self.order.push_back(tenant.clone());
        self.waiting.insert(tenant, VecDeque::from([job]));
    }

    /// The first job of the tenant whose turn it is.
    fn next(&mut self) -> Option<Job> {
        let tenant = self.order.pop_front()?;
        let jobs = self.waiting.get_mut(&tenant)?;
        let job = jobs.pop_front();
        if jobs.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.order.push_back(tenant);
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use tokio::sync::oneshot;

    use super::*;
    use crate::conformance::fixture::start;
    use crate::sqlite::prepared::PreparedAppend;

    fn commit(tenant: &str, number: u128) -> Job {
        let (answer, _) = oneshot::channel();
        Job::Commit(vec![PreparedAppend::new(start(number).tenant(tenant).0).unwrap()], answer)
    }

    fn tenants(batch: &[Job]) -> Vec<&str> {
        batch.iter().map(Job::tenant).collect()
    }

    #[test]
    fn a_tenant_with_one_job_is_served_in_the_first_batch_beside_a_flood() {
        let (jobs, receiver) = channel();
        let mut inbox = Inbox::new(receiver);
        (0..6).for_each(|number| jobs.send(commit("flood", number)).unwrap());
        jobs.send(commit("quiet", 9)).unwrap();
        let most = BatchMax { entries: 3, bytes: usize::MAX };
        assert_eq!(tenants(&inbox.batch(most).unwrap()), ["flood", "quiet", "flood"]);
        jobs.send(commit("quiet", 9)).unwrap();
        assert_eq!(tenants(&inbox.batch(most).unwrap()), ["flood", "quiet", "flood"]);
        drop(jobs);
        assert_eq!(tenants(&inbox.batch(most).unwrap()), ["flood", "flood"]);
        assert!(inbox.batch(most).is_none());
    }

    #[test]
    fn a_batch_ends_at_its_bytes_and_has_one_job_at_least() {
        let (jobs, receiver) = channel();
        let mut inbox = Inbox::new(receiver);
        (0..3).for_each(|number| jobs.send(commit("a", number)).unwrap());
        let bytes = commit("a", 0).bytes();
        assert_eq!(inbox.batch(BatchMax { entries: 9, bytes: 0 }).unwrap().len(), 1);
        assert_eq!(inbox.batch(BatchMax { entries: 9, bytes: bytes + 1 }).unwrap().len(), 2);
    }
}
