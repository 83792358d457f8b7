//! One process per data folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

const NAME: &str = "gateway.lock";

/// Proof that no other process uses the folder; ends with this value or with the process, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Why the folder could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("the data folder {} is in use by another process{}", folder.display(), holder.as_deref().unwrap_or_default())]
    Taken {
        /// The folder.
        folder: PathBuf,
        /// ` (pid 123)`, if it said so.
        holder: Option<String>,
    },
    /// It cannot be used at all.
    #[error("the data folder {} cannot be locked", folder.display())]
    Io {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// Takes a folder for this process alone; makes it if there is none.
///
/// # Errors
/// [`LockError::Taken`] if another process has it, or this one already.
pub fn lock_folder(folder: impl AsRef<Path>) -> Result<FolderLock, LockError> {
    let folder = folder.as_ref();
    let io = |source| LockError::Io {
        folder: folder.to_owned(),
        source,
    };
    make_private(folder).map_err(io)?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join(NAME))
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let holder = file
                .read_to_string(&mut text)
                .ok()
                .and_then(|_| text.trim().parse::<u32>().ok());
            let holder = holder.map(|pid| format!(" (pid {pid})"));
            return Err(LockError::Taken {
                folder: folder.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(source)) => return Err(io(source)),
    }
    // Only for the message above; the lock itself is the kernel's.
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(FolderLock { _file: file })
}

/// Makes a folder, and what lies above it, for this user alone.
pub(crate) fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_until_it_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let lock = lock_folder(&path).unwrap();
        let error = lock_folder(&path).unwrap_err().to_string();
        assert!(error.contains("in use by another process"), "{error}");
        assert!(
            error.contains(&format!("(pid {})", std::process::id())),
            "{error}"
        );
        drop(lock);
        lock_folder(&path).unwrap();
    }
}
