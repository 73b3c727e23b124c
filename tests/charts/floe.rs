//! What floe-platform and floe-jobs promise: each takes what `helm-floe generate` writes, no Secret is
//! left out, and the derived NetworkPolicies let the platform work.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::{Helm, Outcome, feed, floe, path_text, repository};
use crate::render::{NAMESPACE, RELEASE, containers, floe_on, objects, once, pods, template};

fn platform() -> PathBuf {
    repository().join("charts/floe-platform")
}

fn jobs() -> PathBuf {
    repository().join("charts/floe-jobs")
}

fn run_in(directory: &Path, arguments: &[&str]) -> Outcome {
    Outcome::of(&feed(floe(arguments).current_dir(directory), b""))
}

/// Compiles the complete example for its environment.
pub fn artifact(into: &Path) -> PathBuf {
    let tiers = repository().join("testdata/tiers");
    let file = into.join("uat.json");
    let arguments = ["compile", "-f", "floe.yaml", "--env", "uat", "-o"];
    let arguments = [&arguments[..], &[path_text(&file)]].concat();
    run_in(&tiers, &arguments).ok();
    file
}

/// Generates the values of all environments into a directory, checked against a chart.
pub fn generate(chart: &Path, artifact: &Path, into: &Path, more: &[&str]) -> Outcome {
    let mapping = repository().join("testdata/tiers/mapping.yaml");
    let arguments = [
        "generate",
        "--all-envs",
        "-a",
        path_text(artifact),
        "--mapping",
        path_text(&mapping),
        "--chart",
        path_text(chart),
        "-o",
        path_text(into),
    ];
    run_in(into, &[&arguments, more].concat())
}

/// Both charts have the template in common that turns an artifact into variables.
#[test]
fn the_charts_give_products_the_same_variables() {
    let read = |chart: PathBuf| fs::read_to_string(chart.join("templates/_product.tpl"));
    assert_eq!(read(platform()).expect("read"), read(jobs()).expect("read"));
}

#[test]
fn five_environments_on_two_clusters_fit_both_charts() {
    let folder = tempfile::tempdir().expect("a directory");
    let artifact = artifact(folder.path());
    let environments = ["dev", "prod", "qa", "staging", "uat"];
    for chart in [platform(), jobs()] {
        let into = tempfile::tempdir().expect("a directory");
        generate(&chart, &artifact, into.path(), &[]).ok();
        for (major, environments) in [(3, &environments[..2]), (4, &environments[..])] {
            let helm = Helm::new(major);
            for environment in environments {
                let values = into.path().join(format!("values-{environment}.yaml"));
                let namespace = format!("floe-{environment}");
                let mut arguments = vec!["template", RELEASE, path_text(&chart)];
                arguments.extend(["--values", path_text(&values)]);
                // Into another namespace than the mapping says: refused.
                let wrong = helm.run(&[&arguments[..], &["--namespace", "elsewhere"]].concat());
                assert!(wrong.stderr.contains(&namespace), "{}", wrong.stderr);
                arguments.extend(["--namespace", &namespace]);
                let stream = helm.run(&arguments).ok();
                let said = floe_on(&["check", "-"], &stream);
                assert_eq!(said.code, 0, "{environment}: {}", said.stderr);
                let clustered = stream.contains("kind: Cluster\n");
                let expected = *environment == "prod" && chart == platform();
                assert_eq!(clustered, expected, "{environment}: who keeps the database");
                for object in objects(&stream) {
                    let label = &object["metadata"]["labels"]["floe.dev/environment"];
                    assert_eq!(label, *environment, "{}", crate::render::id(&object));
                }
            }
        }
    }
}

/// Environments that share a namespace need names of their own.
#[test]
fn shared_namespaces_need_names_of_their_own() {
    let helm = Helm::new(4);
    for chart in [platform(), jobs()] {
        let render = |more: &[&str]| {
            let own = [path_text(&chart), "--set", "floe.isolation=label"];
            template(&helm, &[&own[..], more].concat())
        };
        let said = render(&[]).stderr;
        assert!(said.contains("fullnameOverride to acme-dev"), "{said}");
        render(&["--set", "fullnameOverride=acme-dev"]).ok();
    }
}

