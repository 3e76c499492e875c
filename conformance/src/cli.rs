//! The command line of a conformance run, shared by `assay conformance` and `cargo xtask conformance`.

use std::path::PathBuf;
use std::time::Duration;

use assay_harness::{
    Attach, AttachError, AttachOptions, Exit, Filter, Interrupt, NoMatch, Options, Session, TERMS, progress,
};
use assay_reports::WriteError;
use clap::Args;

use crate::run::{Selection, judge};
use crate::summary;

/// How to attach the target and what to run.
#[derive(Args, Clone, Debug)]
pub struct Conformance {
    /// Base URL of a target that runs already, such as http://127.0.0.1:8420
    #[arg(long, value_name = "URL", conflicts_with = "launch", help_heading = "Target")]
    pub target: Option<String>,
    /// Bearer token of the role admin, for --target
    #[arg(long, value_name = "TOKEN", env = "ASSAY_ADMIN_TOKEN", hide_env_values = true, help_heading = "Target")]
    pub admin_token: Option<String>,
    /// Bearer token of the role user, for --target
    #[arg(long, value_name = "TOKEN", env = "ASSAY_USER_TOKEN", hide_env_values = true, help_heading = "Target")]
    pub user_token: Option<String>,
    /// Command that starts the target; it gets its settings as ASSAY_* variables
    #[arg(long, value_name = "COMMAND", help_heading = "Target")]
    pub launch: Option<String>,
    /// Folder of the observatory whose settings the target was started with (see `assay env`); made if it is not there
    #[arg(long, value_name = "DIR", help_heading = "Target")]
    pub observatory: Option<PathBuf>,
    /// The target reaches other hosts through the observatory's forward proxy: with --launch it is told so by HTTPS_PROXY
    #[arg(long, help_heading = "Target")]
    pub proxy: bool,
    /// Profiles to judge, separated by commas [default: those that the target claims]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', help_heading = "Choice")]
    pub profile: Vec<String>,
    /// Checks or requirements to judge: globs separated by commas, such as core.signature.*,CORE-MOD-*
    #[arg(long, value_name = "GLOBS", help_heading = "Choice")]
    pub filter: Option<String>,
    /// Print the checks that would run, and their requirements, and end
    #[arg(long, help_heading = "Choice")]
    pub list: bool,
    /// Checks that run at once; if they are more than one, as many again that do nothing but wait
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "Run")]
    pub jobs: u16,
    /// Seconds that one check may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), help_heading = "Run")]
    pub deadline: u64,
    /// Seconds that one request may take
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=3600), help_heading = "Run")]
    pub request_timeout: u64,
    /// Seed of everything random in the checks [default: random, and in the report]
    #[arg(long, value_name = "N", help_heading = "Run")]
    pub seed: Option<u64>,
    /// Start no more checks after the first that fails
    #[arg(long, help_heading = "Run")]
    pub fail_fast: bool,
    /// Folder for report.json, junit.xml, summary.md and report.html
    #[arg(long, value_name = "DIR", default_value = "reports/out", help_heading = "Run")]
    pub out: PathBuf,
}

/// Why there is no report. The text says what to type next.
#[derive(thiserror::Error, Debug)]
pub enum Refused {
    /// The command line cannot be understood.
    #[error("{0}")]
    Usage(String),
    /// The filter matches nothing.
    #[error(transparent)]
    Filter(#[from] NoMatch),
    /// The target cannot be attached.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The reports cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl Refused {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            Refused::Usage(_) => Exit::Usage,
            Refused::Filter(_) => Exit::FilterMatchesNothing,
            Refused::Attach(fault) => fault.exit(),
            Refused::Write(_) => Exit::ReportsNotWritable,
        }
    }
}

impl Conformance {
    /// Runs, writes the reports and prints what a person wants to know. `embedded` is the command of the target that is
    /// launched when the command line names none.
    pub async fn run(self, embedded: Option<Vec<String>>) -> Exit {
        match self.attempt(embedded).await {
            Ok(exit) => exit,
            Err(refused) => {
                eprintln!("error: {refused}");
                refused.exit()
            }
        }
    }

