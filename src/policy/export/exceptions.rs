//! The platform's exceptions, as conditions on a request.
//!
//! An exception names a workload. The pods that Kubernetes makes for that workload are other
//! objects with other names, so it has to cover them too; and only them, so whoever sends the
//! request must be a controller of Kubernetes: everybody else can write any owner into an object.

use globset::Glob;
use serde_json::{Value, json};

use super::{Expr, literal, pattern};
use crate::policy::exceptions::{Exception, Pattern};

/// Who makes pods, ReplicaSets and Jobs for others: the controller manager, under its own name or
/// under one of each controller (`--use-service-account-credentials`).
const CONTROLLERS: [&str; 8] = [
    "system:kube-controller-manager",
    "system:serviceaccount:kube-system:cronjob-controller",
    "system:serviceaccount:kube-system:daemon-set-controller",
    "system:serviceaccount:kube-system:deployment-controller",
    "system:serviceaccount:kube-system:job-controller",
    "system:serviceaccount:kube-system:replicaset-controller",
    "system:serviceaccount:kube-system:replication-controller",
    "system:serviceaccount:kube-system:statefulset-controller",
];

/// How the objects are called that a controller makes: the owner's name and this.
const HASH: &str = "-[a-z0-9]+";
const NUMBER: &str = "-[0-9]+";

/// The most conditions a policy may have (k8s.io/kubernetes, pkg/apis/admissionregistration), the
/// one about changes left out.
const MAX_CONDITIONS: usize = 63;
/// As many have other reasons.
const OTHER_CONDITIONS: usize = 2;

/// What the exceptions from one policy come to.
#[derive(Debug, Default)]
pub struct Exempt {
    /// Where any of these holds, the policy does not apply: the exception's number and condition.
    pub requests: Vec<(usize, Expr)>,
    /// Where one of these holds, containers of such names are left alone.
    pub containers: Vec<Containers>,
    /// Exceptions with nothing to say to the API server, and why.
    pub left_out: Vec<(usize, String)>,
}

impl Exempt {
    /// The exceptions as conditions of a policy; where there are more than the API server takes, the
    /// last one holds the rest.
    pub fn conditions(&self) -> Vec<Value> {
        let condition = |name: &str, holds: Expr| json!({"name": name, "expression": holds.text()});
        let one = |(number, request): &(usize, Expr)| {
            condition(&format!("exception-{number}"), request.clone().not())
        };
        let room = MAX_CONDITIONS - OTHER_CONDITIONS;
        if self.requests.len() <= room {
            return self.requests.iter().map(one).collect();
        }
        let (first, rest) = self.requests.split_at(room - 1);
        let rest = Expr::all(rest.iter().map(|(_, request)| request.clone().not()));
        let mut conditions: Vec<Value> = first.iter().map(one).collect();
        conditions.push(condition("further-exceptions", rest));
        conditions
    }
}

/// Containers that an exception names.
#[derive(Debug)]
pub struct Containers {
    /// The exception's number.
    pub number: usize,
    /// Which requests it is about.
    pub request: Expr,
    /// Which names, of a container `c`.
    pub named: Expr,
}

/// The exceptions from a policy on a day, `YYYY-MM-DD`. Those that have expired are gone.
pub fn exempt(policy: &str, exceptions: &[Exception], today: &str) -> Exempt {
    let mut exempt = Exempt::default();
    for (index, exception) in exceptions.iter().enumerate() {
        let number = index + 1;
        if exception.is_over(today) || !exception.policy.matches(policy) {
            continue;
        }
        match condition(exception) {
            Err(reason) => exempt.left_out.push((number, reason)),
            Ok((request, None)) => exempt.requests.push((number, request)),
            Ok((request, Some(named))) => exempt.containers.push(Containers {
                number,
                request,
                named,
            }),
        }
    }
    exempt
}

