//! The commands around the two files, and `--set` as Helm means it.

use super::*;

#[test]
fn init_writes_what_validates_compiles_and_generates() {
    let folder = tempfile::tempdir().expect("a directory");
    let listed = run_in(folder.path(), &["init"]).ok();
    assert_eq!(listed.lines().count(), 6, "{listed}");
    let valid = run_in(folder.path(), &["platform", "validate"]).ok();
    assert_eq!(valid.lines().count(), 4, "{valid}");
    let artifact_schema = schema("artifact");
    let validator = jsonschema::validator_for(&artifact_schema).expect("a schema");
    let mut args = vec![
        "generate".to_owned(),
        "--all-envs".into(),
        "--mapping".into(),
        "mapping.yaml".into(),
    ];
    for env in ENVIRONMENTS {
        let file = format!("{env}.json");
        run_in(folder.path(), &["compile", "--env", env, "-o", &file]).ok();
        let text = fs::read_to_string(folder.path().join(&file)).expect("read");
        let errors: Vec<String> = validator
            .iter_errors(&json(&text))
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{env}: {errors:?}");
        args.extend(["-a".to_owned(), file]);
    }
    args.extend(["-o".to_owned(), "values".into()]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = run_in(folder.path(), &args);
    assert_eq!(
        (said.code, said.stderr.as_str()),
        (0, ""),
        "{}",
        said.stdout
    );
    let values: BTreeSet<String> = ENVIRONMENTS
        .iter()
        .map(|env| {
            let file = folder.path().join(format!("values/values-{env}.yaml"));
            let text = fs::read_to_string(file).expect("written");
            assert!(
                text.contains(&format!("floe-{env}-data")) || text.contains("floe-local"),
                "{text}"
            );
            text
        })
        .collect();
    assert_eq!(values.len(), 4);
    let again = [args.as_slice(), &["--check"]].concat();
    run_in(folder.path(), &again).ok();
    fs::write(folder.path().join("values/values-dev.yaml"), "x").expect("written");
    assert_eq!(run_in(folder.path(), &again).code, 1);
    let twice = run_in(folder.path(), &["init"]);
    assert_eq!(twice.code, 2);
    assert!(
        twice.stderr.contains("nothing was written"),
        "{}",
        twice.stderr
    );
}

/// What an editor is told is what the binary does.
#[test]
fn the_printed_schemas_are_schemas_and_take_the_examples() {
    for of in ["platform", "floe", "artifact", "mapping", "policy"] {
        let schema = schema(of);
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        jsonschema::validator_for(&schema).expect("a schema");
        let mut undocumented = Vec::new();
        let mut parts = vec![&schema];
        parts.extend(
            schema["$defs"]
                .as_object()
                .into_iter()
                .flat_map(|defs| defs.values()),
        );
        for part in parts {
            for (name, field) in part["properties"].as_object().into_iter().flatten() {
                if field.get("description").is_none() && field.get("$ref").is_none() {
                    undocumented.push(name.clone());
                }
            }
        }
        assert!(undocumented.is_empty(), "{of}: {undocumented:?}");
    }
}

/// A chart that shows the values it gets.
fn mirror(folder: &Path) {
    let chart = folder.join("mirror");
    fs::create_dir_all(chart.join("templates")).expect("created");
    fs::write(
        chart.join("Chart.yaml"),
        "apiVersion: v2\nname: mirror\nversion: 0.1.0\n",
    )
    .expect("written");
    fs::write(
        chart.join("values.yaml"),
        "own: {a: 1, list: [1, 2]}\nresourcePreset: none\n",
    )
    .expect("written");
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  values: {{ .Values | toJson | quote }}\n";
    fs::write(chart.join("templates/values.yaml"), template).expect("written");
}

/// What the chart sees.
fn seen(helm: &Helm, folder: &Path, args: &[&str]) -> Value {
    let mut command = helm.command(&[&["template", "m", "mirror"], args].concat());
    let text = Outcome::of(&command.current_dir(folder).output().expect("runs")).ok();
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("values: "))
        .expect("values");
    json(&serde_json::from_str::<String>(line).expect("a quoted text"))
}

