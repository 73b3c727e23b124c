//! What every chart is held to.

use serde_json::Value;

use crate::common::oracle::{self, Oracle};
use crate::common::{Helm, MAJORS};
use crate::render::{
    Case, FILTER, NAMESPACE, RELEASE, all, cases, containers, floe_on, id, objects, once, pods,
    template, template_pointer,
};

#[test]
fn helm_has_nothing_to_say() {
    for major in MAJORS {
        let helm = Helm::new(major);
        for case in cases() {
            let mut arguments = vec!["lint", "--strict", "--quiet"];
            arguments.extend(case.arguments());
            let said = helm.run(&arguments);
            let text = format!("{}{}", said.stdout, said.stderr);
            let loud = text.contains("[WARNING]") || text.contains("[ERROR]");
            assert!(said.code == 0 && !loud, "{}: {text}", case.name());
        }
    }
}

/// Argo CD and Flux render again and again, and apply whatever differs.
#[test]
fn rendering_twice_gives_the_same() {
    let helms = MAJORS.map(Helm::new);
    for rendered in all() {
        let helm = helms.iter().find(|h| h.major == rendered.major);
        let again = template(helm.expect("there"), &rendered.case.arguments()).ok();
        assert_eq!(rendered.stream, again, "{}", rendered.name());
    }
}

#[test]
fn both_helms_give_the_same_objects() {
    let (three, four) = all().split_at(all().len() / 2);
    for (three, four) in three.iter().zip(four) {
        let sorted = |stream: &str| {
            let mut objects = objects(stream);
            objects.sort_by_key(id);
            objects
        };
        let name = three.case.name();
        assert_eq!(sorted(&three.stream), sorted(&four.stream), "{name}");
    }
}

/// Whether a finding is about a Secret or ConfigMap that somebody makes before the release, and is told
/// to: in the chart's README, or in the values file that names it.
fn made_before(finding: &Value, case: &Case) -> bool {
    let policy = finding["policy"].as_str().unwrap_or_default();
    let message = finding["message"].as_str().unwrap_or_default();
    let Some((object, _)) = message.split_once(" is not in these manifests") else {
        return false;
    };
    let name = object.rsplit(' ').next().unwrap_or_default();
    let name = name.strip_prefix(&format!("{RELEASE}-")).unwrap_or(name);
    let told = [Some(case.chart.join("README.md")), case.values.clone()];
    let told = told.iter().flatten().map(std::fs::read_to_string);
    ["wiring/secret", "wiring/config-map"].contains(&policy)
        && told.flatten().any(|text| text.contains(name))
}

#[test]
fn nothing_is_found_without_the_filter() {
    for rendered in once() {
        let arguments = ["check", "-", "--format", "json", "--release", RELEASE];
        let said = floe_on(&arguments, &rendered.stream).ok();
        let report: Value = serde_json::from_str(&said).expect("JSON");
        let mut findings = report["findings"].as_array().expect("a list").clone();
        findings.retain(|finding| !made_before(finding, &rendered.case));
        assert!(findings.is_empty(), "{}: {findings:#?}", rendered.name());
    }
}

#[test]
fn kubernetes_admits_every_pod_without_the_filter() {
    let Some(program) = oracle::program() else {
        return;
    };
    let mut oracle = Oracle::start(&program, &["restricted:latest".into()]);
    let mut seen = 0;
    for rendered in all() {
        for (name, pod) in pods(&rendered.stream) {
            let answer = oracle.ask(&pod);
            let failed = &answer["checks"][0];
            let fine = answer.get("error").is_none() && failed.as_array().is_none_or(Vec::is_empty);
            assert!(fine, "{}, {name}: {answer}", rendered.name());
            seen += 1;
        }
    }
    assert!(seen >= 100, "{seen} pods");
}

