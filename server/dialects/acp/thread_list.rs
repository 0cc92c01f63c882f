//! The list of threads, newest first: stored threads, and threads that consist only of runs started through this API.

use std::collections::VecDeque;

use runyard_api::acp::types::{ListObject, Thread, ThreadList, ThreadStatus};
use runyard_api::host::Caller;

use super::error::of_objects;
use super::runs::LIMIT;
use super::thread_body::Body;
use super::{API, Handlers, environments};
use crate::dialects::common::refusal::Refusal;
use crate::objects::{self, Stored};
use crate::runs::threads;
use crate::store::{Cursor, Filter, RunRow};

/// The number of threads read at once.
const PAGE: usize = 100;
/// The most threads examined for one page. With a filter that matches few threads, the page ends early and says that
/// there is more.
const EXAMINED_MAX: usize = 2_000;

/// The filters of a list request.
#[derive(Debug, Clone, Default)]
pub(super) struct ThreadQuery {
    pub(super) project: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) app: Option<String>,
    pub(super) schedule: Option<String>,
    pub(super) status: Option<ThreadStatus>,
    /// Unix milliseconds.
    pub(super) created_after_ms: Option<i64>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

impl ThreadQuery {
    /// Whether no thread can match: there are no schedules, there is one environment, and deleted threads are not
    /// listed.
    fn is_unsatisfiable(&self) -> bool {
        self.schedule.is_some()
            || self.environment.as_deref().is_some_and(|id| id != environments::DEFAULT)
            || self.status == Some(ThreadStatus::Deleted)
    }

    fn fits(&self, body: &Body) -> bool {
        let is = |wanted: &Option<String>, has: &Option<String>| wanted.is_none() || wanted == has;
        !body.deleted && is(&self.project, &body.project) && is(&self.agent, &body.agent) && is(&self.app, &body.app)
    }
}

/// A page of threads.
pub(super) async fn list(handlers: &Handlers, cx: &Caller, wanted: ThreadQuery) -> Result<ThreadList, Refusal> {
    let limit = wanted.limit.unwrap_or(LIMIT);
    let mut found: Vec<Option<Thread>> = Vec::new();
    let mut examined = 0;
    let mut is_whole = wanted.is_unsatisfiable();
    let mut source = Source::new(handlers, cx, &wanted);
    while !is_whole && found.len() <= wanted.offset + limit && examined < EXAMINED_MAX {
        let Some(id) = source.next().await? else {
            is_whole = true;
            break;
        };
        examined += 1;
        let Some(id) = id else { continue };
        // Threads outside the page are examined only if a filter depends on their state.
        let on_the_page = (wanted.offset..wanted.offset + limit).contains(&found.len());
        if wanted.status.is_none() && !on_the_page {
            found.push(None);
            continue;
        }
        let look = handlers.look_at_thread(cx, &id).await?;
        let fits = |look: &super::thread_body::Look| wanted.status.is_none_or(|status| status == look.status);
        found.extend(look.filter(fits).map(|look| Some(look.thread())));
    }
    let has_more = !is_whole || found.len() > wanted.offset + limit;
    let total = i32::try_from(found.len()).ok().filter(|_| is_whole);
    let data = found.into_iter().skip(wanted.offset).take(limit).flatten().collect();
    Ok(ThreadList { object: ListObject::List, data, has_more, total_count: total })
}

/// Ids of threads from both sources, newest first.
struct Source<'a> {
    handlers: &'a Handlers,
    cx: &'a Caller,
    wanted: &'a ThreadQuery,
    stored: VecDeque<Stored<Body>>,
    after_stored: Option<objects::Cursor>,
    stored_end: bool,
    rows: VecDeque<RunRow>,
    after_row: Option<Cursor>,
    rows_end: bool,
}

impl<'a> Source<'a> {
    fn new(handlers: &'a Handlers, cx: &'a Caller, wanted: &'a ThreadQuery) -> Self {
        // A thread that consists only of runs has no project and no agent.
        let rows_end = wanted.project.is_some() || wanted.agent.is_some() || wanted.app.is_some();
        Source {
            handlers,
            cx,
            wanted,
            stored: VecDeque::new(),
            after_stored: None,
            stored_end: false,
            rows: VecDeque::new(),
            after_row: None,
            rows_end,
        }
    }

    /// The next thread: `Some(None)` if the filter excludes it, `None` at the end.
    async fn next(&mut self) -> Result<Option<Option<String>>, Refusal> {
        self.fill().await?;
        let stored_first = match (self.stored.front(), self.rows.front()) {
            (None, None) => return Ok(None),
            (Some(stored), Some(row)) => stored.created_at_ms >= row.created_at_ms,
            (stored, _) => stored.is_some(),
        };
        let is_old = |at_ms: i64| self.wanted.created_after_ms.is_some_and(|after_ms| at_ms <= after_ms);
        if stored_first {
            let stored = self.stored.pop_front();
            let fits = |stored: &Stored<Body>| !is_old(stored.created_at_ms) && self.wanted.fits(&stored.body);
            return Ok(Some(stored.filter(fits).map(|stored| stored.id)));
        }
        let row = self.rows.pop_front().filter(|row| row.turn.is_none() && !is_old(row.created_at_ms));
        let Some(row) = row else { return Ok(Some(None)) };
        let id = threads::own(row.run);
        // A thread that was changed is stored as well; the stored list has it.
        let stored: Option<Stored<Body>> = self.handlers.objects.get(&self.cx.tenant, &id).await.map_err(of_objects)?;
        Ok(Some(stored.is_none().then_some(id)))
    }

    async fn fill(&mut self) -> Result<(), Refusal> {
        let tenant = &self.cx.tenant;
        if self.stored.is_empty() && !self.stored_end {
            let page = self.handlers.objects.list::<Body>(tenant, None, self.after_stored.as_ref(), PAGE).await;
            let page = page.map_err(of_objects)?;
            self.stored_end = page.len() < PAGE;
            self.after_stored = page.last().map(Stored::cursor);
            self.stored = page.into();
        }
        if self.rows.is_empty() && !self.rows_end {
            let filter = Filter { api: Some(API.to_owned()), ..Filter::default() };
            let page = self.handlers.runs.list(tenant, &filter, self.after_row, PAGE).await?;
            self.rows_end = page.len() < PAGE;
            self.after_row = page.last().map(|row| Cursor { created_at_ms: row.created_at_ms, run: row.run });
            self.rows = page.into();
        }
        Ok(())
    }
}
