//! What an append demands, tested under the write lock, all in one statement.

use std::collections::HashMap;

use ledger::view::ViewRow;
use ledger::{Append, Expected, Guard, Refusal, Unique};
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Row};

use crate::error::{Result, failed};

/// Tests per statement: SQLite bounds the columns of a row.
const TESTS: usize = 256;

/// An append that may be written.
pub(crate) struct Passed {
    /// The stream of each event, as text.
    pub(crate) streams: Vec<String>,
    /// The version that each event gets.
    pub(crate) versions: Vec<u64>,
}

/// One column of the statement.
#[derive(Default)]
struct Tests {
    sql: Vec<&'static str>,
    arguments: Vec<Vec<Argument>>,
}

enum Argument {
    Text(String),
    Number(i64),
}

impl Tests {
    fn add<const N: usize>(&mut self, sql: &'static str, arguments: [Argument; N]) {
        self.sql.push(sql);
        self.arguments.push(arguments.into());
    }

    async fn run(self, on: &mut SqliteConnection) -> Result<Vec<Option<i64>>> {
        let mut found = Vec::with_capacity(self.sql.len());
        let mut arguments = self.arguments.into_iter();
        for sql in self.sql.chunks(TESTS) {
            let mut bound = SqliteArguments::default();
            for argument in arguments.by_ref().take(sql.len()).flatten() {
                let added = match argument {
                    Argument::Text(text) => bound.add(text),
                    Argument::Number(number) => bound.add(number),
                };
                added.expect("text and numbers always encode");
            }
            let text = format!("SELECT {}", sql.join(", "));
            let row = sqlx::query_with(AssertSqlSafe(text), bound)
                .fetch_one(&mut *on)
                .await
                .map_err(failed)?;
            for column in 0..sql.len() {
                found.push(row.try_get(column).map_err(failed)?);
            }
        }
        Ok(found)
    }
}

/// Tests everything that `append` demands: its guards, then its versions, then what must be unique.
pub(crate) async fn check(
    on: &mut SqliteConnection,
    append: &Append,
) -> Result<std::result::Result<Passed, Refusal>> {
    let mut tests = Tests::default();
    let refusals: Vec<Refusal> = append
        .guards
        .iter()
        .map(|guard| guarded(&mut tests, guard))
        .collect();
    let streams: Vec<String> = append.events.iter().map(|new| new.stream.to_string()).collect();
    let mut distinct: Vec<&str> = Vec::new();
    let mut slots: HashMap<&str, usize> = HashMap::new();
    for stream in &streams {
        slots.entry(stream).or_insert_with(|| {
            tests.add(
                "(SELECT max(version) FROM events WHERE stream = ?)",
                [Argument::Text(stream.clone())],
            );
            distinct.push(stream);
            distinct.len() - 1
        });
    }
    let uniques = unique(&mut tests, append);
    if tests.sql.is_empty() {
        return Ok(Ok(Passed {
            streams,
            versions: Vec::new(),
        }));
    }
    let found = tests.run(on).await?;

    let (guards, rest) = found.split_at(refusals.len());
    let (heads, taken) = rest.split_at(distinct.len());
    if let Some((_, refusal)) = guards.iter().zip(refusals).find(|(found, _)| found.is_none()) {
        return Ok(Err(refusal));
    }
    let mut heads: Vec<u64> = heads.iter().map(|version| version.unwrap_or(0) as u64).collect();
    let mut versions = Vec::with_capacity(streams.len());
    for (new, stream) in append.events.iter().zip(&streams) {
        let head = &mut heads[slots[stream.as_str()]];
        if let Expected::Version(expected) = new.expected
            && expected != *head
        {
            return Ok(Err(Refusal::Conflict {
                stream: stream.clone(),
            }));
        }
        *head += 1;
        versions.push(*head);
    }
    if let Some((_, unique)) = taken.iter().zip(uniques).find(|(taken, _)| taken.is_some()) {
        return Ok(Err(Refusal::Exists(unique)));
    }
    Ok(Ok(Passed { streams, versions }))
}

fn guarded(tests: &mut Tests, guard: &Guard) -> Refusal {
    match guard {
        Guard::Owner {
            partition,
            incarnation,
            epoch,
        } => {
            tests.add(
                "(SELECT 1 FROM partitions WHERE partition = ? AND owner = ? AND epoch = ?)",
                [
                    Argument::Number(i64::from(*partition)),
                    Argument::Text(incarnation.to_string()),
                    Argument::Number(*epoch as i64),
                ],
            );
            Refusal::NotOwner {
                partition: *partition,
            }
        }
        Guard::StoreOpen(id) => {
            tests.add(
                "(SELECT 1 FROM stores WHERE id = ? AND deleted_at IS NULL)",
                [Argument::Text(id.to_string())],
            );
            Refusal::StoreGone
        }
        Guard::TenantOpen(id) => {
            tests.add(
                "(SELECT 1 FROM tenants WHERE id = ? AND deleted_at IS NULL)",
                [Argument::Text(id.to_string())],
            );
            Refusal::TenantGone
        }
        Guard::DataKey(id) => {
            tests.add(
                "(SELECT 1 FROM data_keys WHERE id = ?)",
                [Argument::Text(id.to_string())],
            );
            Refusal::DataKeyGone
        }
    }
}

fn unique(tests: &mut Tests, append: &Append) -> Vec<Unique> {
    let mut uniques = Vec::new();
    for view in &append.views {
        match &view.row {
            ViewRow::Store(store) if store.deleted_at.is_none() => {
                tests.add(
                    "(SELECT 1 FROM stores WHERE tenant_id = ? AND store_id = ? AND id <> ? AND deleted_at IS NULL)",
                    [
                        Argument::Text(store.tenant_id.to_string()),
                        Argument::Text(store.store_id.to_string()),
                        Argument::Text(store.id.to_string()),
                    ],
                );
                uniques.push(Unique::Store);
            }
            ViewRow::Key(key) => {
                tests.add(
                    "(SELECT 1 FROM tenant_keys WHERE lookup = ? AND id <> ?)",
                    [
                        Argument::Text(key.lookup.clone()),
                        Argument::Text(key.id.to_string()),
                    ],
                );
                uniques.push(Unique::Key);
            }
            _ => {}
        }
    }
    for record in &append.idempotency {
        tests.add(
            "(SELECT 1 FROM idempotency WHERE tenant_id = ? AND key = ? AND expires_at > ?)",
            [
                Argument::Text(record.tenant_id.to_string()),
                Argument::Text(record.key.clone()),
                Argument::Text(append.now.to_string()),
            ],
        );
        uniques.push(Unique::Idempotency(record.key.clone()));
    }
    uniques
}
