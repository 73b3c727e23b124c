//! The options of what talks to servers.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::output::Failure;
use super::tiers::Found;
use crate::check::secrets::scan;
use crate::http::{Client, Reach};
use crate::registry;
use crate::registry::login::Logins;
use crate::registry::reference::{Reference, SCHEME};

/// How servers may be talked to.
#[derive(Clone, Debug, Args)]
pub struct Servers {
    /// Talk to other machines over http:// too, where anybody on the way can read along.
    #[arg(long)]
    pub plain_http: bool,
    /// How long one answer may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,
}

impl Servers {
    /// The client that these options ask for.
    pub fn client(&self) -> Client {
        Client::new(Reach {
            plain: self.plain_http,
            timeout: Duration::from_secs(self.timeout),
        })
    }

    /// Pulls the artifact that a reference names.
    pub fn pull(&self, reference: &str) -> Result<Found, Failure> {
        let parsed: Reference = reference.parse().map_err(|reason| {
            // What is no reference can hold anything, a login for one.
            let shown = match scan::value(scan::Context::default(), reference).is_empty() {
                true => reference,
                false => SCHEME,
            };
            Failure::Usage(format!("--artifact {shown}: {reason}"))
        })?;
        let pulled = registry::pull(&parsed, &self.client(), &logins()?);
        let text = pulled.map_err(|e| Failure::Usage(format!("{reference}: {e}")))?;
        Ok(Found {
            name: reference.to_owned(),
            text,
            environment: None,
        })
    }
}

/// The logins in Docker's configuration; none where there is no such file.
fn logins() -> Result<Logins, Failure> {
    let folder = match (std::env::var_os("DOCKER_CONFIG"), std::env::var_os("HOME")) {
        (Some(folder), _) if !folder.is_empty() => PathBuf::from(folder),
        (_, Some(home)) => PathBuf::from(home).join(".docker"),
        _ => return Ok(Logins::default()),
    };
    let file = folder.join("config.json");
    let wrong =
        |reason: &dyn std::fmt::Display| Failure::Usage(format!("{}: {reason}", file.display()));
    match std::fs::read_to_string(&file) {
        Ok(text) => Logins::read(&text).map_err(|reason| wrong(&reason)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Logins::default()),
        Err(error) => Err(wrong(&error)),
    }
}
