//! `helm-floe platform verify`: do the logins of the catalogs work?

use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::{self, Failure};
use super::platform::Format;
use super::servers::Servers;
use super::tiers::{self, Choice};
use crate::platform::file::PlatformFile;
use crate::platform::login::{self, Grant, Outcome, Problem};
use crate::platform::text::Name;

/// Arguments of `platform verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// Only this catalog.
    #[arg(long, value_name = "NAME")]
    catalog: Option<String>,
    #[command(flatten)]
    servers: Servers,
    /// The answer's format.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the sub-command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let found = args.choice.find_or_local(Path::new("."))?;
    let file = tiers::platform(&found)?;
    known(&file, args.catalog.as_deref(), &found.name)?;
    let environment = |name: &str| std::env::var(name).ok();
    let client = args.servers.client();
    let outcomes = login::verify(&file, args.catalog.as_deref(), &environment, &client)
        .map_err(|clashes| several(&clashes))?;
    let tried = |(_, outcome): &(Name, Outcome)| !matches!(outcome, Outcome::Skipped(_));
    if !outcomes.iter().any(tried) {
        return Err(Failure::Usage(format!(
            "no catalog of {} logs in by oauth2: nothing was tried",
            found.name
        )));
    }
    let text = match args.format {
        Format::Json => {
            let catalogs: Vec<Value> = outcomes.iter().map(as_json).collect();
            format!(
                "{:#}\n",
                json!({"platform": found.name, "catalogs": catalogs})
            )
        }
        Format::Text => outcomes.iter().filter_map(as_text).collect(),
    };
    output::stdout(text.as_bytes())?;
    Ok(verdict(&outcomes))
}

/// Names every problem and gives the exit code: 2 when a login could not be tried, else 1 when one
/// was refused.
fn verdict(outcomes: &[(Name, Outcome)]) -> ExitCode {
    let mut lines = String::new();
    let mut code = 0;
    for (name, outcome) in outcomes {
        let Outcome::Failed(problems) = outcome else {
            continue;
        };
        for problem in problems {
            lines.push_str(&format!("helm-floe: catalogs.{name}: {problem}\n"));
            code = code.max(if problem.is_refusal() { 1 } else { 2 });
        }
    }
    output::stderr(&lines);
    ExitCode::from(code)
}

fn known(file: &PlatformFile, catalog: Option<&str>, platform: &str) -> Result<(), Failure> {
    let names: Vec<&str> = file.catalogs.keys().map(Name::as_str).collect();
    match catalog {
        Some(name) if !names.contains(&name) => Err(Failure::Usage(format!(
            "no catalog `{name}` in {platform}{}",
            crate::config::schema::suggest(name, &names)
        ))),
        _ => Ok(()),
    }
}

fn several(clashes: &[String]) -> Failure {
    let mut lines = clashes.to_vec();
    lines.push(
        "one secret would go to the other's server: try one at a time with --catalog NAME".into(),
    );
    Failure::Config(lines)
}

fn as_text((name, outcome): &(Name, Outcome)) -> Option<String> {
    match outcome {
        Outcome::Granted {
            first,
            refresh_token,
            second,
        } => {
            let by = match refresh_token {
                true => "the refresh token gave another one",
                false => "a second request gave another one",
            };
            let same = match first.scope == second.scope {
                true => lasting(second),
                false => told(second),
            };
            Some(format!(
                "catalogs.{name}: a token {}; {by} {same}\n",
                told(first)
            ))
        }
        Outcome::Skipped(mode) => Some(format!(
            "catalogs.{name}: not tried, it does not log in by oauth2 but by {}\n",
            mode.as_str()
        )),
        Outcome::Failed(_) => None,
    }
}

fn told(grant: &Grant) -> String {
    let scope = match grant.scope.as_deref() {
        Some("") => "no scope".into(),
        Some(scope) => format!("scope {scope}"),
        None => "a scope that is not shown, because it could hold a secret".into(),
    };
    format!("{}, with {scope}", lasting(grant))
}

fn lasting(grant: &Grant) -> String {
    match grant.expires_in {
        Some(seconds) => format!("for {seconds} s"),
        None => "without a word on when it expires".into(),
    }
}

fn as_json((name, outcome): &(Name, Outcome)) -> Value {
    let grant = |grant: &Grant| json!({"expires_in": grant.expires_in, "scope": grant.scope});
    let fields = match outcome {
        Outcome::Granted {
            first,
            refresh_token,
            second,
        } => json!({
            "result": "granted",
            "token": grant(first),
            "refreshed": grant(second),
            "refresh_token": refresh_token,
        }),
        Outcome::Skipped(mode) => json!({"result": "skipped", "mode": mode.as_str()}),
        Outcome::Failed(problems) => json!({
            "result": "failed",
            "problems": problems.iter().map(Problem::to_string).collect::<Vec<_>>(),
        }),
    };
    let mut all = json!({"catalog": name.as_str()});
    if let (Value::Object(all), Value::Object(fields)) = (&mut all, fields) {
        all.extend(fields);
    }
    all
}
