//! The tree over the events.

use ledger::seal::{LeafRun, MOST_LEAVES, SignedHead, TreeNode, joined};
use merkle::{Hash, NodeId};
use sqlx::postgres::PgRow;

use crate::connect::PostgresLedger;
use crate::error::{Reading, Result};
use crate::time::At;

/// One statement, so that it is one transaction. Of two that begin at the same place the second finds the first's row,
/// whether or not it could see it.
const SEAL: &str = "with run as (\
        insert into seal_leaves (first, last, hashes) select $1, $2, $3 \
        where coalesce((select last from seal_leaves order by first desc limit 1), 0) = $1 - 1 \
        on conflict (first) do nothing returning 1), \
    nodes as (\
        insert into seal_nodes (level, idx, hash) \
        select * from unnest($4::smallint[], $5::bigint[], $6::bytea[]) where exists (select from run)) \
    select exists (select from run) as sealed";

macro_rules! select_heads {
    ($rest:literal) => {
        concat!(
            "select size, generation, root, note, signed_at from seal_heads ",
            $rest
        )
    };
}

impl PostgresLedger {
    pub(crate) async fn size_sealed(&self) -> Result<u64> {
        let sql = "select last from seal_leaves order by first desc limit 1";
        let rows = self.readers.read(|| sqlx::query(sql)).await?;
        rows.first().map_or(Ok(0), |row| {
            Reading::new(row, "seal_leaves", "last").number("last")
        })
    }

    pub(crate) async fn seal_run(&self, run: &LeafRun, nodes: &[TreeNode]) -> Result<bool> {
        let levels: Vec<i16> = nodes.iter().map(|node| i16::from(node.id.level)).collect();
        let indexes: Vec<i64> = nodes.iter().map(|node| node.id.index as i64).collect();
        let hashes: Vec<&[u8]> = nodes.iter().map(|node| node.hash.as_bytes().as_slice()).collect();
        let statement = sqlx::query(SEAL)
            .bind(run.first as i64)
            .bind(run.last() as i64)
            .bind(run.bytes())
            .bind(levels)
            .bind(indexes)
            .bind(hashes);
        let rows = self.writers.write(statement).await?;
        rows.first().map_or(Ok(false), |row| {
            Reading::new(row, "seal_leaves", run.first).get("sealed")
        })
    }

    pub(crate) async fn hashes_after(&self, after: u64, limit: u32) -> Result<Vec<Hash>> {
        // A run has at most so many leaves: none that begins earlier reaches beyond `after`.
        let sql = "select first, hashes from seal_leaves where first > $1 and first <= $2 and last > $3 order by first";
        let make = || {
            sqlx::query(sql)
                .bind(after as i64 - MOST_LEAVES as i64)
                .bind(after as i64 + i64::from(limit))
                .bind(after as i64)
        };
        let run = |row: &PgRow| {
            let first = Reading::new(row, "seal_leaves", after).number("first")?;
            Ok((first, Reading::new(row, "seal_leaves", first).get("hashes")?))
        };
        let rows = self.readers.read(make).await?;
        let runs: Vec<(u64, Vec<u8>)> = rows.iter().map(run).collect::<Result<_>>()?;
        joined(&runs, after, limit)
    }

    pub(crate) async fn nodes_among(&self, ids: &[NodeId]) -> Result<Vec<TreeNode>> {
        let levels: Vec<i16> = ids.iter().map(|id| i16::from(id.level)).collect();
        let indexes: Vec<i64> = ids.iter().map(|id| id.index as i64).collect();
        let sql = "select n.level, n.idx, n.hash from unnest($1::smallint[], $2::bigint[]) as asked (level, idx) \
                   join seal_nodes n on n.level = asked.level and n.idx = asked.idx";
        let make = || sqlx::query(sql).bind(&levels).bind(&indexes);
        self.readers.read(make).await?.iter().map(node).collect()
    }

    pub(crate) async fn put_head(&self, head: &SignedHead) -> Result<()> {
        let statement = sqlx::query(
            "insert into seal_heads (size, generation, root, note, signed_at) values ($1, $2, $3, $4, $5) \
             on conflict (size, generation) do nothing",
        )
        .bind(head.size as i64)
        .bind(head.generation as i32)
        .bind(head.root.as_bytes().as_slice())
        .bind(&head.note)
        .bind(At(head.signed_at));
        self.writers.write(statement).await.map(drop)
    }

    pub(crate) async fn last_signed(&self) -> Result<Option<SignedHead>> {
        let sql = select_heads!("order by size desc, generation desc limit 1");
        let rows = self.readers.read(|| sqlx::query(sql)).await?;
        rows.first().map(head).transpose()
    }

    pub(crate) async fn heads_from(&self, size: u64, limit: u32) -> Result<Vec<SignedHead>> {
        let sql = select_heads!("where size >= $1 order by size, generation limit $2");
        let make = || sqlx::query(sql).bind(size as i64).bind(i64::from(limit));
        self.readers.read(make).await?.iter().map(head).collect()
    }
}

fn hash(row: &Reading<'_>, column: &str) -> Result<Hash> {
    Hash::try_from(row.get::<&[u8], _>(column)?).map_err(|error| row.corrupt(error))
}

fn node(row: &PgRow) -> Result<TreeNode> {
    let row = Reading::new(row, "seal_nodes", "?");
    Ok(TreeNode {
        id: NodeId {
            level: u8::try_from(row.get::<i16, _>("level")?).map_err(|error| row.corrupt(error))?,
            index: row.number("idx")?,
        },
        hash: hash(&row, "hash")?,
    })
}

fn head(row: &PgRow) -> Result<SignedHead> {
    let size: u64 = Reading::new(row, "seal_heads", "?").number("size")?;
    let row = Reading::new(row, "seal_heads", size);
    Ok(SignedHead {
        size,
        generation: u32::try_from(row.get::<i32, _>("generation")?).map_err(|error| row.corrupt(error))?,
        root: hash(&row, "root")?,
        note: row.get("note")?,
        signed_at: row.get::<At, _>("signed_at")?.0,
    })
}
