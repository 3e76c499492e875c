//! What one check sends, receives and attaches, recorded as it happens, so that a check that is cut short leaves evidence too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use assay_reports::{AttachedFile, Body, CaseResult, Exchange, Message, Role, Verdict};

use futures_util::future::join_all;

use crate::Stop;
use crate::observatory::Sightings;
use crate::process::Output;
use crate::redact::Redactor;

/// So much of each body is kept when the check does not pass.
const BODY_BYTES: usize = 8 << 10;
/// So much of each body is kept when it passes.
const BODY_BYTES_OF_A_PASS: usize = 1 << 10;
/// Cutting text at a character needs to see that there is more: the longest character has four bytes.
const LOOK_AHEAD: usize = 4;
/// One attachment is cut here.
const ATTACHMENT_BYTES: usize = 1 << 20;
/// All attachments of a check together; more are left out, and the last one says so.
const ATTACHMENTS_BYTES: usize = 8 << 20;

/// The evidence of one check, in one packaging.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// When the run started: exchanges count their milliseconds from here.
    run_started: Instant,
    record: Mutex<Record>,
}

#[derive(Default, Debug)]
struct Record {
    redactor: Redactor,
    exchanges: Vec<Recorded>,
    cases: Vec<(String, Option<Result<(), Stop>>)>,
    files: Vec<(String, String, Vec<u8>)>,
    file_bytes: usize,
    outputs: Vec<Arc<Output>>,
    sightings: Vec<Arc<Sightings>>,
}

#[derive(Debug)]
struct Recorded {
    role: Role,
    label: String,
    at: Instant,
    duration_ms: f64,
    request: Captured,
    response: Option<Captured>,
    error: Option<String>,
    done: bool,
    /// Judged to be right, and one of so many that nobody will look at it.
    dropped: bool,
}

/// A message with its tokens replaced and its body cut.
#[derive(Debug)]
pub(crate) struct Captured {
    start_line: String,
    headers: Vec<(String, String)>,
    kept: Vec<u8>,
    /// Size and digest of the whole body.
    whole: Body,
}

/// How a check ended and what it leaves.
pub(crate) struct Finished {
    pub(crate) verdict: Verdict,
    pub(crate) reason: Option<String>,
    pub(crate) cases: Vec<CaseResult>,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) attachments: Vec<AttachedFile>,
}

impl Recorder {
    pub(crate) fn new(run_started: Instant, redactor: Redactor) -> Recorder {
        let record = Record { redactor, ..Record::default() };
        Recorder { run_started, record: Mutex::new(record) }
    }

    /// A check that panicked leaves its evidence whole: every change below is one push.
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns the tokens and the output of another target that the check works with.
    pub(crate) fn add_target(&self, redact: impl FnOnce(&mut Redactor), output: Arc<Output>) {
        let mut record = self.record();
        redact(&mut record.redactor);
        record.outputs.push(output);
    }

    /// Learns of what the observatory will see of the check's names.
    pub(crate) fn add_sightings(&self, sightings: Arc<Sightings>) {
        self.record().sightings.push(sightings);
    }

    /// Waits until the check's own targets are gone and what they wrote was read.
    pub(crate) async fn settled(&self) {
        let outputs = self.record().outputs.clone();
        join_all(outputs.iter().map(|output| output.drained())).await;
    }

    /// A message as the evidence keeps it.
    pub(crate) fn capture(&self, start_line: &str, headers: Vec<(String, String)>, body: &[u8]) -> Captured {
        let redactor = self.record().redactor.clone();
        // A token that starts before the cut is seen whole.
        let window = body.len().min(BODY_BYTES + LOOK_AHEAD + redactor.longest());
        let mut kept = redactor.bytes(&body[..window]);
        kept.truncate(BODY_BYTES + LOOK_AHEAD);
        Captured {
            start_line: redactor.text(start_line),
            headers: headers.into_iter().map(|(name, value)| (name, redactor.text(&value))).collect(),
            kept,
            whole: Body::capture(body, 0),
        }
    }

