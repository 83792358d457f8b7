//! The real Order Desk, when there is a test store.

use system_tests::live::{Settings, check};

#[tokio::test]
async fn the_real_order_desk_is_asked() {
    let settings = match Settings::from_variables(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(skipped) => {
            println!("skipped: {skipped}");
            return;
        }
    };
    let report = check(&settings, std::future::pending()).await;
    println!("{report}");
    // That an assumption does not hold is a finding, and no defect of this project.
    assert!(
        report.left_behind.is_none() && report.broken_off.is_none(),
        "{report}"
    );
}
