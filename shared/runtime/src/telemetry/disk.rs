//! How much room is left on the disk.

use std::path::{Path, PathBuf};

use metrics::{Unit, describe_gauge, gauge};
use nix::sys::statvfs::statvfs;

/// Watches the file system of one folder.
pub(super) struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Of the folder, or of its nearest parent while it does not exist yet.
    pub(super) fn new(folder: &Path) -> Self {
        describe_gauge!(
            "disk_free_bytes",
            Unit::Bytes,
            "Space left on the file system that holds the embedded ledger, or that the process runs on."
        );
        describe_gauge!("disk_size_bytes", Unit::Bytes, "Size of that file system.");
        let disk = Self {
            folder: folder.to_owned(),
        };
        disk.collect();
        disk
    }

    /// Measures anew. What cannot be measured keeps its last value.
    pub(super) fn collect(&self) {
        let folders = self.folder.ancestors().chain([Path::new(".")]);
        if let Some(room) = folders.into_iter().find_map(|folder| statvfs(folder).ok()) {
            let block = room.fragment_size() as f64;
            gauge!("disk_free_bytes").set(room.blocks_available() as f64 * block);
            gauge!("disk_size_bytes").set(room.blocks() as f64 * block);
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    fn free(folder: &Path) -> f64 {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || Disk::new(folder));
        let text = recorder.handle().render();
        let line = text.lines().find(|line| line.starts_with("disk_free_bytes "));
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok())
            .expect(&text)
    }

    #[test]
    fn a_folder_that_is_still_to_be_made_counts_as_its_parent() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(free(folder.path()) > 0.0);
        assert!(free(&folder.path().join("not/yet")) > 0.0);
        assert!(free(Path::new("not/yet")) > 0.0);
    }
}
