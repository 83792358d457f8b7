-- The verifiable log: the tree over the events, beside them. All of it is insert-only and follows from the events.

-- Hashes of leaves, 32 bytes each, in runs as they were sealed.
CREATE TABLE seal_leaves (
    first  INTEGER PRIMARY KEY,
    last   INTEGER NOT NULL CHECK (last >= first AND last < first + 1024),
    hashes BLOB NOT NULL CHECK (length(hashes) = 32 * (last - first + 1))
);

-- Hashes of complete subtrees of 2^8 leaves and more.
CREATE TABLE seal_nodes (
    level INTEGER NOT NULL,
    idx   INTEGER NOT NULL,
    hash  BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) WITHOUT ROWID;

-- Signed heads.
CREATE TABLE seal_heads (
    size       INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    root       BLOB NOT NULL CHECK (length(root) = 32),
    note       TEXT NOT NULL,
    signed_at  TEXT NOT NULL,
    PRIMARY KEY (size, generation)
) WITHOUT ROWID;

CREATE TRIGGER seal_leaves_are_never_updated BEFORE UPDATE ON seal_leaves
BEGIN
    SELECT RAISE(ABORT, 'seal_leaves are insert-only');
END;
CREATE TRIGGER seal_leaves_are_never_deleted BEFORE DELETE ON seal_leaves
BEGIN
    SELECT RAISE(ABORT, 'seal_leaves are insert-only');
END;
CREATE TRIGGER seal_nodes_are_never_updated BEFORE UPDATE ON seal_nodes
BEGIN
    SELECT RAISE(ABORT, 'seal_nodes are insert-only');
END;
CREATE TRIGGER seal_nodes_are_never_deleted BEFORE DELETE ON seal_nodes
BEGIN
    SELECT RAISE(ABORT, 'seal_nodes are insert-only');
END;
CREATE TRIGGER seal_heads_are_never_updated BEFORE UPDATE ON seal_heads
BEGIN
    SELECT RAISE(ABORT, 'seal_heads are insert-only');
END;
CREATE TRIGGER seal_heads_are_never_deleted BEFORE DELETE ON seal_heads
BEGIN
    SELECT RAISE(ABORT, 'seal_heads are insert-only');
END;