/// The points of kubesec's rules (kubesec.io), as far as they are about pods: 8 and more are asked for.
fn score(pod: &Value, container: &Value) -> i32 {
    let spec = &pod["spec"];
    let own = &container["securityContext"];
    let either = |field: &str| match own.get(field) {
        Some(value) => value.clone(),
        None => spec["securityContext"][field].clone(),
    };
    let above = |field: &str| either(field).as_i64().is_some_and(|id| id > 10_000);
    let drops = own["capabilities"]["drop"].as_array();
    let good = [
        (3, spec["serviceAccountName"].is_string()),
        (1, either("seccompProfile")["type"].is_string()),
        (1, container["resources"]["limits"]["cpu"] != Value::Null),
        (1, container["resources"]["limits"]["memory"] != Value::Null),
        (1, container["resources"]["requests"]["cpu"] != Value::Null),
        (
            1,
            container["resources"]["requests"]["memory"] != Value::Null,
        ),
        (1, drops.is_some_and(|drops| !drops.is_empty())),
        (1, drops.is_some_and(|drops| drops.contains(&"ALL".into()))),
        (1, either("runAsNonRoot") == true),
        (1, above("runAsUser")),
        (1, above("runAsGroup")),
        (1, own["readOnlyRootFilesystem"] == true),
        (1, spec["automountServiceAccountToken"] == false),
    ];
    let bad = [
        (30, own["privileged"] == true),
        (7, own["allowPrivilegeEscalation"] == true),
        (9, spec["hostNetwork"] == true),
        (9, spec["hostPID"] == true),
        (9, spec["hostIPC"] == true),
        (3, spec.get("hostAliases").is_some()),
    ];
    let sum = |rules: &[(i32, bool)]| rules.iter().filter(|r| r.1).map(|r| r.0).sum::<i32>();
    sum(&good) - sum(&bad)
}

#[test]
fn every_container_scores_well() {
    for rendered in once() {
        for (name, pod) in pods(&rendered.stream) {
            for container in containers(&pod) {
                let score = score(&pod, container);
                let own = &container["name"];
                assert!(score >= 8, "{}, {name}, {own}: {score}", rendered.name());
            }
        }
    }
}

/// A container that serves says when it is alive and when it is ready; a probe that starts a process
/// gets more than the second that is the default.
#[test]
fn servers_are_probed() {
    for rendered in once() {
        for (name, pod) in pods(&rendered.stream) {
            let serves = name.starts_with("Deployment") || name.starts_with("StatefulSet");
            let list = pod["spec"]["containers"].as_array().expect("containers");
            for container in list {
                let place = format!("{}, {name}, {}", rendered.name(), container["name"]);
                let probe = |probe: &str| container.get(probe);
                assert!(!serves || probe("livenessProbe").is_some(), "{place}");
                let ported = container.get("ports").is_some();
                assert!(
                    !serves || !ported || probe("readinessProbe").is_some(),
                    "{place}"
                );
                for kind in ["startupProbe", "livenessProbe", "readinessProbe"] {
                    let probe = probe(kind).unwrap_or(&Value::Null);
                    let hurried = probe.get("exec").is_some() && probe["timeoutSeconds"].is_null();
                    assert!(!hurried, "{place}, {kind}");
                }
            }
        }
    }
}

/// The image of PostgreSQL prepares a new volume with a server that answers on its socket only: asked
/// there, a database is ready that takes no connections yet. And it must be left time for that.
#[test]
fn databases_are_asked_where_others_ask_them() {
    let mut asked = 0;
    for rendered in once() {
        for (name, pod) in pods(&rendered.stream) {
            let list = pod["spec"]["containers"].as_array().expect("containers");
            for container in list.iter().filter(|c| c.to_string().contains("pg_isready")) {
                let place = format!("{}, {name}, {}", rendered.name(), container["name"]);
                for kind in ["startupProbe", "livenessProbe", "readinessProbe"] {
                    let command = container[kind]["exec"]["command"].to_string();
                    assert!(command.contains("--host"), "{place}, {kind}: {command}");
                    asked += 1;
                }
                let probe = &container["startupProbe"];
                let number = |field: &str| probe[field].as_u64().unwrap_or_default();
                let seconds = number("periodSeconds") * number("failureThreshold");
                assert!(seconds >= 180, "{place}: {seconds} s to begin with");
            }
        }
    }
    assert!(asked > 0);
}

