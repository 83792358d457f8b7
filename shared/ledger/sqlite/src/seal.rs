//! The tree over the events.

use ledger::seal::{LeafRun, MOST_LEAVES, SignedHead, TreeNode, joined};
use merkle::{Hash, NodeId};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::error::{Result, failed};
use crate::open::SqliteLedger;
use crate::readers::Read as _;
use crate::rows::Cells;

const LAST: &str =
    "SELECT coalesce(max(last), 0) FROM (SELECT last FROM seal_leaves ORDER BY first DESC LIMIT 1)";

impl SqliteLedger {
    pub(crate) async fn size_sealed(&self) -> Result<u64> {
        let row = sqlx::query(LAST).one(&self.readers).await.map_err(failed)?;
        Cells::new(&row, "seal_leaves").number(0)
    }

    pub(crate) async fn seal_run(&self, run: &LeafRun, nodes: &[TreeNode]) -> Result<bool> {
        let mut write = self.begin().await?;
        let result = seal_on(write.on(), run, nodes).await;
        write.finish(result).await
    }

    pub(crate) async fn hashes_after(&self, after: u64, limit: u32) -> Result<Vec<Hash>> {
        // A run has at most so many leaves: none that begins earlier reaches beyond `after`.
        let rows = sqlx::query(
            "SELECT first, hashes FROM seal_leaves WHERE first > ? AND first <= ? AND last > ? ORDER BY first",
        )
        .bind(after as i64 - MOST_LEAVES as i64)
        .bind(after as i64 + i64::from(limit))
        .bind(after as i64)
        .all(&self.readers)
        .await
        .map_err(failed)?;
        let run = |row: &SqliteRow| {
            let cells = Cells::new(row, "seal_leaves");
            Ok((cells.number(0)?, cells.get::<Vec<u8>>(1)?))
        };
        let runs = rows.iter().map(run).collect::<Result<Vec<_>>>()?;
        joined(&runs, after, limit)
    }

    pub(crate) async fn nodes_among(&self, ids: &[NodeId]) -> Result<Vec<TreeNode>> {
        let ids: Vec<(u8, u64)> = ids.iter().map(|id| (id.level, id.index)).collect();
        let ids = serde_json::to_string(&ids).map_err(|error| failed(sqlx::Error::Encode(error.into())))?;
        let rows = sqlx::query(
            "SELECT level, idx, hash FROM json_each(?) JOIN seal_nodes \
             ON level = json_extract(value, '$[0]') AND idx = json_extract(value, '$[1]')",
        )
        .bind(ids)
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(node).collect()
    }

    pub(crate) async fn put_head(&self, head: &SignedHead) -> Result<()> {
        let mut write = self.begin().await?;
        let result = sqlx::query(
            "INSERT INTO seal_heads (size, generation, root, note, signed_at) VALUES (?, ?, ?, ?, ?) \
             ON CONFLICT DO NOTHING",
        )
        .bind(head.size as i64)
        .bind(i64::from(head.generation))
        .bind(head.root.as_bytes().as_slice())
        .bind(&head.note)
        .bind(head.signed_at.to_string())
        .execute(write.on())
        .await
        .map(drop)
        .map_err(failed);
        write.finish(result).await
    }

    pub(crate) async fn last_signed(&self) -> Result<Option<SignedHead>> {
        let rows = sqlx::query(
            "SELECT size, generation, root, note, signed_at FROM seal_heads ORDER BY size DESC, generation DESC LIMIT 1",
        )
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.first().map(head).transpose()
    }

    pub(crate) async fn heads_from(&self, size: u64, limit: u32) -> Result<Vec<SignedHead>> {
        let rows = sqlx::query(
            "SELECT size, generation, root, note, signed_at FROM seal_heads WHERE size >= ? \
             ORDER BY size, generation LIMIT ?",
        )
        .bind(size as i64)
        .bind(i64::from(limit))
        .all(&self.readers)
        .await
        .map_err(failed)?;
        rows.iter().map(head).collect()
    }
}

async fn seal_on(on: &mut SqliteConnection, run: &LeafRun, nodes: &[TreeNode]) -> Result<bool> {
    let last: i64 = sqlx::query_scalar(LAST)
        .fetch_one(&mut *on)
        .await
        .map_err(failed)?;
    if run.first != last as u64 + 1 {
        return Ok(false);
    }
    sqlx::query("INSERT INTO seal_leaves (first, last, hashes) VALUES (?, ?, ?)")
        .bind(run.first as i64)
        .bind(run.last() as i64)
        .bind(run.bytes())
        .execute(&mut *on)
        .await
        .map_err(failed)?;
    for node in nodes {
        sqlx::query("INSERT INTO seal_nodes (level, idx, hash) VALUES (?, ?, ?)")
            .bind(i64::from(node.id.level))
            .bind(node.id.index as i64)
            .bind(node.hash.as_bytes().as_slice())
            .execute(&mut *on)
            .await
            .map_err(failed)?;
    }
    Ok(true)
}

fn node(row: &SqliteRow) -> Result<TreeNode> {
    let cells = Cells::new(row, "seal_nodes");
    Ok(TreeNode {
        id: NodeId {
            level: cells.small(0)?,
            index: cells.number(1)?,
        },
        hash: cells.hash(2)?,
    })
}

fn head(row: &SqliteRow) -> Result<SignedHead> {
    let cells = Cells::new(row, "seal_heads");
    Ok(SignedHead {
        size: cells.number(0)?,
        generation: cells.small(1)?,
        root: cells.hash(2)?,
        note: cells.get(3)?,
        signed_at: cells.parsed(4)?,
    })
}