/// Which requests an exception is about, and which containers if not all of them.
fn condition(exception: &Exception) -> Result<(Expr, Option<Expr>), String> {
    if exception.file.is_some() {
        return Err("it is about a file, of which the API server knows nothing".to_owned());
    }
    if exception.pointer.is_some() {
        return Err(
            "it is about one place in the object, and a policy of the API server has one verdict \
             on the whole"
                .to_owned(),
        );
    }
    let named = |pattern: &Option<Pattern>, on: &str| match pattern {
        Some(pattern) => matches(pattern, on, ""),
        None => Ok(Expr::Always(true)),
    };
    let mut all = vec![named(&exception.namespace, "request.namespace")?];
    all.push(Expr::any([itself(exception)?, owned(exception)?]));
    if let Some(last) = &exception.expires {
        // A new object has the time of its making; that is the only clock there is.
        all.push(Expr::relation(format!(
            "timestamp(object.metadata.creationTimestamp) < timestamp('{last}T00:00:00Z') + duration('24h')"
        )));
    }
    let containers = exception.container.as_ref();
    let containers = containers.map(|pattern| matches(pattern, "c.name", ""));
    Ok((Expr::all(all), containers.transpose()?))
}

/// The object itself.
fn itself(exception: &Exception) -> Result<Expr, String> {
    let kind = exception
        .kind
        .as_ref()
        .map(|kind| Expr::relation(format!("object.kind == {}", literal::string(kind))));
    let name = exception.name.as_ref();
    let name = name
        .map(|pattern| matches(pattern, "object.metadata.name", ""))
        .transpose()?;
    Ok(Expr::all(kind.into_iter().chain(name)))
}

/// What Kubernetes makes for the object.
fn owned(exception: &Exception) -> Result<Expr, String> {
    let name_of_owner = |suffix: &str| match &exception.name {
        Some(pattern) => matches(pattern, "o.name", suffix),
        None => Ok(Expr::Always(true)),
    };
    let owner = |kind: &str, suffix: &str| {
        let kind = Expr::relation(format!("o.kind == {}", literal::string(kind)));
        Ok::<Expr, String>(Expr::all([kind, name_of_owner(suffix)?]))
    };
    let owners = match exception.kind.as_deref() {
        Some("Pod") => return Ok(Expr::Always(false)),
        Some(
            kind @ ("ReplicaSet" | "ReplicationController" | "StatefulSet" | "DaemonSet" | "Job"),
        ) => {
            vec![owner(kind, "")?]
        }
        // An exception for every Deployment is not one for every ReplicaSet of anybody's.
        Some("Deployment") if exception.name.is_none() => {
            return Err(format!(
                "{}; {NAME_IT}",
                owner_chain("Deployment", "ReplicaSet")
            ));
        }
        Some("CronJob") if exception.name.is_none() => {
            return Err(format!("{}; {NAME_IT}", owner_chain("CronJob", "Job")));
        }
        Some("Deployment") => vec![owner("Deployment", "")?, owner("ReplicaSet", HASH)?],
        Some("CronJob") => vec![owner("CronJob", "")?, owner("Job", NUMBER)?],
        Some("PodTemplate") => return Ok(Expr::Always(false)),
        Some(kind) => {
            return Err(format!(
                "the pods of a {kind} are made by its operator; except what the operator makes, for \
                 example a StatefulSet"
            ));
        }
        None if exception.name.is_none() => return Ok(Expr::Always(false)),
        None => vec![
            name_of_owner("")?,
            owner("ReplicaSet", HASH)?,
            owner("Job", NUMBER)?,
        ],
    };
    let controller = ["has(o.controller)", "o.controller"].map(Expr::call);
    let body = Expr::all(controller.into_iter().chain([Expr::any(owners)]));
    Ok(Expr::all([
        is_controller(),
        Expr::call("has(object.metadata.ownerReferences)"),
        Expr::each("object.metadata.ownerReferences", "exists", "o", body),
    ]))
}

const NAME_IT: &str = "name the workloads";

fn owner_chain(kind: &str, between: &str) -> String {
    format!("a pod names its {between}, and not the {kind} behind it")
}

fn is_controller() -> Expr {
    let names = CONTROLLERS.map(literal::string);
    Expr::relation(format!(
        "request.userInfo.username in [{}]",
        names.join(", ")
    ))
}

