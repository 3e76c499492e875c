//! The log of one execution (core.md, 9.10).

use crate::outcome::{Level, LogLine};

/// How many lines a log may have beyond one for each byte of its limit. The contract counts bytes
/// of messages only, so without this a handler could fill the host's memory with empty lines.
const SPARE_LINES: u64 = 1024;

/// Takes one line into a log, or drops it.
pub(crate) type LogRule = fn(&mut Log, LogLine);

/// The lines of one execution, up to a limit.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) lines: Vec<LogLine>,
    pub(crate) truncated: bool,
    bytes: u64,
    limit: u64,
    rule: LogRule,
}

impl Log {
    /// An empty log for `limit` bytes of messages.
    pub(crate) fn new(limit: u64, rule: LogRule) -> Self {
        Log { lines: Vec::new(), truncated: false, bytes: 0, limit, rule }
    }

    /// Bytes that still fit, as long as nothing was dropped.
    #[cfg(feature = "sabotage")]
    pub(crate) fn room(&self) -> Option<usize> {
        usize::try_from(self.limit - self.bytes).ok().filter(|_| !self.truncated)
    }

    /// The handler writes a line.
    pub(crate) fn write(&mut self, level: Level, message: String) {
        (self.rule)(self, LogLine { level, message });
    }

    /// Appends the line if all lines together keep the limit; otherwise drops it and all that
    /// follow.
    pub(crate) fn append_within_the_limit(&mut self, line: LogLine) {
        let bytes = self.bytes.saturating_add(line.message.len() as u64);
        let lines = self.lines.len() as u64;
        if self.truncated || bytes > self.limit || lines >= self.limit.saturating_add(SPARE_LINES) {
            self.truncated = true;
            return;
        }
        self.bytes = bytes;
        self.lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(limit: u64) -> Log {
        Log::new(limit, Log::append_within_the_limit)
    }

    #[test]
    fn keeps_lines_that_fill_the_limit_exactly() {
        let mut log = log(6);
        log.write(Level::Info, "abc".into());
        log.write(Level::Warn, "def".into());
        assert_eq!((log.lines.len(), log.truncated), (2, false));
    }

    #[test]
    fn drops_the_first_line_past_the_limit_and_all_after_it() {
        let mut log = log(4);
        log.write(Level::Info, "abc".into());
        log.write(Level::Info, "de".into());
        log.write(Level::Info, "f".into());
        assert_eq!((log.lines.len(), log.truncated), (1, true));
    }

    #[test]
    fn bounds_the_number_of_empty_lines() {
        let mut log = log(0);
        for _ in 0..2000 {
            log.write(Level::Info, String::new());
        }
        assert_eq!((log.lines.len() as u64, log.truncated), (SPARE_LINES, true));
    }
}
