//! The options of what talks to servers.

use std::time::Duration;

use clap::Args;

use crate::http::{Client, Reach};

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
}
