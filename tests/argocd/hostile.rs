//! Names and values that want more than to be rendered.

use super::*;

/// What a hostile repository or Application would have a shell or Helm do.
const HOSTILE: [&str; 9] = [
    ";touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "| touch pwned",
    "a\ntouch pwned",
    "--post-renderer=./pwn",
    "-f/etc/passwd",
    "a,b=$(touch pwned)",
    "{{ printf \"%s\" \"pwned\" }}",
];

/// Whether anything of that name has been made where the plugin works.
fn pwned(argo: &Argo) -> bool {
    let places = [argo.helm.home(), argo.repository.path(), &env::temp_dir()];
    let mut entries = places
        .iter()
        .flat_map(|place| walkdir::WalkDir::new(place).max_depth(4))
        .filter_map(Result::ok);
    entries.any(|entry| entry.file_name() == "pwned")
}

#[test]
fn a_hostile_value_is_a_value() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        argo.write("apps/web/pwn", "#!/bin/sh\ntouch pwned\n");
        let values = HOSTILE.iter().enumerate();
        let keys: Vec<String> = values
            .clone()
            .map(|(n, _)| format!("annotations.k{n}"))
            .collect();
        let entries: Vec<(&str, &str)> = values
            .map(|(n, value)| (keys[n].as_str(), *value))
            .collect();
        let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: said}\ndata:\n  {{- .Values.annotations | toYaml | nindent 2 }}\n";
        argo.write("apps/web/templates/said.yaml", template);
        let manifests = argo.generate(server, &json!([map("helm-parameters", &entries)]));
        let manifests = manifests.expect("manifests");
        let data = &find(&manifests, "ConfigMap", "said")["data"];
        for (number, value) in HOSTILE.iter().enumerate() {
            assert_eq!(data[format!("k{number}")], *value, "{server:?}");
        }
        assert!(!pwned(&argo));
    }
}

#[test]
fn hostile_names_are_refused() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        argo.write("apps/web/pwn", "#!/bin/sh\ntouch pwned\n");
        for name in HOSTILE {
            for parameters in [
                json!([files(&[name])]),
                json!([{"name": "release", "string": name}]),
                json!([{"name": "env", "string": name}]),
                json!([map("helm-parameters", &[(name, "x")])]),
                json!([map("helm-string-parameters", &[(name, "x")])]),
                json!([{"name": name, "string": "x"}]),
            ] {
                // As a key, this one is a name like any other.
                if name == "-f/etc/passwd" && parameters[0].get("map").is_some() {
                    continue;
                }
                let error = argo.generate(server, &parameters).expect_err("a refusal");
                assert!(
                    error.contains("exit status 2"),
                    "{server:?}, {parameters}: {error}"
                );
            }
        }
        assert!(!pwned(&argo));
    }
}

#[test]
fn a_values_file_may_have_any_name() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        for name in [
            ";touch pwned",
            "$(touch pwned).yaml",
            "--post-renderer=x",
            "a,b.yaml",
            "a b",
        ] {
            argo.write(&format!("apps/web/{name}"), "replicas: 7\n");
            let manifests = argo.generate(server, &json!([files(&[name])])).expect(name);
            assert_eq!(
                find(&manifests, "Deployment", "web")["spec"]["replicas"],
                7,
                "{name}"
            );
        }
        assert!(!pwned(&argo));
    }
}

#[test]
fn files_outside_the_repository_stay_there() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        let secret = argo.helm.home().join("secret.yaml");
        fs::write(&secret, "replicas: 77\n").expect("written");
        for path in [
            path_text(&secret),
            "../../../secret.yaml",
            "/etc/passwd",
            "https://127.0.0.1/v.yaml",
        ] {
            let error = argo
                .generate(server, &json!([files(&[path])]))
                .expect_err("a refusal");
            assert!(error.contains("values file"), "{server:?}, {path}: {error}");
        }
        // Argo CD's server does not even unpack such links.
        symlink(&secret, argo.app().join("linked.yaml")).expect("linked");
        let error = argo
            .generate(server, &json!([files(&["linked.yaml"])]))
            .expect_err("a refusal");
        assert!(!error.contains("77"), "{error}");
        fs::remove_file(argo.app().join("linked.yaml")).expect("removed");
        symlink("/etc/passwd", argo.app().join("templates/passwd.yaml")).expect("linked");
        let error = argo.generate(server, &json!([])).expect_err("a refusal");
        assert!(!error.contains("root:"), "{server:?}: {error}");
    }
}

#[test]
fn helms_words_come_after_the_verdict_and_without_values() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        argo.write(
            "apps/web/templates/fail.yaml",
            "{{ fail .Values.password }}\n",
        );
        let secret = "hunter2-do-not-print";
        for parameters in [
            json!([map("helm-parameters", &[("password", secret)])]),
            json!([map("helm-string-parameters", &[("password", secret)])]),
            json!([{"name": "values", "string": format!("password: {secret}\n")}]),
        ] {
            let error = argo.generate(server, &parameters).expect_err("an error");
            let words = "exit status 2: helm-floe: Helm does not render the chart: ";
            assert!(error.contains(words), "{server:?}: {error}");
            assert!(
                error.contains("******") && !error.contains(secret),
                "{server:?}: {error}"
            );
            assert!(
                error.contains("helm-floe: Helm is /"),
                "{server:?}: {error}"
            );
        }
    }
}
