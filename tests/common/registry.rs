//! A real container registry on a loopback address.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use super::tools;

/// A registry that lives as long as the value.
pub struct Registry {
    child: Child,
    /// Host and port.
    pub address: String,
}

impl Registry {
    /// Starts the registry of `scripts/tools`.
    pub fn start() -> Self {
        let program = tools().join("registry/registry");
        assert!(program.is_file(), "run scripts/tools registry");
        let mut command = Command::new(program);
        command.args(["-port", "0"]).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        log.read_line(&mut line).expect("says its port");
        // It goes on to tell of every request.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let port = line.trim().rsplit(' ').next().expect("a port");
        let address = format!("localhost:{port}");
        Self { child, address }
    }

    /// An address of Helm's and ours.
    pub fn url(&self, path: &str) -> String {
        format!("oci://{}/{path}", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
