//! Where an operation points: a JSON Pointer, or the specification's bare form.

use json_patch::jsonptr::{Pointer, PointerBuf};
use serde::{Deserialize, Serialize};

use super::fields;
use super::limit::MAX_DEPTH;

/// A place in an order, kept as it was written.
///
/// The bare form (`shipping.city`, `notes`) has no leading slash; its tokens are cut at dots and take the
/// specification's names. The empty text is the pointer to the whole order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Path {
    text: String,
    pointer: PointerBuf,
    bare: bool,
}

/// Why a text is not a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Malformed escapes.
    #[error("must be a JSON Pointer; ~ is written ~0 and / inside a name ~1")]
    Escape,
    /// A bare path with empty parts or slashes.
    #[error("must be a JSON Pointer such as /shipping/city, or a bare path such as shipping.city")]
    Bare,
    /// Too many tokens.
    #[error("must not have more than {MAX_DEPTH} parts")]
    TooDeep,
}

impl Path {
    /// Reads either form.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let bare = !(text.is_empty() || text.starts_with('/'));
        let pointer = if bare {
            bare_pointer(text)?
        } else {
            PointerBuf::parse(text).map_err(|_| PathError::Escape)?
        };
        if pointer.count() > MAX_DEPTH {
            return Err(PathError::TooDeep);
        }
        Ok(Self {
            text: text.to_owned(),
            pointer,
            bare,
        })
    }

    /// The place as a JSON Pointer with Order Desk's names.
    pub fn pointer(&self) -> &Pointer {
        &self.pointer
    }

    /// Whether it was written in the bare form.
    pub fn is_bare(&self) -> bool {
        self.bare
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The unescaped tokens.
    pub fn tokens(&self) -> Vec<String> {
        self.pointer
            .tokens()
            .map(|token| token.decoded().into_owned())
            .collect()
    }
}

fn bare_pointer(text: &str) -> Result<PointerBuf, PathError> {
    let mut tokens: Vec<&str> = text.split('.').collect();
    if tokens.iter().any(|token| token.is_empty() || token.contains('/')) {
        return Err(PathError::Bare);
    }
    tokens[0] = fields::order_desk_name(tokens[0]);
    if tokens[0] == "order_notes" && tokens.len() == 3 {
        tokens[2] = note_member(tokens[2]);
    }
    Ok(PointerBuf::from_tokens(tokens))
}

/// Order Desk's name for a member of a note.
pub(super) fn note_member(name: &str) -> &str {
    match name {
        "note" => "content",
        "note_type" | "type" => "username",
        other => other,
    }
}

impl TryFrom<String> for Path {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::parse(&text)
    }
}

impl From<Path> for String {
    fn from(path: Path) -> Self {
        path.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_places() {
        for (bare, pointer) in [
            ("folder_id", "/folder_id"),
            ("shipping.city", "/shipping/city"),
            ("notes", "/order_notes"),
            ("notes.0.note", "/order_notes/0/content"),
            ("notes.0.type", "/order_notes/0/username"),
            ("items.0.price", "/order_items/0/price"),
            ("items.-", "/order_items/-"),
            ("metadata.a~b", "/order_metadata/a~0b"),
        ] {
            assert_eq!(Path::parse(bare).unwrap().pointer(), pointer, "{bare}");
        }
        assert_eq!(Path::parse("/items").unwrap().pointer(), "/items");
    }

    #[test]
    fn malformed_paths_are_refused() {
        for (text, error) in [
            ("a..b", PathError::Bare),
            (".", PathError::Bare),
            ("shipping/city", PathError::Bare),
            ("/a~2", PathError::Escape),
            ("/a~", PathError::Escape),
        ] {
            assert_eq!(Path::parse(text), Err(error), "{text}");
        }
        assert_eq!(Path::parse(&"/a".repeat(65)), Err(PathError::TooDeep));
    }
}
