//! What cargo-llvm-cov writes as LCOV: for each file its lines with code, and how often each was reached.

use std::collections::BTreeMap;
use std::path::Path;

/// A file with code in it.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below the folder that was asked for.
    pub name: String,
    /// Lines with code, and whether they were reached.
    pub lines: BTreeMap<u32, bool>,
}

/// The files below a folder, by name.
pub fn read(report: &str, folder: &Path) -> Vec<File> {
    let mut files: BTreeMap<String, BTreeMap<u32, bool>> = BTreeMap::new();
    let mut at: Option<String> = None;
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            at = Path::new(path).strip_prefix(folder).ok().map(|below| below.display().to_string());
        } else if let (Some(name), Some(count)) = (&at, line.strip_prefix("DA:").and_then(count)) {
            *files.entry(name.clone()).or_default().entry(count.0).or_default() |= count.1 > 0;
        }
    }
    files.into_iter().map(|(name, lines)| File { name, lines }).collect()
}

/// `LINE,COUNT`.
fn count(text: &str) -> Option<(u32, u64)> {
    let mut parts = text.split(',');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Whether so many of all are as many percent at least. Nothing of nothing is too little.
pub fn suffice(reached: usize, all: usize, percent: u64) -> bool {
    all > 0 && reached as u64 * 100 >= all as u64 * percent
}

impl File {
    /// How many lines were reached.
    pub fn reached(&self) -> usize {
        self.lines.values().filter(|reached| **reached).count()
    }

    /// The lines that were not, with neighbours drawn together.
    pub fn missed(&self) -> String {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for line in self.lines.iter().filter(|(_, reached)| !**reached).map(|(line, _)| *line) {
            match runs.last_mut() {
                Some((_, end)) if *end + 1 == line => *end = line,
                _ => runs.push((line, line)),
            }
        }
        let run = |(start, end)| if start == end { format!("{start}") } else { format!("{start}-{end}") };
        runs.into_iter().map(run).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "SF:/a/src/x.rs\nFN:1,f\nDA:1,3\nDA:2,0\nDA:3,0\nDA:5,0\nDA:6,1\nend_of_record\n\
                          SF:/b/src/y.rs\nDA:1,0\nend_of_record\n";

    #[test]
    fn lines_are_read_of_the_files_below_the_folder_alone() {
        let files = read(REPORT, Path::new("/a/src"));
        assert_eq!(files.len(), 1);
        assert_eq!((files[0].name.as_str(), files[0].lines.len(), files[0].reached()), ("x.rs", 5, 2));
        assert_eq!(files[0].missed(), "2-3 5");
    }

    #[test]
    fn one_line_too_few_does_not_suffice() {
        assert!(suffice(90, 100, 90) && !suffice(89, 100, 90));
        assert!(!suffice(8_999, 10_000, 90) && !suffice(0, 0, 90));
    }
}
