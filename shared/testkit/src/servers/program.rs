//! Where the servers' programs are.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

/// The one place that knows how to look and what to install; it also serves `tests/run`.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/install-servers");

static FOUND: Mutex<Option<HashMap<&'static str, Program>>> = Mutex::new(None);

/// A server's program and, if it was unpacked rather than installed, where its libraries are.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    libraries: Option<String>,
}

impl Program {
    /// Finds `name`, installing it if need be, which takes seconds to minutes.
    pub(crate) async fn find(name: &'static str) -> Self {
        tokio::task::spawn_blocking(move || Self::find_blocking(name))
            .await
            .expect("the search does not panic")
    }

    fn find_blocking(name: &'static str) -> Self {
        // The lock is held over the search: the tests of one process need not search side by side.
        let mut found = FOUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let programs = found.get_or_insert_with(HashMap::new);
        programs.entry(name).or_insert_with(|| Self::search(name)).clone()
    }

    fn search(name: &str) -> Self {
        let output = Command::new("bash")
            .args([SCRIPT, "--path", name])
            .stdin(Stdio::null())
            .output()
            .expect("bash runs tests/install-servers");
        let says = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "tests/install-servers found no {name}:\n{says}"
        );
        let line = String::from_utf8_lossy(&output.stdout)
            .trim_end_matches('\n')
            .to_owned();
        let (path, libraries) = line.split_once('\t').expect("two columns");
        let libraries = (!libraries.is_empty()).then(|| libraries.to_owned());
        Self {
            path: PathBuf::from(path),
            libraries,
        }
    }

    /// The program `name` of the same installation.
    pub(crate) fn sibling(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("/")).join(name)
    }

    /// Gives the command what the program needs to load.
    pub(crate) fn load(&self, command: &mut Command) {
        if let Some(libraries) = &self.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
    }
}
