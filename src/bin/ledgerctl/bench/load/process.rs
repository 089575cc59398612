//! What a process has used, as Linux tells it under `/proc`.

use std::fs;

/// Places of the times in user and kernel mode in `/proc/PID/stat`, counted behind the name.
const USER_TICKS_PLACE: usize = 11;
const KERNEL_TICKS_PLACE: usize = 12;

/// A look at a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sample {
    /// Processor time so far, user and kernel, of all its threads.
    pub(crate) cpu_ms: u64,
    /// Memory that is resident now.
    pub(crate) rss_bytes: u64,
    /// The most that ever was.
    pub(crate) rss_peak_bytes: u64,
}

/// This process.
pub(crate) fn own() -> Option<Sample> {
    sample("self")
}

/// Another process. None: it is gone, or this is no Linux.
pub(crate) fn of(pid: u32) -> Option<Sample> {
    sample(&pid.to_string())
}

fn sample(process: &str) -> Option<Sample> {
    let ticks = cpu_ticks(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)?;
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    Some(Sample {
        cpu_ms: ticks.saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1),
        rss_bytes: kibibytes(&status, "VmRSS:")?.saturating_mul(1024),
        rss_peak_bytes: kibibytes(&status, "VmHWM:")?.saturating_mul(1024),
    })
}

/// The name is in parentheses, and may hold anything, parentheses too.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = behind_name.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place)?.parse::<u64>().ok();
    Some(ticks(USER_TICKS_PLACE)? + ticks(KERNEL_TICKS_PLACE)?)
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "7 (a) b) (c) S 1 7 7 0 -1 4194560 100 0 0 0 41 1 0 0 20 0 9 0 5";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
    }

    #[test]
    fn memory_is_read_by_its_name() {
        let status = "VmPeak:\t  999 kB\nVmHWM:\t  300 kB\nVmRSS:\t  200 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(200));
        assert_eq!(kibibytes(status, "VmHWM:"), Some(300));
        assert_eq!(kibibytes(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_is_seen_and_one_that_cannot_be_is_not() {
        assert!(own().is_some_and(|sample| sample.rss_peak_bytes >= sample.rss_bytes));
        assert_eq!(of(u32::MAX), None);
    }
}
