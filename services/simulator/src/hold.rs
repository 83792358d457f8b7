//! Points where requests wait until a test lets them go, for interleavings that are exact.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::kind::{Matcher, Target};

/// Where a held request waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldPhase {
    /// After arrival (its token is spent), before anything is applied.
    #[default]
    BeforeApply,
    /// After it was applied, before its answer is sent.
    BeforeAnswer,
}

/// The name of a hold, given by [`crate::Handle::hold`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HoldId(pub u64);

#[derive(Debug)]
struct Hold {
    matcher: Matcher,
    phase: HoldPhase,
    arrived: u64,
    waiting: VecDeque<oneshot::Sender<()>>,
}

/// All holds in force.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    next: u64,
    open: BTreeMap<HoldId, Hold>,
}

impl Holds {
    pub fn add(&mut self, matcher: Matcher, phase: HoldPhase) -> HoldId {
        self.next += 1;
        let id = HoldId(self.next);
        self.open.insert(
            id,
            Hold {
                matcher,
                phase,
                arrived: 0,
                waiting: VecDeque::new(),
            },
        );
        id
    }

    /// What a request has to wait for at `phase`; the sender's end is dropped or used to let it go.
    pub fn enter(&mut self, phase: HoldPhase, target: &Target) -> Option<oneshot::Receiver<()>> {
        let hold = self
            .open
            .values_mut()
            .find(|hold| hold.phase == phase && hold.matcher.matches(target))?;
        let (sender, receiver) = oneshot::channel();
        hold.arrived += 1;
        hold.waiting.push_back(sender);
        Some(receiver)
    }

    /// How many requests have ever been stopped by this hold; `None` once it is gone.
    pub fn arrived(&self, id: HoldId) -> Option<u64> {
        self.open.get(&id).map(|hold| hold.arrived)
    }

    /// Lets the `count` requests that have waited longest go on; the hold stays.
    pub fn release_some(&mut self, id: HoldId, count: usize) -> bool {
        let Some(hold) = self.open.get_mut(&id) else {
            return false;
        };
        for sender in hold.waiting.drain(..count.min(hold.waiting.len())) {
            // A request whose task is gone needs no release.
            let _ = sender.send(());
        }
        true
    }

    /// Removes the hold; dropping the senders lets all its requests go.
    pub fn release(&mut self, id: HoldId) -> bool {
        self.open.remove(&id).is_some()
    }

    pub fn clear(&mut self) {
        self.open.clear();
    }

    pub fn list(&self) -> Vec<serde_json::Value> {
        self.open
            .iter()
            .map(|(id, hold)| {
                serde_json::json!({
                    "id": id, "match": hold.matcher, "phase": hold.phase,
                    "arrived": hold.arrived, "waiting": hold.waiting.len(),
                })
            })
            .collect()
    }
}