    async fn attempt(self, embedded: Option<Vec<String>>) -> Result<Exit, Refused> {
        let selection = self.selection()?;
        if self.list {
            let all: Vec<String> = TERMS.profiles.iter().map(|profile| profile.id.clone()).collect();
            print!("{}", summary::list(&selection.plan(&all)?.0));
            return Ok(Exit::Conformant);
        }
        assay_reports::check_writable(&self.out)?;
        let attach = self.attach(embedded)?;
        let interrupt = Interrupt::on_signals()
            .map_err(|fault| AttachError::Harness(format!("signals cannot be caught: {fault}")))?;
        let options = self.options(interrupt.clone());
        let attach_options = AttachOptions {
            request_timeout: options.request_timeout,
            observatory: self.observatory.clone(),
            proxy: self.proxy,
            interrupt,
            ..AttachOptions::default()
        };
        let session = Session::attach(attach, attach_options).await?;
        let (plan, profiles) = selection.plan(&session.discovery().profiles)?;
        eprint!("{}", summary::opening(&session.target(), &profiles, plan.checks().count(), options.seed));
        let progress = progress::for_stderr();
        let report = judge(&session, &plan, profiles, &options, self.overrides(), &*progress).await;
        session.stop().await;
        let written = assay_reports::write_all(&report, &self.out)?;
        print!("{}", summary::closing(&report, &written));
        Ok(Exit::from(report.conclusion))
    }

    fn selection(&self) -> Result<Selection, Refused> {
        for profile in &self.profile {
            if !TERMS.profiles.iter().any(|known| known.id == *profile) {
                let known: Vec<&str> = TERMS.profiles.iter().map(|known| known.id.as_str()).collect();
                return Err(Refused::Usage(format!(
                    "there is no profile `{profile}`\nUse one or more of: --profile {}",
                    known.join(",")
                )));
            }
        }
        let selection = Selection { profiles: self.profile.clone(), filter: self.filter.as_deref().map(Filter::parse) };
        // A filter that matches nothing ends here, before any target is started.
        let all: Vec<String> = TERMS.profiles.iter().map(|profile| profile.id.clone()).collect();
        selection.plan(&all)?;
        Ok(selection)
    }

    fn attach(&self, embedded: Option<Vec<String>>) -> Result<Attach, Refused> {
        if let Some(target) = &self.target {
            let url = target.parse().map_err(|fault| {
                Refused::Usage(format!(
                    "`{target}` is no URL: {fault}\nGive the base URL: --target http://127.0.0.1:8420"
                ))
            })?;
            return Ok(Attach::Url { url, admin_token: self.admin_token.clone(), user_token: self.user_token.clone() });
        }
        launched(self.launch.as_deref(), embedded)
    }

    fn options(&self, interrupt: Interrupt) -> Options {
        let defaults = Options::default();
        Options {
            jobs: usize::from(self.jobs),
            deadline: Duration::from_secs(self.deadline),
            request_timeout: Duration::from_secs(self.request_timeout),
            seed: self.seed.unwrap_or(defaults.seed),
            fail_fast: self.fail_fast,
            interrupt,
            ..defaults
        }
    }

    /// Every flag that departs from the default and can change a verdict.
    fn overrides(&self) -> Vec<String> {
        let mut flags = Vec::new();
        let mut add = |set: bool, flag: String| {
            if set {
                flags.push(flag);
            }
        };
        add(self.proxy, "--proxy".to_owned());
        add(!self.profile.is_empty(), format!("--profile {}", self.profile.join(",")));
        add(self.filter.is_some(), format!("--filter {}", self.filter.as_deref().unwrap_or_default()));
        add(self.jobs != 16, format!("--jobs {}", self.jobs));
        add(self.deadline != 60, format!("--deadline {}", self.deadline));
        add(self.request_timeout != 15, format!("--request-timeout {}", self.request_timeout));
        add(self.seed.is_some(), format!("--seed {}", self.seed.unwrap_or_default()));
        add(self.fail_fast, "--fail-fast".to_owned());
        flags
    }
}

/// The command to launch: the one that was typed, else the embedded one.
pub(crate) fn launched(typed: Option<&str>, embedded: Option<Vec<String>>) -> Result<Attach, Refused> {
    let command = match typed {
        Some(text) => shell_words::split(text)
            .map_err(|fault| Refused::Usage(format!("--launch {text:?} cannot be split into words: {fault}")))?,
        None => embedded.ok_or_else(|| {
            Refused::Usage(
                "there is no target\nGive one that runs: --target URL --admin-token TOKEN --user-token TOKEN\n\
                 Or let the suite start it: --launch COMMAND"
                    .to_owned(),
            )
        })?,
    };
    if command.is_empty() {
        return Err(Refused::Usage("--launch needs a command".to_owned()));
    }
    Ok(Attach::Launch { command, env: Vec::new() })
}