#[test]
fn set_means_what_helm_means() {
    let folder = tempfile::tempdir().expect("a directory");
    mirror(folder.path());
    copy_tree(&starter(), folder.path());
    run_in(folder.path(), &["compile", "--env", "dev", "-o", "a.json"]).ok();
    let generate = [
        "generate",
        "-a",
        "a.json",
        "-e",
        "dev",
        "--mapping",
        "mapping.yaml",
    ];
    let base = run_in(folder.path(), &generate).ok();
    fs::write(folder.path().join("base.yaml"), base).expect("written");
    let cases = [
        "a=1",
        "own.a=null",
        "own=null",
        "own.list[1]=x",
        "own.list={a,b}",
        "a.b[2].c=x",
        r"floe.observability.attributes.service\.name=y",
        r"a=x\,y,b=TRUE",
        "a={}",
        "a=007,b=1.5,c=-1,d=0",
        "floe.storage=null",
        "resourcePreset=null",
        "autoscaling.enabled=true",
        "a=b=c",
        "floe.env[0].name=X",
    ];
    for major in MAJORS {
        let helm = Helm::new(major);
        for set in cases {
            let ours = run_in(folder.path(), &[&generate[..], &["--set", set]].concat()).ok();
            fs::write(folder.path().join("ours.yaml"), ours).expect("written");
            let ours = seen(&helm, folder.path(), &["-f", "ours.yaml"]);
            let theirs = seen(&helm, folder.path(), &["-f", "base.yaml", "--set", set]);
            assert_eq!(ours, theirs, "Helm {major}: {set}");
        }
        // The arguments of `--format set-args` come to the same values.
        let lines = run_in(
            folder.path(),
            &[&generate[..], &["--format", "set-args"]].concat(),
        )
        .ok();
        let mut shell = helm.program("/bin/sh");
        let words = lines.replace('\n', " ");
        shell.args([
            "-euc",
            &format!("helm template m mirror {words} > args.txt"),
        ]);
        let said = Outcome::of(&shell.current_dir(folder.path()).output().expect("runs"));
        assert_eq!(said.code, 0, "{}", said.stderr);
        let text = fs::read_to_string(folder.path().join("args.txt")).expect("read");
        let line = text
            .lines()
            .find_map(|l| l.trim().strip_prefix("values: "))
            .expect("values");
        let by_args = json(&serde_json::from_str::<String>(line).expect("a quoted text"));
        assert_eq!(
            by_args,
            seen(&helm, folder.path(), &["-f", "base.yaml"]),
            "Helm {major}"
        );
    }
    for set in ["a", "a[x]=1", "a={x", "own"] {
        let said = run_in(folder.path(), &[&generate[..], &["--set", set]].concat());
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{set}");
    }
}

#[test]
fn two_artifacts_give_two_values_files_and_one_serves_five_environments() {
    let folder = tempfile::tempdir().expect("a directory");
    copy_tree(&tiers(), folder.path());
    run_in(folder.path(), &["compile", "--env", "uat", "-o", "a.json"]).ok();
    let generate = [
        "generate",
        "-a",
        "a.json",
        "--mapping",
        "mapping.yaml",
        "--all-envs",
        "-o",
    ];
    run_in(folder.path(), &[&generate[..], &["one"]].concat()).ok();
    let spec = fs::read_to_string(folder.path().join("floe.yaml")).expect("read");
    fs::write(
        folder.path().join("floe.yaml"),
        spec.replace("compute: crane", "compute: default"),
    )
    .expect("written");
    run_in(folder.path(), &["compile", "--env", "uat", "-o", "a.json"]).ok();
    run_in(folder.path(), &[&generate[..], &["two"]].concat()).ok();
    for (env, cluster, namespace, preset) in [
        ("dev", "nonprod-west", "floe-dev", "small"),
        ("qa", "nonprod-west", "floe-qa", "small"),
        ("uat", "nonprod-west", "floe-uat", "small"),
        ("staging", "nonprod-west", "floe-staging", "medium"),
        ("prod", "prod-west", "floe-prod", "huge"),
    ] {
        let read = |set: &str| {
            fs::read_to_string(folder.path().join(format!("{set}/values-{env}.yaml")))
                .expect("read")
        };
        let (one, two) = (read("one"), read("two"));
        assert_ne!(one, two);
        assert!(one.contains("SNOWFLAKE_PASSWORD") && !two.contains("SNOWFLAKE_PASSWORD"));
        assert!(
            one.contains(&format!("cluster {cluster}, namespace {namespace}\n")),
            "{one}"
        );
        assert!(
            one.contains(&format!("resourcePreset: {preset}\n")),
            "{one}"
        );
    }
}

// ---- no credential ever comes out ----------------------------------------------------------------
