//! What came of the cases of a source.

use std::collections::BTreeMap;
use std::fmt;

/// Cases that were run, those that differ, and those that were not run.
#[derive(Debug)]
pub struct Report {
    /// The source.
    pub source: &'static str,
    /// How many cases were run.
    pub run: usize,
    /// Those in which the runtime says something else.
    pub differed: Vec<Difference>,
    /// How many were not run, and why.
    pub left_out: BTreeMap<String, usize>,
}

/// A case in which the runtime says something else than the vectors do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The case, by the names that the source gives.
    pub case: String,
    /// What the runtime says.
    pub says: String,
    /// The clause that wants it so; nothing if none does.
    pub clause: Option<&'static str>,
}

impl Report {
    /// A report of nothing.
    pub fn new(source: &'static str) -> Self {
        Self { source, run: 0, differed: Vec::new(), left_out: BTreeMap::new() }
    }

    /// A case in which both say the same.
    pub fn agreed(&mut self) {
        self.run += 1;
    }

    /// A case in which they do not.
    pub fn differed(&mut self, case: impl Into<String>, says: impl Into<String>, clause: Option<&'static str>) {
        self.run += 1;
        self.differed.push(Difference { case: case.into(), says: says.into(), clause });
    }

    /// A case that says nothing about the runtime.
    pub fn left_out(&mut self, why: impl Into<String>) {
        *self.left_out.entry(why.into()).or_default() += 1;
    }

    /// The differences that no clause explains.
    pub fn unexplained(&self) -> impl Iterator<Item = &Difference> {
        self.differed.iter().filter(|difference| difference.clause.is_none())
    }
}

impl fmt::Display for Report {
    /// One line of numbers, then every difference.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (run, differed, wrong) = (self.run, self.differed.len(), self.unexplained().count());
        writeln!(
            out,
            "{}: {run} run, {} agreed, {differed} differed, {wrong} unexplained",
            self.source,
            run - differed
        )?;
        for difference in &self.differed {
            let Difference { case, says, clause } = difference;
            match clause {
                Some(clause) => writeln!(out, "  {clause}: {case}: {says}")?,
                None => writeln!(out, "  UNEXPLAINED: {case}: {says}")?,
            }
        }
        for (why, cases) in &self.left_out {
            writeln!(out, "  not run: {cases} {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn counts_what_it_names() {
        let mut report = Report::new("cases");
        report.agreed();
        report.differed("a", "refused", Some("core.md 4.2"));
        report.differed("b", "accepted", None);
        report.left_out("of text");
        assert_eq!(
            report.to_string(),
            "cases: 3 run, 1 agreed, 2 differed, 1 unexplained\n  core.md 4.2: a: refused\n  UNEXPLAINED: b: accepted\n  \
             not run: 1 of text\n"
        );
    }
}
