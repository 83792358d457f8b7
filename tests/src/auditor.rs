//! Checks the log's proofs as an outsider: written from RFC 6962 §2.1, RFC 9162 §2.1, C2SP `signed-note` and
//! `tlog-checkpoint`, and the published description of a leaf, with another implementation of SHA-256 and Ed25519 than
//! the gateway's. It shares no code with what it checks.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::Value;

/// A node of the tree.
pub type Hash = [u8; 32];

/// A signed tree head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The log.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// SHA-256.
pub fn sha256(parts: &[&[u8]]) -> Hash {
    let digest = digest(&SHA256, &parts.concat());
    digest.as_ref().try_into().expect("32 bytes")
}

/// A hash as JSON has it.
pub fn hash(value: &Value) -> Option<Hash> {
    BASE64_STANDARD.decode(value.as_str()?).ok()?.try_into().ok()
}

/// The hashes of a list.
pub fn hashes(value: &Value) -> Option<Vec<Hash>> {
    value.as_array()?.iter().map(hash).collect()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// Reads a checkpoint that the key `name+id+base64` has signed; none if it has not.
pub fn head(note: &str, verifier_key: &str) -> Option<Head> {
    let mut parts = verifier_key.splitn(3, '+');
    let (name, id, key) = (parts.next()?, parts.next()?, parts.next()?);
    let key = BASE64_STANDARD.decode(key).ok()?;
    let (algorithm, public) = key.split_first()?;
    if *algorithm != 1 {
        return None;
    }
    let named = sha256(&[name.as_bytes(), b"\n", &key]);
    if id != hex::encode(&named[..4]) {
        return None;
    }
    let (text, signatures) = note.split_once("\n\n")?;
    let text = format!("{text}\n");
    let signed = signatures.lines().any(|line| {
        let of_key = line
            .strip_prefix("\u{2014} ")
            .and_then(|line| line.strip_prefix(name))
            .and_then(|line| line.strip_prefix(' '));
        let bytes = of_key.and_then(|text| BASE64_STANDARD.decode(text).ok());
        bytes.is_some_and(|bytes| {
            bytes.len() == 68
                && bytes[..4] == named[..4]
                && UnparsedPublicKey::new(&ED25519, public)
                    .verify(text.as_bytes(), &bytes[4..])
                    .is_ok()
        })
    });
    let mut lines = text.lines();
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    (signed && origin == name).then_some(())?;
    Some(Head {
        origin: origin.to_owned(),
        size: size.parse().ok()?,
        root: BASE64_STANDARD.decode(root).ok()?.try_into().ok()?,
    })
}

/// The largest power of two smaller than `n`, which is at least 2.
fn split(n: u64) -> u64 {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// The root that follows from `PATH(m, D[n])` of RFC 6962 §2.1.1, by that definition; none if the path has another length.
pub fn root_of_path(m: u64, n: u64, leaf: &Hash, path: &[Hash]) -> Option<Hash> {
    if m >= n {
        return None;
    }
    if n == 1 {
        return path.is_empty().then_some(*leaf);
    }
    let (last, path) = path.split_last()?;
    let k = split(n);
    if m < k {
        Some(node(&root_of_path(m, k, leaf, path)?, last))
    } else {
        Some(node(last, &root_of_path(m - k, n - k, leaf, path)?))
    }
}

/// The roots of the first `m` and of all `n` leaves that follow from `PROOF(m, D[n])` of RFC 6962 §2.1.2, by that
/// definition, where the first one is already known to be `old`.
pub fn roots_of_proof(m: u64, n: u64, old: &Hash, proof: &[Hash]) -> Option<(Hash, Hash)> {
    (0 < m && m <= n).then_some(())?;
    subproof(m, n, true, old, proof)
}

fn subproof(m: u64, n: u64, whole: bool, old: &Hash, proof: &[Hash]) -> Option<(Hash, Hash)> {
    if m == n {
        return match (whole, proof) {
            (true, []) => Some((*old, *old)),
            (false, [one]) => Some((*one, *one)),
            _ => None,
        };
    }
    let (last, proof) = proof.split_last()?;
    let k = split(n);
    if m <= k {
        let (first, all) = subproof(m, k, whole, old, proof)?;
        Some((first, node(&all, last)))
    } else {
        let (first, all) = subproof(m - k, n - k, false, old, proof)?;
        Some((node(last, &first), node(last, &all)))
    }
}

/// The leaf's hash of an entry of an export, from what the entry itself says.
pub fn leaf(tenant_id: &str, entry: &Value) -> Option<Hash> {
    let record = &entry["record"];
    let mut bytes = b"orderdesk-gateway/leaf/v1\n".to_vec();
    let mut field = |value: Option<&[u8]>| match value {
        Some(value) => {
            bytes.extend((value.len() as u64).to_be_bytes());
            bytes.extend(value);
        }
        None => bytes.extend([0xff; 8]),
    };
    let number = |value: &Value| value.as_u64().map(|number| number.to_string());
    field(Some(number(&entry["position"])?.as_bytes()));
    field(Some(number(&entry["tenant_position"])?.as_bytes()));
    field(Some(record["stream"].as_str()?.as_bytes()));
    field(Some(number(&record["version"])?.as_bytes()));
    field(Some(entry["type"].as_str()?.as_bytes()));
    field(Some(tenant_id.as_bytes()));
    for id in ["store_id", "order_id", "job_id"] {
        field(record[id].as_str().map(str::as_bytes));
    }
    field(Some(&content(&record["data"])?));
    match &record["sealed"] {
        Value::Null => field(None),
        sealed => field(Some(&content(sealed)?)),
    }
    field(Some(&content(&record["meta"])?));
    field(Some(entry["at"].as_str()?.as_bytes()));
    Some(sha256(&[&[0], &bytes]))
}

/// The SHA-256 of a stored column, which is shown as its text, in base64, or not at all.
fn content(value: &Value) -> Option<Hash> {
    if let Some(text) = value.as_str() {
        return Some(sha256(&[text.as_bytes()]));
    }
    if let Some(bytes) = value["base64"].as_str() {
        return Some(sha256(&[&BASE64_STANDARD.decode(bytes).ok()?]));
    }
    hex::decode(value["sha256"].as_str()?).ok()?.try_into().ok()
}

/// The tree from its beginning up to some leaf: complete subtrees, each with how many leaves it has.
#[derive(Default)]
struct Tree {
    size: u64,
    subtrees: Vec<(u64, Hash)>,
}

impl Tree {
    /// Adds a complete subtree at the end, and joins what makes a larger one.
    fn push(&mut self, leaves: u64, hash: Hash) {
        self.size += leaves;
        let mut new = (leaves, hash);
        while let Some((count, left)) = self.subtrees.last().copied()
            && count == new.0
        {
            self.subtrees.pop();
            new = (2 * count, node(&left, &new.1));
        }
        self.subtrees.push(new);
    }

    /// Adds what lies between the end and `until`: the fewest complete subtrees of the whole tree.
    fn gap(&mut self, until: u64, hashes: &[Hash]) -> Option<()> {
        let mut hashes = hashes.iter();
        while self.size < until {
            let mut leaves = 1;
            while self.size.is_multiple_of(leaves * 2) && self.size + leaves * 2 <= until {
                leaves *= 2;
            }
            self.push(leaves, *hashes.next()?);
        }
        (self.size == until && hashes.next().is_none()).then_some(())
    }

    fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev();
        let Some((_, last)) = subtrees.next() else {
            return sha256(&[]);
        };
        subtrees.fold(*last, |right, (_, left)| node(left, &right))
    }
}

/// Checks a whole export (NDJSON) against a key that is known from elsewhere; its entries, or the number of the line
/// that is wrong.
///
/// # Errors
/// The line, from 1.
pub fn export(text: &str, verifier_key: &str) -> Result<Vec<Value>, usize> {
    let mut tree = Tree::default();
    let mut entries: Vec<Value> = Vec::new();
    let (mut tenant, mut signed, mut ended) = (String::new(), None, false);
    for (index, line) in text.lines().enumerate() {
        if ended {
            return Err(index + 1);
        }
        let mut check = || {
            let line: Value = serde_json::from_str(line).ok()?;
            let gap = match &line["gap"] {
                Value::Null => Vec::new(),
                gap => hashes(gap)?,
            };
            match (line["kind"].as_str()?, &signed) {
                ("header", None) => {
                    line["tenant_id"].as_str()?.clone_into(&mut tenant);
                    signed = Some(head(line["checkpoint"].as_str()?, verifier_key)?);
                }
                ("entry", Some(_)) => {
                    let next = |last: &Value| last["tenant_position"].as_u64().map(|at| at + 1);
                    let expected = entries.last().and_then(next);
                    let position = line["tenant_position"].as_u64()?;
                    expected.is_none_or(|next| next == position).then_some(())?;
                    tree.gap(line["position"].as_u64()? - 1, &gap)?;
                    let hash = leaf(&tenant, &line)?;
                    (Some(hash) == self::hash(&line["leaf"])).then_some(())?;
                    tree.push(1, hash);
                    entries.push(line);
                }
                ("checkpoint", Some(_)) => {
                    let earlier = head(line["checkpoint"].as_str()?, verifier_key)?;
                    tree.gap(earlier.size, &gap)?;
                    (tree.root() == earlier.root).then_some(())?;
                }
                ("end", Some(head)) => {
                    tree.gap(head.size, &gap)?;
                    let last = entries
                        .last()
                        .map_or(&Value::Null, |last| &last["tenant_position"]);
                    let right = tree.root() == head.root && line["last_tenant_position"] == *last;
                    right.then_some(())?;
                    ended = true;
                }
                _ => return None,
            }
            Some(())
        };
        if check().is_none() {
            return Err(index + 1);
        }
    }
    if ended {
        Ok(entries)
    } else {
        Err(text.lines().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| sha256(&[&[0], &n.to_be_bytes()])).collect()
    }

    /// MTH of RFC 6962 §2.1.
    fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => sha256(&[]),
            [one] => *one,
            _ => {
                let (left, right) = leaves.split_at(split(leaves.len() as u64) as usize);
                node(&mth(left), &mth(right))
            }
        }
    }

    #[test]
    fn a_tree_of_seven_has_the_proofs_that_the_rfc_shows() {
        // RFC 6962 §2.1.3: PATH(3, D[7]) = [c, g, l], and PROOF(3, D[7]) = [c, d, g, l].
        let d = leaves(7);
        let (g, l) = (mth(&d[..2]), mth(&d[4..]));
        let root = mth(&d);
        assert_eq!(root_of_path(3, 7, &d[3], &[d[2], g, l]), Some(root));
        let old = mth(&d[..3]);
        assert_eq!(roots_of_proof(3, 7, &old, &[d[2], d[3], g, l]), Some((old, root)));
        assert_eq!(
            roots_of_proof(4, 7, &mth(&d[..4]), &[l]),
            Some((mth(&d[..4]), root))
        );
        assert_ne!(root_of_path(2, 7, &d[3], &[d[2], g, l]), Some(root));
        assert_eq!(root_of_path(3, 7, &d[3], &[d[2], g]), None);
        assert_ne!(roots_of_proof(3, 7, &old, &[d[2], d[2], g, l]), Some((old, root)));
    }

    #[test]
    fn a_tree_grows_by_leaves_and_by_gaps_alike() {
        let all = leaves(21);
        for from in 0..21 {
            for until in from..=21 {
                let mut tree = Tree::default();
                all[..from].iter().for_each(|leaf| tree.push(1, *leaf));
                let (mut at, mut gap) = (from, Vec::new());
                while at < until {
                    let mut n = 1;
                    while at % (2 * n) == 0 && at + 2 * n <= until {
                        n *= 2;
                    }
                    gap.push(mth(&all[at..at + n]));
                    at += n;
                }
                tree.gap(until as u64, &gap).unwrap();
                assert_eq!(tree.root(), mth(&all[..until]));
            }
        }
    }
}
