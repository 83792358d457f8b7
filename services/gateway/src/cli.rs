//! The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use runtime::config::{ConfigError, Database, Source};
use runtime::telemetry::trace::Traces;
use runtime::{Config, Lifecycle, Signals, telemetry};

use crate::demo;
use crate::error::StartError;
use crate::node::{Node, Role, install_tls};
use crate::root::Rotation;
use crate::verify::VerifyLog;
use crate::{healthcheck, metric, open, restore, root, verify};

/// How long the end of a process waits for its last spans to be sent.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// The gateway in front of the Order Desk API. Configured by environment variables; see the README.
#[derive(Debug, Parser)]
#[command(name = "orderdesk-gateway", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Run everything in one process (the default)
    Serve,
    /// Run the HTTP service only; needs PostgreSQL and NATS
    Api,
    /// Run the worker only; needs PostgreSQL and NATS
    Worker,
    /// Show the main job against a simulated Order Desk, with throw-away keys and data
    Demo {
        /// Stop after the demonstration instead of staying up
        #[arg(long)]
        exit: bool,
    },
    /// Bring the database's schema up to this program's
    Migrate {
        /// The database was restored from a backup: begin a new generation, and let nothing of the lost one happen twice
        #[arg(long)]
        restored: bool,
    },
    /// Print the configuration in effect, without secrets, and say whether it is good
    CheckConfig,
    /// Wrap the root key, which `MCP_KMS_KEY_PREVIOUS` opens, with `MCP_KMS_KEY`; programs that run go on
    RotateKms,
    /// Make the views anew from the log; programs that run go on
    Rebuild,
    /// Verify the log, or an export of it, and name the first position that is not what was signed
    VerifyLog(Box<VerifyLog>),
    /// Ask the process on this machine whether it is healthy
    Healthcheck {
        /// Ask the worker's port instead of the HTTP service's; a link called orderdesk-worker does so anyway
        #[arg(long)]
        worker: bool,
        /// Ask this address, without reading the configuration
        #[arg(long, conflicts_with = "worker")]
        url: Option<String>,
    },
}

/// Runs the program; `role` is what it does when no command is given. A name such as `orderdesk-worker` of a link to it
/// overrules `role`; under the name `orderdesk-simulator` it is that program.
pub fn main_as(role: Role) -> ExitCode {
    let name = called_as();
    if name.as_deref() == Some("orderdesk-simulator") {
        return run(async { Ok(simulator::program::main().await) });
    }
    let role = match name.as_deref() {
        Some("orderdesk-api") => Role::Api,
        Some("orderdesk-worker") => Role::Worker,
        _ => role,
    };
    let command = Arguments::parse().command.unwrap_or(match role {
        Role::All => Command::Serve,
        Role::Api => Command::Api,
        Role::Worker => Command::Worker,
    });
    run(perform(command, role))
}

fn run(program: impl Future<Output = Result<ExitCode, StartError>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&StartError::failed("the runtime cannot be started", error)),
    };
    runtime.block_on(program).unwrap_or_else(|error| refuse(&error))
}

/// The name of the file, or of the link to it, that was started.
fn called_as() -> Option<String> {
    let path = std::env::args_os().next()?;
    Some(Path::new(&path).file_name()?.to_str()?.to_owned())
}

fn refuse(error: &StartError) -> ExitCode {
    eprintln!("orderdesk-gateway: {error}");
    ExitCode::from(error.exit_code())
}

fn load() -> Result<Config, ConfigError> {
    Config::load(&Source::from_process()?)
}

/// Prints what is in effect, or one line for each error; exit code 2 then.
fn check_config(source: &Source) -> ExitCode {
    let report = Config::report(source);
    for warning in &report.warnings {
        eprintln!("orderdesk-gateway: warning: {warning}");
    }
    if !report.errors.is_empty() {
        for error in report.errors {
            refuse(&StartError::Config(error));
        }
        return ExitCode::from(2);
    }
    for setting in &report.settings {
        println!("{setting}");
    }
    println!("the configuration is good");
    ExitCode::SUCCESS
}

