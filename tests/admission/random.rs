//! Random pods: Pod Security admission, the exported policies and `check` say the same of each.

use std::collections::BTreeSet;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::api::Answer;
use crate::common::{feed, floe};
use crate::complete::complete;
use crate::server::{CARRIERS, EXPORTED, POD_SECURITY, Server, Verdict, carried, dry_run, stream};
use crate::{pods, random_pods};

/// Random pods without end, never the same twice over two runs.
pub fn random() -> impl Iterator<Item = Value> {
    let seed: [u8; 32] = std::array::from_fn(|index| (std::process::id() >> (index % 4 * 8)) as u8);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    std::iter::from_fn(move || Some(pods::pod().new_tree(&mut runner).unwrap().current()))
}

/// The policies of which the API server warns, by the end of their names.
fn warned(answer: &Answer) -> BTreeSet<String> {
    let names = answer.warnings.iter().filter_map(|text| {
        let (_, rest) = text.split_once("ValidatingAdmissionPolicy '")?;
        let (name, _) = rest.split_once('\'')?;
        let (_, policy) = name.split_once("-pss-")?;
        Some(policy.to_owned())
    });
    names.collect()
}

/// The policies that `check` finds broken, of each document.
fn checked(objects: &[Value], version: &str) -> Vec<BTreeSet<String>> {
    let only = ["check", "-", "--only", "pss/*", "--format", "json"];
    let args = [&only[..], &["--pss-version", version]].concat();
    let output = feed(&mut floe(&args), stream(objects).as_bytes());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let mut found = vec![BTreeSet::new(); objects.len()];
    for finding in report["findings"].as_array().unwrap() {
        let policy = finding["policy"].as_str().unwrap().replace("pss/", "");
        let policy = policy.replace('_', "-").to_ascii_lowercase();
        found[finding["document"].as_u64().unwrap() as usize].insert(policy);
    }
    found
}

/// The policies a pod breaks, as they are seen at admission: there, a pod on the host's network has
/// host ports, because the API server writes them into every port it has.
fn at_admission(
    pod: &Value,
    mut broken: BTreeSet<String>,
    warned: &BTreeSet<String>,
) -> BTreeSet<String> {
    if pod["spec"]["hostNetwork"] == json!(true) && warned.contains("hostports") {
        broken.insert("hostports".to_owned());
    }
    broken
}

#[test]
fn three_judges_agree_on_random_pods() {
    let Some(mut server) = Server::new("random") else {
        return;
    };
    let level = |mode: &str| format!("pod-security.kubernetes.io/{mode}=restricted");
    let (refuse, warn) = (server.selector("refuse"), server.selector("warn"));
    let standard = server.namespace("standard", &[&level("enforce")]);
    let refusing = server.namespace("refuse", &[&refuse]);
    let warning = server.namespace("warn", &[&warn, &level("warn")]);
    let version = server.version();
    let map = [
        "--format",
        "vap",
        "--only",
        "pss/*",
        "--pss-version",
        &version,
    ];
    server.export("warn", &[&map[..], &["--on-violation", "warn"]].concat());
    server.export("refuse", &map);

    let mut connection = server.connect();
    let mut ask = |namespace: &str, (api, resource): (&str, &str), object: &Value| {
        connection.send("POST", &dry_run(api, namespace, resource), object)
    };
    let pods = ("api/v1", "pods");
    let (mut judged, mut answers, mut admitted, mut invalid, mut carriers) =
        (vec![], vec![], 0, 0, 0);
    for pod in random() {
        if judged.len() == random_pods() {
            break;
        }
        let pod = complete(&pod, &format!("p{}", judged.len()));
        let warned_of = ask(&warning, pods, &pod);
        if Verdict::of(&warned_of, EXPORTED) == Verdict::Invalid {
            invalid += 1;
            continue;
        }
        let theirs = Verdict::of(&ask(&standard, pods, &pod), POD_SECURITY);
        let ours = Verdict::of(&ask(&refusing, pods, &pod), EXPORTED);
        assert_eq!(theirs, ours, "{pod}");
        admitted += usize::from(ours == Verdict::Admitted);
        if judged.len().is_multiple_of(4) {
            let carrier = CARRIERS[judged.len() / 4 % CARRIERS.len()];
            let object = carried(&pod, carrier, "x");
            let of_carrier =
                Verdict::of(&ask(&refusing, (carrier.0, carrier.1), &object), EXPORTED);
            if of_carrier != Verdict::Invalid {
                assert_eq!(of_carrier, ours, "{object}");
                carriers += 1;
            }
        }
        answers.push(warned(&warned_of));
        judged.push(pod);
    }
    let ours = checked(&judged, &version);
    for ((pod, broken), answer) in judged.iter().zip(ours).zip(&answers) {
        assert_eq!(&at_admission(pod, broken, answer), answer, "{pod}");
    }
    eprintln!(
        "{} pods judged ({admitted} admitted), {carriers} carriers, {invalid} invalid",
        judged.len()
    );
    assert!(
        admitted * 20 > judged.len() && admitted * 20 < judged.len() * 19,
        "{admitted}"
    );
    assert!(carriers * 5 > judged.len(), "{carriers}");
}