/// Puts another value of the same type in place of each leaf; returns what has to turn up.
fn mark(value: &mut Value, at: &str, marks: &mut BTreeMap<String, String>) {
    let number = marks.len() + 70001;
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                mark(value, &format!("{at}.{key}"), marks);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                mark(item, &format!("{at}[{index}]"), marks);
            }
        }
        Value::String(_) => {
            let text = format!("m{number}");
            *value = text.as_str().into();
            marks.insert(at.to_owned(), text);
        }
        Value::Number(_) => {
            *value = number.into();
            marks.insert(at.to_owned(), number.to_string());
        }
        Value::Bool(_) | Value::Null => {}
    }
}

/// Renders both charts with these values, whatever their schemas say.
fn both(helm: &Helm, values: &Value) -> String {
    let file = helm.home().join("values.json");
    fs::write(&file, values.to_string()).expect("written");
    let render = |chart: PathBuf| {
        let arguments = [path_text(&chart), "--skip-schema-validation", "--values"];
        template(helm, &[&arguments[..], &[path_text(&file)]].concat()).ok()
    };
    render(platform()) + &render(jobs())
}

/// The paths of all booleans.
fn switches(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                switches(value, &format!("{at}/{key}"), found);
            }
        }
        Value::Bool(_) => found.push(at.to_owned()),
        _ => {}
    }
}

/// No value is written for nothing: each turns up in what one of the charts renders, or changes it.
#[test]
fn the_charts_use_every_value_that_is_generated() {
    let folder = tempfile::tempdir().expect("a directory");
    let artifact = artifact(folder.path());
    generate(&platform(), &artifact, folder.path(), &[]).ok();
    let text = fs::read_to_string(folder.path().join("values-prod.yaml")).expect("read");
    let values = objects(&text).remove(0);
    let helm = Helm::new(4);
    let with = |pointer: &str, value: Value| {
        let mut values = values.clone();
        *values.pointer_mut(pointer).expect("generated") = value;
        values
    };
    let mut values_here = with("/namespace/name", json!(NAMESPACE));
    let plain = both(&helm, &values_here);

    let mut marks = BTreeMap::new();
    mark(&mut values_here, "", &mut marks);
    // These choose among words.
    for pointer in [
        "/namespace/name",
        "/resourcePreset",
        "/postgresql/mode",
        "/floe/isolation",
        "/floe/observability/otlpProtocol",
    ] {
        let own = with("/namespace/name", json!(NAMESPACE));
        let own = own.pointer(pointer).expect("generated").clone();
        *values_here.pointer_mut(pointer).expect("generated") = own;
        marks.remove(&pointer.replace('/', "."));
    }
    let marked = both(&helm, &values_here);
    let lost: Vec<_> = marks.iter().filter(|(_, m)| !marked.contains(*m)).collect();
    assert!(lost.is_empty() && marks.len() > 60, "{lost:?}");

    let mut flips: Vec<(String, Value)> = vec![
        ("/resourcePreset".into(), json!("small")),
        ("/postgresql/mode".into(), json!("statefulset")),
        ("/floe/observability/otlpProtocol".into(), json!("http")),
    ];
    let mut found = Vec::new();
    switches(&values, "", &mut found);
    for pointer in found {
        let on = values.pointer(&pointer) == Some(&json!(true));
        flips.push((pointer, json!(!on)));
    }
    for (pointer, value) in flips {
        let mut values = with(&pointer, value);
        values["namespace"]["name"] = json!(NAMESPACE);
        assert_ne!(both(&helm, &values), plain, "{pointer} changes nothing");
    }
}

