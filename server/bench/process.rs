//! The cost of a process, as the system reports it. Where it does not, there are no figures.

use std::time::Duration;

/// The unit in which the system reports processor time (`USER_HZ`), the same on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// What a process has used since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usage {
    /// Processor time, in steps of 10 ms.
    pub(super) cpu: Duration,
    /// Bytes sent to a disk.
    pub(super) written: u64,
}

/// What this process has used.
pub(super) fn usage(pid: u32) -> Option<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    Some(Usage { cpu: cpu(&stat)?, written: field(&io, "write_bytes:")? })
}

/// The resident memory of this process, bytes.
pub(super) fn resident(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(field(&status, "VmRSS:")? * 1024)
}

/// Time in user and system mode (fields 14 and 15 of proc(5)). The second field is the name, which may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let mut after_name = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    let ticks: u32 = after_name.next()?.parse::<u32>().ok()? + after_name.next()?.parse::<u32>().ok()?;
    Some(TICK * ticks)
}

fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_counted_whatever_its_name() {
        let stat = "7 (a ) b (c) S 1 7 7 0 -1 4194560 180 0 0 0 150 25 0 0 20 0 4 0 100 1 2 3";
        assert_eq!(cpu(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(cpu("nothing"), None);
        assert_eq!(field("rchar: 5\nwrite_bytes: 4096\n", "write_bytes:"), Some(4096));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_there() {
        assert!(usage(std::process::id()).is_some());
        assert!(resident(std::process::id()).unwrap() > 1 << 20);
    }
}