async fn perform(command: Command, role: Role) -> Result<ExitCode, StartError> {
    match command {
        Command::Serve => serve(Role::All).await,
        Command::Api => serve(Role::Api).await,
        Command::Worker => serve(Role::Worker).await,
        Command::Demo { exit } => demo::run(exit).await,
        Command::Migrate { restored } => {
            let config = load()?;
            open::migrate(&config).await?;
            println!("the schema is up to date");
            if restored {
                restore::run(&config).await?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::CheckConfig => Ok(check_config(&Source::from_process()?)),
        Command::VerifyLog(what) => {
            verify::run(*what, || Ok(load()?)).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::RotateKms => {
            rotate(&load()?).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Rebuild => {
            rebuild(&load()?).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Healthcheck { worker, url } => {
            healthcheck::run(match url {
                Some(url) => url,
                None => healthcheck::url(&load()?, worker || role == Role::Worker),
            })
            .await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn rotate(config: &Config) -> Result<(), StartError> {
    let ledger = open::beside(config, root::UNROTATED).await?;
    let rotation = root::rotate(&ledger, config).await;
    ledger.close().await;
    println!(
        "{}: start with this key from now on, and take MCP_KMS_KEY_PREVIOUS away",
        match rotation? {
            Rotation::Done => "the root key is wrapped with MCP_KMS_KEY",
            Rotation::DoneBefore => "the root key was wrapped with MCP_KMS_KEY before, nothing changed",
        }
    );
    Ok(())
}

async fn rebuild(config: &Config) -> Result<(), StartError> {
    const UNBUILT: &str = "the views were not made anew";
    let ledger = open::beside(config, UNBUILT).await?;
    let rebuilt = ledger.rebuild().await;
    ledger.close().await;
    let events = rebuilt.map_err(|error| StartError::failed(UNBUILT, error))?;
    println!("the views are anew, from {events} events");
    Ok(())
}

async fn serve(role: Role) -> Result<ExitCode, StartError> {
    let mut signals =
        Signals::install().map_err(|error| StartError::failed("signals cannot be handled", error))?;
    let source = Source::from_process()?;
    let config = Config::load(&source)?;
    let traces = telemetry(&config, role)?;
    for warning in Config::report(&source).warnings {
        tracing::warn!("{warning}");
    }
    let lifecycle = Lifecycle::new();
    let metrics = metric::keep(role, disk(&config), &lifecycle)?;
    let node = tokio::select! {
        node = Node::start(&config, role, &lifecycle, Some(metrics)) => node?,
        // Nothing has begun that a crash could not end as well.
        name = signals.next() => {
            tracing::info!("{name}: stopping before the start was complete");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let code = lifecycle.run(signals, config.shutdown_grace).await;
    node.close().await;
    if let Some(traces) = traces {
        traces.close(LAST_SPANS).await;
    }
    Ok(code)
}

/// The folder whose disk must not be full: the embedded ledger's. A process beside a database server shows where it runs
/// itself, which is the server's disk too where both run on one machine.
fn disk(config: &Config) -> PathBuf {
    match &config.database {
        Database::Sqlite(path) => path.parent().map(Path::to_owned).unwrap_or_default(),
        Database::Postgres(_) => PathBuf::from("/"),
    }
}

/// Logs, and traces if there is somebody to send them to.
fn telemetry(config: &Config, role: Role) -> Result<Option<Traces>, StartError> {
    let Some(endpoint) = &config.otlp_endpoint else {
        telemetry::init_logs(config.log_level);
        return Ok(None);
    };
    install_tls();
    let service = match role {
        Role::All => "orderdesk-gateway",
        Role::Api => "orderdesk-api",
        Role::Worker => "orderdesk-worker",
    };
    telemetry::init_logs_and_traces(config.log_level, endpoint, service)
        .map(Some)
        .map_err(|error| StartError::failed("traces cannot be sent", error))
}