/// The names of Secrets that pods and custom resources of a stream refer to, but for registries'.
fn secrets(stream: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, pod) in pods(stream) {
        for container in containers(&pod) {
            let env = container["env"].as_array().into_iter().flatten();
            let refs = env.filter_map(|v| v["valueFrom"]["secretKeyRef"]["name"].as_str());
            names.extend(refs.map(str::to_owned));
        }
        let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        names.extend(volumes.filter_map(|v| v["secret"]["secretName"].as_str().map(str::to_owned)));
    }
    for object in objects(stream) {
        let roles = object["spec"]["managed"]["roles"].as_array();
        let roles = roles.into_iter().flatten();
        names.extend(roles.filter_map(|r| r["passwordSecret"]["name"].as_str().map(str::to_owned)));
    }
    names
}

#[test]
fn every_secret_has_an_external_secret_where_those_are_on() {
    let mut seen = 0;
    for rendered in once().filter(|r| r.case.chart == platform()) {
        let objects = objects(&rendered.stream);
        let targets = objects.iter().filter(|o| o["kind"] == "ExternalSecret");
        let target = |o: &Value| o["spec"]["target"]["name"].as_str().map(str::to_owned);
        let targets: BTreeSet<String> = targets.filter_map(target).collect();
        if !targets.is_empty() {
            assert_eq!(targets, secrets(&rendered.stream), "{}", rendered.name());
            seen += 1;
        }
        let inline = objects.iter().any(|o| o["kind"] == "Secret");
        assert!(!inline, "{} writes a Secret", rendered.name());
    }
    assert!(seen >= 2, "{seen}");
}

/// `scripts/dev-secrets` creates what the chart asks for, key by key, and no two passwords are alike.
#[test]
fn the_script_for_development_creates_every_secret() {
    let script = repository().join("scripts/dev-secrets");
    let print = || {
        let mut command = std::process::Command::new(&script);
        command.args(["--print", "--namespace", NAMESPACE, RELEASE]);
        objects(&Outcome::of(&feed(&mut command, b"")).ok())
    };
    let made = print();
    assert_ne!(made, print(), "random values");
    let name = |secret: &Value| secret["metadata"]["name"].as_str().map(str::to_owned);
    let names: BTreeSet<String> = made.iter().filter_map(name).collect();
    let dev = once().find(|r| r.case.name() == "floe-platform with values-dev.yaml");
    let dev = &dev.expect("rendered").stream;
    assert_eq!(names, secrets(dev));
    for (place, pod) in pods(dev) {
        for container in containers(&pod) {
            let env = container["env"].as_array().into_iter().flatten();
            for wanted in env.filter_map(|v| v["valueFrom"].get("secretKeyRef")) {
                let mut own = made
                    .iter()
                    .filter(|s| s["metadata"]["name"] == wanted["name"]);
                let key = wanted["key"].as_str().expect("a key");
                let has = own.any(|secret| secret["stringData"].get(key).is_some());
                assert!(has, "{place}: {wanted}");
            }
        }
    }
    let values: Vec<&Value> = made.iter().map(|s| &s["stringData"]["password"]).collect();
    let passwords: Vec<_> = values.iter().filter(|v| v.is_string()).collect();
    let different: BTreeSet<String> = passwords.iter().map(|v| v.to_string()).collect();
    assert_eq!(different.len(), passwords.len());
}

/// A Secret of one's own is used everywhere, and the one it replaces nowhere.
#[test]
fn own_secrets_replace_those_of_the_chart() {
    let own = [
        ("storage.existingSecret", "own-storage"),
        ("postgresql.existingSecret", "own-superuser"),
        ("dagster.database.existingSecret", "own-dagster"),
        ("polaris.database.existingSecret", "own-polaris"),
        ("marquez.database.existingSecret", "own-marquez"),
        ("polaris.existingSecret", "own-root"),
        ("polaris.tokenKey.existingSecret", "own-token"),
        ("otel.exporters.existingSecret", "own-telemetry"),
    ];
    let sets: Vec<String> = own
        .iter()
        .map(|(key, name)| format!("{key}={name}"))
        .collect();
    let chart = platform();
    let dev = chart.join("values-dev.yaml");
    let mut arguments = vec![path_text(&chart), "--values", path_text(&dev)];
    arguments.extend(["--set", "otel.exporters.metrics=metrics.example.com:4317"]);
    arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
    let stream = template(&Helm::new(4), &arguments).ok();
    let wanted: BTreeSet<String> = own.iter().map(|(_, name)| (*name).to_owned()).collect();
    assert_eq!(secrets(&stream), wanted);
}