    /// Notes that a request goes out.
    pub(crate) fn begin(self: &Arc<Self>, role: Role, label: String, request: Captured) -> Ticket {
        let mut record = self.record();
        let label = record.redactor.text(&label);
        record.exchanges.push(Recorded {
            role,
            label,
            at: Instant::now(),
            duration_ms: 0.0,
            request,
            response: None,
            error: None,
            done: false,
            dropped: false,
        });
        Ticket { recorder: Arc::clone(self), index: record.exchanges.len() - 1 }
    }

    /// Leaves out what was answered so far.
    pub(crate) fn leave_out_earlier(&self) {
        for recorded in self.record().exchanges.iter_mut().filter(|recorded| recorded.done) {
            recorded.leave_out();
        }
    }

    /// Notes that a case begins; the number is for [`end_case`](Recorder::end_case).
    pub(crate) fn begin_case(&self, name: String) -> usize {
        let mut record = self.record();
        record.cases.push((name, None));
        record.cases.len() - 1
    }

    /// Notes how a case ended.
    pub(crate) fn end_case(&self, number: usize, end: Result<(), Stop>) {
        // The record may have been closed meanwhile: then the case never ended.
        if let Some(case) = self.record().cases.get_mut(number) {
            case.1 = Some(end);
        }
    }

    /// Keeps a file, bounded.
    pub(crate) fn attach(&self, name: String, media_type: String, mut bytes: Vec<u8>) {
        let mut record = self.record();
        let mut name = name.replace(['/', '\\'], "-");
        if record.file_bytes >= ATTACHMENTS_BYTES {
            return;
        }
        if bytes.len() > ATTACHMENT_BYTES {
            name = format!("{name} (first {ATTACHMENT_BYTES} of {} bytes)", bytes.len());
            bytes.truncate(ATTACHMENT_BYTES);
        }
        record.file_bytes += bytes.len();
        if record.file_bytes >= ATTACHMENTS_BYTES {
            name.push_str(" (later ones are left out)");
        }
        let bytes = record.redactor.bytes(&bytes);
        record.files.push((name, media_type, bytes));
    }

    /// Closes the record: the worst of the check's own end and of its cases is the verdict. `blunt` makes a PASS of everything,
    /// as if somebody had deleted the assertions. Files and the output of targets are kept only if the check does not pass.
    pub(crate) fn finish(&self, end: Result<(), Stop>, blunt: bool) -> Finished {
        let record = std::mem::take(&mut *self.record());
        let end = if blunt { Ok(()) } else { end };
        let cases: Vec<CaseResult> = record
            .cases
            .into_iter()
            .map(|(name, ended)| {
                // A case that never ended shares the fate of its check.
                let ended = if blunt { Ok(()) } else { ended.unwrap_or_else(|| end.clone()) };
                let (verdict, reason) = judged(ended, &record.redactor);
                CaseResult { name: record.redactor.text(&name), verdict, reason }
            })
            .collect();
        let (own, own_reason) = judged(end, &record.redactor);
        let verdict = cases.iter().map(|case| case.verdict).fold(own, Verdict::worst);
        let reason = if own == verdict { own_reason } else { reason_of_cases(&cases, verdict) };
        let passed = verdict == Verdict::Pass;
        let limit = if passed { BODY_BYTES_OF_A_PASS } else { BODY_BYTES };
        let exchanges = record.exchanges.into_iter().enumerate().filter(|(_, recorded)| !recorded.dropped);
        let exchanges = exchanges.map(|(index, recorded)| recorded.exchange(index, limit, self.run_started)).collect();
        let mut attachments = Vec::new();
        if !passed {
            let files = record.files.iter();
            attachments.extend(files.map(|(name, media_type, bytes)| AttachedFile::new(name, media_type, bytes)));
            for text in record.sightings.iter().filter_map(|sightings| sightings.text()) {
                let text = record.redactor.text(&text);
                attachments.push(AttachedFile::new("observatory.txt", "text/plain", text.as_bytes()));
            }
            for (number, output) in record.outputs.iter().enumerate() {
                attachments.extend(output.files(&format!("own-target-{}", number + 1), &record.redactor));
            }
        }
        Finished { verdict, reason, cases, exchanges, attachments }
    }
}

