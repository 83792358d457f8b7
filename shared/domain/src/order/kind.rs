//! The kinds of command that change Order Desk, by their wire names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $wire:literal;)*) => {
        /// What a job does to Order Desk.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum CommandKind {
            $($(#[$doc])* #[serde(rename = $wire)] $name,)*
        }

        impl CommandKind {
            /// Every kind, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The wire name, e.g. `order.add_note`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $wire,)* }
            }
        }

        impl FromStr for CommandKind {
            type Err = UnknownKind;

            fn from_str(text: &str) -> Result<Self, UnknownKind> {
                match text { $($wire => Ok(Self::$name),)* _ => Err(UnknownKind) }
            }
        }
    };
}

kinds! {
    /// A new order.
    OrderCreate = "order.create";
    /// The complete order, given by the caller.
    OrderReplace = "order.replace";
    /// RFC 6902 operations.
    OrderMutate = "order.mutate";
    /// Into another folder.
    OrderMoveFolder = "order.move_folder";
    /// More items.
    OrderAddItems = "order.add_items";
    /// Some fields of one address.
    OrderUpdateAddress = "order.update_address";
    /// One more note.
    OrderAddNote = "order.add_note";
    /// The order goes.
    OrderDelete = "order.delete";
    /// A new inventory item.
    InventoryCreate = "inventory.create";
    /// Some fields of an inventory item.
    InventoryUpdate = "inventory.update";
    /// The inventory item goes.
    InventoryDelete = "inventory.delete";
}

/// A text names no kind of command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a kind of command")]
pub struct UnknownKind;

impl CommandKind {
    /// Whether the command changes an order (and not an inventory item).
    pub fn is_order(self) -> bool {
        !matches!(
            self,
            Self::InventoryCreate | Self::InventoryUpdate | Self::InventoryDelete
        )
    }

    /// Whether the command makes something that has no id yet.
    pub fn is_create(self) -> bool {
        matches!(self, Self::OrderCreate | Self::InventoryCreate)
    }
}

impl fmt::Display for CommandKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
