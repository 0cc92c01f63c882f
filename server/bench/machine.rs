//! The machine: its processors, its load, and the time of one flush of its disk.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use runyard::clock::Stopwatch;

use super::BenchError;
use super::measured::{histogram, nanoseconds};

/// What one flush writes: a page, like a small commit.
const PAGE: usize = 4096;
/// How long flushes are measured.
const FLUSHES: Duration = Duration::from_millis(500);

/// The machine of a figure.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Processors that this process may use.
    pub processors: usize,
    /// Runnable processes, over the last minute.
    pub load: Option<f64>,
    /// One flush of the disk, nanoseconds.
    pub flush: Histogram<u64>,
}

impl Machine {
    /// Inspects the machine, and flushes the disk of this folder.
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
    // Without a name, so that concurrent measurements do not conflict, and nothing is left of it.
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