/// A request under way. Dropped before it is answered, it notes that nobody waited for the answer.
pub(crate) struct Ticket {
    recorder: Arc<Recorder>,
    index: usize,
}

impl Ticket {
    /// Notes what came back: a response, an error, or the start of a response and then an error.
    pub(crate) fn done(self, response: Option<Captured>, error: Option<String>) {
        self.close(response, error);
    }

    /// Leaves the exchange out of the evidence: it was answered, and the answer was judged to be right.
    pub(crate) fn leave_out(self) {
        let mut record = self.recorder.record();
        if let Some(recorded) = record.exchanges.get_mut(self.index) {
            recorded.leave_out();
        }
    }

    fn close(&self, response: Option<Captured>, error: Option<String>) {
        let mut record = self.recorder.record();
        let error = error.map(|error| record.redactor.text(&error));
        // The record may have been closed meanwhile: then the exchange was written down as it stood.
        if let Some(recorded) = record.exchanges.get_mut(self.index).filter(|recorded| !recorded.done) {
            recorded.duration_ms = milliseconds(recorded.at.elapsed());
            recorded.response = response;
            recorded.error = error;
            recorded.done = true;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.close(None, Some("the check did not wait for the answer".to_owned()));
    }
}

impl Recorded {
    /// Its place stays, so that the numbers of others do.
    fn leave_out(&mut self) {
        (self.done, self.dropped, self.response) = (true, true, None);
        (self.request.headers, self.request.kept) = (Vec::new(), Vec::new());
    }

    fn exchange(self, index: usize, limit: usize, run_started: Instant) -> Exchange {
        let pending = "no answer had come when the check ended".to_owned();
        Exchange {
            n: u32::try_from(index + 1).unwrap_or(u32::MAX),
            role: self.role,
            label: self.label,
            at_ms: milliseconds(self.at.saturating_duration_since(run_started)),
            duration_ms: if self.done { self.duration_ms } else { milliseconds(self.at.elapsed()) },
            request: self.request.message(limit),
            response: self.response.map(|response| response.message(limit)),
            error: if self.done { self.error } else { Some(pending) },
        }
    }
}

impl Captured {
    fn message(self, limit: usize) -> Message {
        let kept = Body::capture(&self.kept, limit);
        Message {
            start_line: self.start_line,
            headers: self.headers,
            body: Body {
                size: self.whole.size,
                digest: self.whole.digest,
                truncated: kept.truncated,
                content: kept.content,
            },
        }
    }
}

fn judged(end: Result<(), Stop>, redactor: &Redactor) -> (Verdict, Option<String>) {
    let Err(stop) = end else {
        return (Verdict::Pass, None);
    };
    let verdict = match stop {
        Stop::Fail(_) => Verdict::Fail,
        Stop::Inconclusive(_) => Verdict::Inconclusive,
        Stop::Skip(_) => Verdict::Skipped,
        Stop::Error(_) => Verdict::Error,
    };
    (verdict, Some(redactor.text(stop.reason())))
}

fn reason_of_cases(cases: &[CaseResult], verdict: Verdict) -> Option<String> {
    let mut such = cases.iter().filter(|case| case.verdict == verdict);
    let first = such.next()?;
    let reason = first.reason.as_deref().unwrap_or_default();
    let text = format!("case `{}`: {reason}", first.name);
    match such.count() {
        0 => Some(text),
        more => Some(format!("{text} (and {more} more of {} cases)", cases.len())),
    }
}

/// A duration in milliseconds, as reports state it.
pub(crate) fn milliseconds(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
