//! Says which assumptions about Order Desk hold for a real store. See `ops/live-check.md`.
//!
//! Exit codes: 0 all that could be tried held, 1 some did not, 2 the check could not be made or left something behind.

use std::process::ExitCode;

use system_tests::live::{Settings, check};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = match Settings::from_variables(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(skipped) => {
            eprintln!("live-check: {skipped}");
            return ExitCode::from(2);
        }
    };
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let report = check(&settings, interrupted).await;
    println!("{report}");
    if report.broken_off.is_some() || report.left_behind.is_some() {
        ExitCode::from(2)
    } else if report.not_held().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
