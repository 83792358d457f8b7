//! A command's content, parsed once at submission and kept, sealed, until its job has ended.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::{FolderId, Object};
use super::kind::CommandKind;
use super::operation::Operation;
use super::parse;
use super::refusal::FieldError;
use crate::job::JobClass;
use crate::time::Timestamp;

/// What a command does to an order or an inventory item, under Order Desk's names.
///
/// Its JSON form is stored for ever: members may be added (with a default), never renamed or removed.
/// Its `Debug` form shows no content.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind")]
pub enum Mutation {
    /// A new order.
    #[serde(rename = "order.create")]
    Create {
        /// The order to create.
        order: Object,
    },
    /// The complete order.
    #[serde(rename = "order.replace")]
    Replace {
        /// The members that take the place of the present ones.
        order: Object,
    },
    /// Operations one after another, all or none.
    #[serde(rename = "order.mutate")]
    Mutate {
        /// The operations.
        operations: Vec<Operation>,
    },
    /// Into another folder.
    #[serde(rename = "order.move_folder")]
    MoveFolder {
        /// Which.
        folder: FolderTarget,
    },
    /// More items at the end of the list.
    #[serde(rename = "order.add_items")]
    AddItems {
        /// The items.
        items: Vec<Object>,
    },
    /// Some members of one address.
    #[serde(rename = "order.update_address")]
    UpdateAddress {
        /// Which address.
        address_type: AddressType,
        /// The members given.
        address: Object,
    },
    /// One more note at the end of the list.
    #[serde(rename = "order.add_note")]
    AddNote {
        /// The text.
        content: String,
        /// Who says it.
        username: String,
        /// When, in Order Desk's form; fixed at submission, so that every attempt sends the same note.
        date_added: String,
    },
    /// The order goes.
    #[serde(rename = "order.delete")]
    Delete,
    /// A new inventory item.
    #[serde(rename = "inventory.create")]
    InventoryCreate {
        /// The item.
        item: Object,
    },
    /// Some members of an inventory item.
    #[serde(rename = "inventory.update")]
    InventoryUpdate {
        /// The members given.
        item: Object,
    },
    /// The inventory item goes.
    #[serde(rename = "inventory.delete")]
    InventoryDelete,
}

/// Where an order is to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FolderTarget {
    /// A folder by its id.
    Id(FolderId),
    /// A folder by its name, to be looked up among the store's folders.
    Name(String),
}

/// One of an order's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressType {
    /// Where the goods go.
    Shipping,
    /// Who ordered; also called `billing`.
    #[serde(alias = "billing")]
    Customer,
    /// Where returns go.
    Return,
}

impl AddressType {
    /// The member of the order that holds it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Shipping => "shipping",
            Self::Customer => "customer",
            Self::Return => "return_address",
        }
    }
}

/// What a body is read against.
#[derive(Clone, Copy, Debug)]
pub struct ParseContext<'a> {
    /// The id of the order or inventory item in the path; none for creates.
    pub target_id: Option<&'a str>,
    /// When the command was submitted.
    pub submitted_at: Timestamp,
}

impl Mutation {
    /// Reads the body of a command of `kind`.
    ///
    /// Our own envelopes are closed; order, item and inventory objects are open; addresses take their listed
    /// members. The specification's names become Order Desk's here, and a note gets its date.
    ///
    /// # Errors
    /// Everything that is wrong with the body, each with its JSON pointer.
    pub fn parse(
        kind: CommandKind,
        body: &Value,
        context: &ParseContext<'_>,
    ) -> Result<Self, Vec<FieldError>> {
        parse::body(kind, body, context)
    }

    /// The kind of the command.
    pub fn kind(&self) -> CommandKind {
        match self {
            Self::Create { .. } => CommandKind::OrderCreate,
            Self::Replace { .. } => CommandKind::OrderReplace,
            Self::Mutate { .. } => CommandKind::OrderMutate,
            Self::MoveFolder { .. } => CommandKind::OrderMoveFolder,
            Self::AddItems { .. } => CommandKind::OrderAddItems,
            Self::UpdateAddress { .. } => CommandKind::OrderUpdateAddress,
            Self::AddNote { .. } => CommandKind::OrderAddNote,
            Self::Delete => CommandKind::OrderDelete,
            Self::InventoryCreate { .. } => CommandKind::InventoryCreate,
            Self::InventoryUpdate { .. } => CommandKind::InventoryUpdate,
            Self::InventoryDelete => CommandKind::InventoryDelete,
        }
    }

    /// How the command may share an upstream request: whatever moves the order ends its batch.
    pub fn class(&self) -> JobClass {
        match self {
            Self::Create { .. }
            | Self::Replace { .. }
            | Self::Delete
            | Self::InventoryCreate { .. }
            | Self::InventoryDelete => JobClass::Alone,
            Self::MoveFolder { .. } => JobClass::Last,
            Self::Mutate { operations }
                if operations
                    .iter()
                    .any(|op| op.written_fields().iter().any(|field| field == "folder_id")) =>
            {
                JobClass::Last
            }
            Self::Mutate { .. }
            | Self::AddItems { .. }
            | Self::UpdateAddress { .. }
            | Self::AddNote { .. }
            | Self::InventoryUpdate { .. } => JobClass::Shared,
        }
    }

    /// The cart's order number that a create gives, by which Order Desk recognises a repeat.
    pub fn source_id(&self) -> Option<&str> {
        match self {
            Self::Create { order } => order.get("source_id")?.as_str().filter(|id| !id.is_empty()),
            _ => None,
        }
    }

    /// The folder name that the caller has to look up before the command can be folded.
    pub fn folder_name(&self) -> Option<&str> {
        match self {
            Self::MoveFolder {
                folder: FolderTarget::Name(name),
            } => Some(name),
            _ => None,
        }
    }

    /// The command with its folder looked up; any other command is unchanged.
    pub fn with_folder(self, folder: FolderId) -> Self {
        match self {
            Self::MoveFolder { .. } => Self::MoveFolder {
                folder: FolderTarget::Id(folder),
            },
            other => other,
        }
    }
}

impl fmt::Debug for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mutation({}, ***)", self.kind())
    }
}
