//! The command line.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use runtime::config::{ConfigError, Source};
use runtime::telemetry::trace::Traces;
use runtime::{Config, Lifecycle, Signals, telemetry};

use crate::demo;
use crate::error::StartError;
use crate::node::{Node, Role, install_tls};
use crate::root::Rotation;
use crate::verify::VerifyLog;
use crate::{healthcheck, metric, open, root, verify};

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
    Migrate,
    /// Print the configuration in effect, without secrets, and say whether it is good
    CheckConfig,
    /// Wrap the root key, which `MCP_KMS_KEY_PREVIOUS` opens, with `MCP_KMS_KEY`; programs that run go on
    RotateKms,
    /// Verify the log, or an export of it, and name the first position that is not what was signed
    VerifyLog(Box<VerifyLog>),
    /// Ask the process on this machine whether it is healthy
    Healthcheck {
        /// Ask the worker's port instead of the HTTP service's
        #[arg(long)]
        worker: bool,
    },
}

/// Runs the program; `role` is what it does when no command is given. A name such as `orderdesk-worker` of a link to it
/// overrules `role`.
pub fn main_as(role: Role) -> ExitCode {
    let arguments = Arguments::parse();
    let command = arguments.command.unwrap_or(match linked_as().unwrap_or(role) {
        Role::All => Command::Serve,
        Role::Api => Command::Api,
        Role::Worker => Command::Worker,
    });
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&StartError::failed("the runtime cannot be started", error)),
    };
    runtime.block_on(async {
        match perform(command).await {
            Ok(code) => code,
            Err(error) => refuse(&error),
        }
    })
}

fn linked_as() -> Option<Role> {
    let name = std::env::args_os().next()?;
    match std::path::Path::new(&name).file_name()?.to_str()? {
        "orderdesk-api" => Some(Role::Api),
        "orderdesk-worker" => Some(Role::Worker),
        _ => None,
    }
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

async fn perform(command: Command) -> Result<ExitCode, StartError> {
    match command {
        Command::Serve => serve(Role::All).await,
        Command::Api => serve(Role::Api).await,
        Command::Worker => serve(Role::Worker).await,
        Command::Demo { exit } => demo::run(exit).await,
        Command::Migrate => {
            open::migrate(&load()?).await?;
            println!("the schema is up to date");
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
        Command::Healthcheck { worker } => {
            let config = load()?;
            let port = if worker { config.worker_port } else { config.port };
            healthcheck::run(config.host, port).await?;
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

async fn serve(role: Role) -> Result<ExitCode, StartError> {
    let mut signals =
        Signals::install().map_err(|error| StartError::failed("signals cannot be handled", error))?;
    let source = Source::from_process()?;
    let config = Config::load(&source)?;
    let traces = telemetry(&config, role)?;
    for warning in Config::report(&source).warnings {
        tracing::warn!("{warning}");
    }
    let metrics = telemetry::init_metrics()
        .map_err(|error| StartError::failed("the metrics cannot be set up", error))?;
    metric::describe(role);
    let lifecycle = Lifecycle::new();
    let upkeep = telemetry::keep_metrics(metrics.clone(), lifecycle.draining());
    lifecycle.spawn("metrics", async move {
        upkeep.await;
        Ok(())
    });
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
