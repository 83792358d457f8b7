//! Measures the gateway's processes from outside, and prints ratios taken in one run.
//!
//! Each section starts what it needs (servers, the simulator, real child processes), measures for a bounded time and
//! prints a table in Markdown. `RESULTS.md` keeps figures with their conditions; `README.md` says what each means.
//!
//! To add a section: a file with `run(&Bench) -> Outcome<()>`, and a line in [`Section`] and [`run`].

mod abuse;
mod audit;
mod child;
mod copies;
mod drain;
mod export;
mod http;
mod latency;
mod load;
mod machine;
mod plain;
mod raw;
mod reads;
mod rebuild;
mod stack;
mod start;
mod submit;
mod table;
mod takeover;
mod tree;
mod webhooks;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// What a measurement may fail with; it ends the run.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Submission until 202, against raw inserts of the same rows
    Submit,
    /// Submission until the end of the job on an idle store, beyond its requests to Order Desk
    Latency,
    /// Start until ready, and memory
    Start,
    /// Drain of a backlog: requests per change and time
    Drain,
    /// Cached reads and jobs against /health, and a warm log-in
    Reads,
    /// Take-over after the death of a worker
    Takeover,
    /// Good requests beside 1,000 slow clients and 200 bad requests a second
    Abuse,
    /// The log of 5 million events: pages of the audit, exports, the head of the tree
    Audit,
    /// The views of 5 million events anew
    Rebuild,
    /// Dispatch of webhooks, and their delay beside a dead endpoint
    Webhooks,
    /// All of them
    All,
}

/// Measures the gateway; needs its release binaries beside its own.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// What to measure
    section: Section,
    /// Seconds per figure of the load
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Only rows of `submit`, and deployments of `audit`, `rebuild` and `webhooks`, whose name contains this text
    #[arg(long, default_value = "")]
    only: String,
    /// A running PostgreSQL whose user may create databases; without it a private one that does not flush to disk
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Events of the log of `audit` and of `rebuild`, which is loaded once for each
    #[arg(long, default_value_t = 5_000_000)]
    events: u64,
    /// Where the gateway's binaries are; by default beside this one
    #[arg(long)]
    bin_dir: Option<PathBuf>,
}

/// What all sections share.
struct Bench {
    window: Duration,
    only: String,
    postgres: Option<String>,
    events: u64,
    bin_dir: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn perform(arguments: Arguments) -> Outcome<()> {
    let beside = std::env::current_exe()?.parent().map(PathBuf::from);
    let bench = Bench {
        window: Duration::from_secs(arguments.seconds.clamp(1, 60)),
        only: arguments.only,
        postgres: arguments.postgres,
        events: arguments.events,
        bin_dir: arguments.bin_dir.or(beside).ok_or("no folder of binaries")?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        println!("{}\n", machine::describe()?);
        run(&bench, arguments.section).await
    })
}

async fn run(bench: &Bench, section: Section) -> Outcome<()> {
    let wanted = |this| section == this || section == Section::All;
    if wanted(Section::Start) {
        start::run(bench).await?;
    }
    if wanted(Section::Latency) {
        latency::run(bench).await?;
    }
    if wanted(Section::Submit) {
        submit::run(bench).await?;
    }
    if wanted(Section::Reads) {
        reads::run(bench).await?;
    }
    if wanted(Section::Drain) {
        drain::run(bench).await?;
    }
    if wanted(Section::Abuse) {
        abuse::run(bench).await?;
    }
    if wanted(Section::Audit) {
        audit::run(bench).await?;
    }
    if wanted(Section::Rebuild) {
        rebuild::run(bench).await?;
    }
    if wanted(Section::Takeover) {
        takeover::run(bench).await?;
    }
    if wanted(Section::Webhooks) {
        webhooks::run(bench).await?;
    }
    Ok(())
}