/// Clients of PostgreSQL ask nothing when they know no user, and a pod's user is one of its own image
/// only.
#[test]
fn whoever_waits_for_a_database_names_a_user() {
    let mut waiting = 0;
    for rendered in once() {
        for (name, pod) in pods(&rendered.stream) {
            for container in containers(&pod) {
                let text = container.to_string();
                if text.contains("pg_isready") {
                    let named = text.contains("PGUSER") || text.contains("--username");
                    assert!(named, "{}, {name}: {text}", rendered.name());
                    waiting += 1;
                }
            }
        }
    }
    assert!(waiting > 0);
}

/// No tag that means another image tomorrow.
#[test]
fn images_are_pinned() {
    for rendered in once() {
        for (name, pod) in pods(&rendered.stream) {
            for container in containers(&pod) {
                let image = container["image"].as_str().unwrap_or_default();
                let last = image.rsplit('/').next().unwrap_or_default();
                let tag = last.split_once(':').map_or("", |(_, tag)| tag);
                let pinned = image.contains('@') || !tag.is_empty() && tag != "latest";
                assert!(pinned, "{}, {name}: {image}", rendered.name());
            }
        }
    }
}

/// An object that Kubernetes never lets change must not hold what changes with the chart.
#[test]
fn claims_and_selectors_outlast_an_upgrade() {
    for rendered in once() {
        for object in objects(&rendered.stream) {
            let fixed = [
                &object["spec"]["volumeClaimTemplates"],
                &object["spec"]["selector"],
            ];
            for part in fixed {
                let text = part.to_string();
                let changes = text.contains("helm.sh/chart") || text.contains("/version");
                assert!(!changes, "{}, {}: {text}", rendered.name(), id(&object));
            }
        }
    }
}

/// Everything goes where the release goes.
#[test]
fn no_namespace_is_built_in() {
    for rendered in once() {
        for object in objects(&rendered.stream) {
            let namespace = object["metadata"]["namespace"].as_str();
            let own = namespace.is_none_or(|namespace| namespace == NAMESPACE);
            assert!(own, "{}, {}: {namespace:?}", rendered.name(), id(&object));
            assert_ne!(object["kind"], "Namespace", "{}", rendered.name());
            assert_ne!(object["kind"], "NetworkPolicy", "{}", rendered.name());
        }
    }
}

/// The labels of an object and of its pods, taken away.
fn without_labels(object: &Value) -> Value {
    let mut object = object.clone();
    let template = template_pointer(&object).unwrap_or_default();
    for at in ["".to_owned(), template.to_owned()] {
        let metadata = object.pointer_mut(&format!("{at}/metadata"));
        if let Some(metadata) = metadata.and_then(Value::as_object_mut) {
            metadata.remove("labels");
        }
    }
    object
}

#[test]
fn the_filter_adds_labels_and_network_policies_only() {
    for rendered in once() {
        let said = floe_on(&FILTER, &rendered.stream);
        assert_eq!(said.code, 0, "{}: {}", rendered.name(), said.stderr);
        let again = floe_on(&FILTER, &said.stdout).ok();
        assert_eq!(said.stdout, again, "{}: the second time", rendered.name());
        let mut hardened = objects(&said.stdout);
        hardened.retain(|object| object["kind"] != "NetworkPolicy");
        let before = objects(&rendered.stream);
        assert_eq!(before.len(), hardened.len(), "{}", rendered.name());
        for (before, after) in before.iter().zip(&hardened) {
            let place = format!("{}, {}", rendered.name(), id(before));
            assert_eq!(without_labels(before), without_labels(after), "{place}");
        }
    }
}