/// Each component may be somewhere else; then nothing of it is left here, and its callers know.
#[test]
fn every_component_may_be_somewhere_else() {
    let elsewhere = [
        ("postgresql.mode", "external", ""),
        ("postgresql.external.host", "db.example.com", "postgresql"),
        (
            "polaris.external.url",
            "https://polaris.example.com/api/catalog",
            "polaris",
        ),
        (
            "otel.external.endpoint",
            "https://otel.example.com:4317",
            "otel",
        ),
        (
            "marquez.external.url",
            "https://marquez.example.com",
            "marquez",
        ),
        ("storage.endpoint", "https://s3.example.com", "minio"),
    ];
    let sets: Vec<String> = elsewhere
        .iter()
        .map(|(key, to, _)| format!("{key}={to}"))
        .collect();
    let chart = platform();
    let mut arguments = vec![path_text(&chart), "--set", "marquez.enabled=true"];
    arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
    let stream = template(&Helm::new(4), &arguments).ok();
    assert_eq!(floe_on(&["check", "-"], &stream).code, 0);
    let ids: Vec<String> = objects(&stream).iter().map(crate::render::id).collect();
    for (_, to, component) in elsewhere
        .iter()
        .filter(|(_, _, component)| !component.is_empty())
    {
        let left: Vec<_> = ids
            .iter()
            .filter(|id| id.ends_with(&format!("acme-{component}")))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        assert!(stream.contains(to), "nobody knows {to}");
    }
    let calls = connections(&stream);
    for (to, port) in [
        ("db.example.com", 5432),
        ("polaris.example.com", 443),
        ("otel.example.com", 4317),
        ("marquez.example.com", 443),
        ("s3.example.com", 443),
    ] {
        let call = ("dagster-run".to_owned(), to.to_owned(), port);
        assert!(calls.contains(&call), "{call:?} in {calls:#?}");
    }
}

/// The ConfigMap with platform.yaml is a file that `helm-floe` reads.
#[test]
fn the_release_describes_itself_as_a_platform_file() {
    for rendered in once().filter(|r| r.case.chart == platform()) {
        let objects = objects(&rendered.stream);
        let text = objects
            .iter()
            .find_map(|o| o["data"]["platform.yaml"].as_str());
        let folder = tempfile::tempdir().expect("a directory");
        let file = folder.path().join("platform.yaml");
        fs::write(&file, text.expect("a platform.yaml")).expect("written");
        let said = run_in(folder.path(), &["platform", "validate", path_text(&file)]);
        assert_eq!(
            said.code,
            0,
            "{}: {}{}",
            rendered.name(),
            said.stderr,
            said.stdout
        );
    }
}

/// Who may call whom, as ids without the namespace.
fn connections(stream: &str) -> BTreeSet<(String, String, u64)> {
    let arguments = ["network", "-", "--format", "json"];
    let arguments = [
        &arguments[..],
        &["--release", RELEASE, "--namespace", NAMESPACE],
    ]
    .concat();
    let report: Value = serde_json::from_str(&floe_on(&arguments, stream).ok()).expect("JSON");
    for list in ["unexplained", "unreachableServices", "idlePolicies"] {
        assert_eq!(report[list], json!([]), "{list}");
    }
    let end = |value: &Value| {
        let id = value.as_str().unwrap_or_default();
        id.rsplit('/')
            .next()
            .unwrap_or_default()
            .replace("acme-", "")
    };
    let all = report["connections"].as_array().expect("a list").iter();
    let one = |c: &Value| {
        (
            end(&c["from"]),
            end(&c["to"]),
            c["port"].as_u64().unwrap_or(0),
        )
    };
    all.map(one).collect()
}

