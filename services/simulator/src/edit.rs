//! Changes that someone else makes to an order, without the API.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kind::RequestKind;

/// What a user of the app, a rule or another integration does to an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Edit {
    /// A merge patch (RFC 7396): lists are replaced, `null` removes a field.
    Merge {
        /// The patch.
        patch: Value,
    },
    /// Another document in place of the order; its id stays.
    Replace {
        /// The new order, completed as [`crate::Handle::put_order`] does.
        order: Value,
    },
    /// One more note.
    Note {
        /// The note's author.
        username: String,
        /// The note's text.
        content: String,
    },
    /// The order goes to another folder.
    Move {
        /// The folder's number.
        folder_id: u64,
    },
    /// The order is deleted.
    Delete,
}

impl Edit {
    /// A merge patch.
    pub fn merge(patch: Value) -> Self {
        Self::Merge { patch }
    }

    /// One more note.
    pub fn note(username: impl Into<String>, content: impl Into<String>) -> Self {
        Self::Note {
            username: username.into(),
            content: content.into(),
        }
    }
}

/// The moment of an order's life with a client at which a scheduled edit happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditMoment {
    /// Right after a GET of the order was answered from the old state.
    AfterGet,
    /// Right before a PUT of the order is applied.
    BeforePut,
    /// Right after a PUT of the order was applied; its answer shows the state before the edit.
    AfterPut,
}

impl EditMoment {
    pub(crate) fn is_before(self, kind: RequestKind) -> bool {
        self == Self::BeforePut && kind == RequestKind::PutOrder
    }

    pub(crate) fn is_after(self, kind: RequestKind) -> bool {
        matches!(
            (self, kind),
            (Self::AfterGet, RequestKind::GetOrder) | (Self::AfterPut, RequestKind::PutOrder)
        )
    }
}

/// An edit that waits for its moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledEdit {
    /// The store's id.
    pub store: String,
    /// The order's id.
    pub order: String,
    /// When it happens.
    pub when: EditMoment,
    /// What happens.
    pub edit: Edit,
    /// How many times it happens.
    #[serde(default = "once")]
    pub times: u64,
}

const fn once() -> u64 {
    1
}
