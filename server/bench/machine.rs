//! The machine that is measured on: what it has, what else is at work on it, and what one flush of its disk takes.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use runyard::clock::Stopwatch;

use super::BenchError;
use super::load::{histogram, nanoseconds};

/// What one flush writes: a page, as a small commit does.
const PAGE: usize = 4096;
/// How long flushes are measured.
const FLUSHES: Duration = Duration::from_millis(500);

/// What a figure was taken on.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Processors that this process may use.
    pub processors: usize,
    /// Processes that wanted to run, over the last minute.
    pub load: Option<f64>,
    /// One flush of the disk, nanoseconds.
    pub flush: Histogram<u64>,
}

impl Machine {
    /// Looks at the machine, and flushes the disk that this folder is on.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn look(folder: &Path) -> Result<Self, BenchError> {
        let load = std::fs::read_to_string("/proc/loadavg").ok();
        Ok(Self {
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            load: load.and_then(|text| text.split(' ').next()?.parse().ok()),
            flush: flushes(folder).map_err(BenchError::io("flush a file in the folder for measuring"))?,
        })
    }
}

fn flushes(folder: &Path) -> std::io::Result<Histogram<u64>> {
    // Without a name, so that nobody else who measures meets it, and nothing is left of it.
    let mut file = tempfile::tempfile_in(folder)?;
    let (page, mut taken, watch) = ([7; PAGE], histogram(), Stopwatch::start());
    while watch.elapsed() < FLUSHES {
        let begun = watch.elapsed();
        file.write_all(&page)?;
        file.sync_data()?;
        taken.saturating_record(nanoseconds(watch.elapsed() - begun));
    }
    Ok(taken)
}