/// The calls without which the platform does not work. They need no NetworkPolicy in the chart: the
/// filter sees all of them.
#[test]
fn the_derived_network_policies_let_the_platform_work() {
    let dev = once().find(|r| r.case.name() == "floe-platform with values-dev.yaml");
    let found = connections(&dev.expect("rendered").stream);
    for (from, to, port) in [
        ("dagster-webserver", "postgresql", 5432),
        ("dagster-daemon", "postgresql", 5432),
        // Runs are Jobs.
        ("dagster-webserver", "api-server", 443),
        ("dagster-daemon", "api-server", 443),
        // Run pods are made later: their PodTemplate stands for them.
        ("dagster-run", "postgresql", 5432),
        ("dagster-run", "polaris", 8181),
        ("dagster-run", "minio", 9000),
        ("dagster-run", "otel", 4317),
        ("dagster-run", "marquez", 5000),
        ("polaris", "postgresql", 5432),
        ("polaris", "minio", 9000),
        ("polaris", "otel", 4317),
        ("marquez", "postgresql", 5432),
        ("dagster-migrate", "postgresql", 5432),
        ("polaris-catalogs", "polaris", 8181),
        ("otel", "jaeger", 4317),
        ("test-connection", "dagster-webserver", 3000),
        ("test-connection", "polaris", 8181),
        ("test-connection", "otel", 4318),
    ] {
        let call = (from.to_owned(), to.to_owned(), port);
        assert!(found.contains(&call), "{call:?} in {found:#?}");
    }
    // And nobody else gets to the data.
    let databases = found.iter().filter(|(_, to, _)| to == "postgresql");
    let callers: BTreeSet<&str> = databases.map(|(from, _, _)| from.as_str()).collect();
    let known = [
        "dagster-daemon",
        "dagster-migrate",
        "dagster-run",
        "dagster-webserver",
        "marquez",
        "polaris",
        "postgresql",
    ];
    assert_eq!(callers, BTreeSet::from(known));
}

/// The database of an operator is reached by a name that no object of the release has.
#[test]
fn the_derived_network_policies_know_the_database_of_an_operator() {
    let prod = once().find(|r| r.case.name() == "floe-platform with values-prod.yaml");
    let found = connections(&prod.expect("rendered").stream);
    for from in [
        "dagster-webserver",
        "dagster-daemon",
        "dagster-run",
        "polaris",
        "marquez",
    ] {
        let call = (from.to_owned(), NAMESPACE.replace("acme-", ""), 5432);
        assert!(found.contains(&call), "{call:?} in {found:#?}");
    }
    // S3 and the exporters are outside.
    for (from, to, port) in [
        ("polaris", "s3.us-east-1.amazonaws.com", 443),
        ("dagster-run", "s3.us-east-1.amazonaws.com", 443),
        ("otel", "traces.example.com", 4317),
        ("otel", "metrics.example.com", 4317),
    ] {
        let call = (from.to_owned(), to.to_owned(), port);
        assert!(found.contains(&call), "{call:?} in {found:#?}");
    }
}

/// Servers of code open the database when they start, with the options that their program has.
#[test]
fn code_locations_start_when_the_database_is_there() {
    let values = repository().join("testdata/programs/platform.yaml");
    let values = format!("--values={}", path_text(&values));
    let rendered = Helm::new(3).run(&["template", RELEASE, path_text(&platform()), &values]);
    let all = pods(&rendered.ok());
    let code = all.iter().find(|(name, _)| name.contains("code-product"));
    let spec = &code.expect("rendered").1["spec"];
    assert_eq!(spec["initContainers"][0]["name"], "wait-for-database");
    let command = json!([
        "dagster",
        "api",
        "grpc",
        "--module-name",
        "product_code",
        "--host",
        "0.0.0.0",
        "--port",
        "4000"
    ]);
    assert_eq!(spec["containers"][0]["command"], command);
}

