//! A local Order Desk for development, demonstrations and tests.
//!
//! It speaks the Order Desk API v2 under `/api/v2` with its envelope, its token bucket and its rules for
//! what a PUT replaces and what the server keeps; on request it shows the oddities of real stores
//! ([`Quirks`]), fails in every way a network and a PHP application can ([`Fault`]), lets others edit orders
//! at exact moments ([`ScheduledEdit`]) and stops requests where a test needs them ([`Handle::hold`]).
//! Everything is in memory. It is not a mock: no answer is prepared, each follows from the state.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use simulator::{Fault, RequestKind, Simulator, SimulatorConfig};
//!
//! let desk = Simulator::start(SimulatorConfig::default()).await?;
//! let order = desk.seed_orders(SimulatorConfig::STORE_ID, 1).expect("the default store exists");
//! desk.fail_next(RequestKind::PutOrder, Fault::ResetAfter);
//! println!("{} {order:?}", desk.base_url());
//! desk.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Control API
//!
//! The same port answers under `/_control`, without credentials; `GET /_control` lists the calls. They are
//! those of [`Handle`], with the JSON forms of the types here.
//!
//! # Adding to it
//!
//! An endpoint is a [`RequestKind`], a line in `routes::resolve` and a function in `routes/`; a record's rules
//! are in `state/`. A fault is a variant of [`Fault`] and an arm in `process`. A quirk is a field of
//! [`Quirks`], asked for where the behaviour is.

mod bucket;
mod config;
mod control;
mod edit;
mod fault;
mod handle;
mod hold;
mod kind;
mod log;
mod process;
pub mod program;
mod quirk;
mod reply;
mod request;
mod routes;
mod sample;
mod server;
mod shared;
mod state;
mod webhook;
mod wire;
mod world;

use std::{io, net::SocketAddr, ops::Deref, sync::Arc};

use tokio::net::TcpListener;
use tokio_util::sync::DropGuard;

pub use config::{ApiKey, BucketConfig, Folder, SimulatorConfig, StoreConfig};
pub use edit::{Edit, EditMoment, ScheduledEdit};
pub use fault::{Fault, FaultRule};
pub use handle::{ControlError, Handle};
pub use hold::{HoldId, HoldPhase};
pub use kind::{KindPattern, Matcher, RequestKind};
pub use log::{Count, Counters, LogEntry};
pub use quirk::{Quirks, Rule, RuleAction, Trigger};
pub use sample::sample_order;
pub use webhook::WebhookError;

/// Where the API lives.
const BASE_PATH: &str = "/api/v2";
/// Where the control API lives.
const CONTROL_PATH: &str = "/_control";

/// A running simulator; dropping it ends it, [`Simulator::shutdown`] also waits for the end.
///
/// It dereferences to the [`Handle`] that steers it.
#[derive(Debug)]
pub struct Simulator {
    handle: Handle,
    address: SocketAddr,
    _stop: DropGuard,
}

impl Simulator {
    /// Binds the address of `config` and serves it in the background of the current runtime.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn start(config: SimulatorConfig) -> io::Result<Self> {
        let listener = TcpListener::bind((config.host, config.port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(shared::Shared::new(config));
        let stop = shared.stop.clone().drop_guard();
        shared
            .tasks
            .spawn(server::run(Arc::clone(&shared), listener, address));
        Ok(Self {
            handle: Handle::new(shared),
            address,
            _stop: stop,
        })
    }

    /// The bound address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of the API, for instance `http://127.0.0.1:4010/api/v2`.
    pub fn base_url(&self) -> String {
        format!("http://{}{BASE_PATH}", self.address)
    }

    /// The base URL of the control API, for instance `http://127.0.0.1:4010/_control`.
    pub fn control_url(&self) -> String {
        format!("http://{}{CONTROL_PATH}", self.address)
    }

    /// A handle that may outlive this value.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Drops all connections, held requests and late writes, and waits until every task has ended.
    pub async fn shutdown(self) {
        let shared = Arc::clone(self.handle.shared());
        shared.stop.cancel();
        shared.tasks.close();
        shared.tasks.wait().await;
    }
}

impl Deref for Simulator {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}