/// Whether a name matches a glob; with a suffix, whether it is such a name followed by it.
fn matches(glob: &Pattern, on: &str, suffix: &str) -> Result<Expr, String> {
    let text = glob.to_string();
    let literal = !text.contains(['*', '?', '[', ']', '{', '}', '\\']);
    if suffix.is_empty() && literal {
        return Ok(Expr::relation(format!(
            "{on} == {}",
            literal::string(&text)
        )));
    }
    if suffix.is_empty() && text == "*" {
        return Ok(Expr::Always(true));
    }
    let compiled = Glob::new(&text).map_err(|error| error.to_string())?;
    let regex = compiled.regex();
    let regex = regex.strip_prefix("(?-u)").unwrap_or(regex);
    let regex = regex.strip_suffix('$').unwrap_or(regex);
    let regex = format!("{regex}{suffix}$");
    pattern::check(&regex).map_err(|reason| format!("the glob `{text}`: {reason}"))?;
    Ok(Expr::call(format!(
        "{on}.matches({})",
        literal::string(&regex)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    fn exceptions(text: &str) -> Vec<Exception> {
        Source::parse("p", text).unwrap().decode().unwrap()
    }

    fn one(text: &str) -> Result<(String, Option<String>), String> {
        let exceptions = exceptions(&format!("- {{policy: pss/x, reason: r, {text}}}\n"));
        let (request, containers) = condition(&exceptions[0])?;
        Ok((request.text(), containers.map(|named| named.text())))
    }

    #[test]
    fn a_workload_is_excepted_with_what_is_made_for_it() {
        let (agent, _) = one("kind: DaemonSet, name: agent, namespace: 'mon-*'").unwrap();
        for part in [
            "request.namespace.matches('^mon\\\\-.*$')",
            "object.kind == 'DaemonSet' && object.metadata.name == 'agent'",
            "request.userInfo.username in ['system:kube-controller-manager', ",
            "o.kind == 'DaemonSet' && o.name == 'agent'",
        ] {
            assert!(agent.contains(part), "{part} in\n{agent}");
        }
        let (web, _) = one("kind: Deployment, name: web").unwrap();
        assert!(
            web.contains("o.kind == 'ReplicaSet' && o.name.matches('^web-[a-z0-9]+$')"),
            "{web}"
        );
        let (nightly, _) = one("kind: CronJob, name: nightly").unwrap();
        assert!(
            nightly.contains("o.kind == 'Job' && o.name.matches('^nightly-[0-9]+$')"),
            "{nightly}"
        );
    }

    #[test]
    fn what_is_absent_is_not_asked() {
        let cases = [
            ("namespace: a", "request.namespace == 'a'"),
            ("namespace: '*'", "true"),
            (
                "kind: Pod, name: p",
                "object.kind == 'Pod' && object.metadata.name == 'p'",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(one(text), Ok((expected.to_owned(), None)), "{text}");
        }
        let (request, containers) = one("namespace: a, container: 'side*'").unwrap();
        assert_eq!(request, "request.namespace == 'a'");
        assert_eq!(containers.as_deref(), Some("c.name.matches('^side.*$')"));
    }

    #[test]
    fn the_last_day_counts() {
        let (request, _) = one("namespace: a, expires: 2027-03-31").unwrap();
        let clock = "timestamp(object.metadata.creationTimestamp) < timestamp('2027-03-31T00:00:00Z') + duration('24h')";
        assert!(request.contains(clock), "{request}");
        let all = exceptions(
            "- {policy: 'pss/*', reason: r, expires: 2027-03-31}\n- {policy: other/x, reason: r}\n",
        );
        assert_eq!(exempt("pss/x", &all, "2027-03-31").requests.len(), 1);
        assert_eq!(exempt("pss/x", &all, "2027-04-01").requests.len(), 0);
    }

    #[test]
    fn what_the_api_server_cannot_tell_is_left_out() {
        for (text, reason) in [
            ("file: a.yaml", "file"),
            ("pointer: /data/a", "one place"),
            ("kind: Prometheus", "operator"),
            ("kind: Deployment", "names its ReplicaSet"),
        ] {
            let error = one(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