/// A process that waits for a database which was replaced runs nothing meanwhile: whoever connects to it,
/// the migration too, gives up in less than half a minute.
#[test]
fn dagster_does_not_wait_for_a_database_that_is_gone() {
    for rendered in once().filter(|r| r.case.chart == platform()) {
        let objects = objects(&rendered.stream);
        let mut configs = objects.iter().filter(|o| o["kind"] == "ConfigMap");
        let config = configs
            .find(|o| o["metadata"]["name"] == "acme-dagster")
            .expect("rendered");
        let mut seen = 0;
        for file in ["dagster.yaml", "migrate.yaml"] {
            let Some(text) = config["data"][file].as_str() else {
                continue;
            };
            let instance = crate::render::objects(text).remove(0);
            let params = &instance["storage"]["postgres"]["postgres_db"]["params"];
            let number = |name: &str| {
                let value = params[name].as_u64().unwrap_or_default();
                assert!(value > 0, "{} {file}: {name} of {params}", rendered.name());
                value
            };
            // libpq takes one second for two.
            assert!((2..30).contains(&number("connect_timeout")), "{params}");
            let probes = number("keepalives_interval") * number("keepalives_count");
            let silence = number("keepalives_idle") + probes;
            assert!(silence < 30, "{params}");
            assert_eq!(number("tcp_user_timeout"), silence * 1000, "{params}");
            assert!(params["sslmode"].is_string(), "{params}");
            seen += 1;
        }
        assert!(seen > 0, "{}", rendered.name());
    }
}

/// What the launcher makes is what the PodTemplate shows, and what the namespace admits.
#[test]
fn run_pods_are_what_their_template_says() {
    for rendered in once().filter(|r| r.case.chart == platform()) {
        let objects = objects(&rendered.stream);
        let named = |kind: &str, name: &str| {
            let mut own = objects.iter().filter(|o| o["kind"] == kind);
            own.find(|o| o["metadata"]["name"] == name)
                .expect("rendered")
        };
        let config = named("ConfigMap", "acme-dagster");
        let text = config["data"]["dagster.yaml"].as_str().expect("a file");
        let launcher = &crate::render::objects(text).remove(0)["run_launcher"]["config"];
        let template = &named("PodTemplate", "acme-dagster-run")["template"];
        let (run, container) = (
            &launcher["run_k8s_config"],
            &template["spec"]["containers"][0],
        );
        for (theirs, ours) in [
            (
                &run["pod_template_spec_metadata"]["labels"],
                &template["metadata"]["labels"],
            ),
            (
                &run["pod_spec_config"]["securityContext"],
                &template["spec"]["securityContext"],
            ),
            (
                &run["container_config"]["securityContext"],
                &container["securityContext"],
            ),
            (&run["container_config"]["env"], &container["env"]),
            (
                &run["container_config"]["resources"],
                &container["resources"],
            ),
            (
                &run["container_config"]["volumeMounts"],
                &json!(&container["volumeMounts"].as_array().expect("a list")[..2]),
            ),
            (
                &launcher["service_account_name"],
                &template["spec"]["serviceAccountName"],
            ),
        ] {
            assert!(
                theirs == ours && !ours.is_null(),
                "{}: {theirs} {ours}",
                rendered.name()
            );
        }
    }
}

/// What somebody installs for development says so.
#[test]
fn the_notes_warn_of_what_is_for_development_only() {
    let helm = Helm::new(4);
    let chart = platform();
    let notes = |values: &str| {
        let file = chart.join(values);
        let arguments = [
            "install",
            RELEASE,
            path_text(&chart),
            "--values",
            path_text(&file),
        ];
        let said = helm
            .run(&[&arguments[..], &["--dry-run=client"]].concat())
            .ok();
        said.split_once("NOTES:").expect("notes").1.to_owned()
    };
    let warning = "*** MinIO runs in this release";
    assert!(notes("values-dev.yaml").contains(warning));
    assert!(notes("values-test.yaml").contains("*** The catalog is kept in memory"));
    let prod = notes("values-prod.yaml");
    assert!(!prod.contains("***"), "{prod}");
}
