//! What the server gets: discovery, parameters, hardened manifests, refusals.

use super::*;

#[test]
fn a_chart_is_discovered_where_the_repository_uses_us() {
    for server in servers() {
        let mut argo = Argo::with_chart("web");
        let supported = |argo: &Argo| {
            let answer = argo.ask(server, "discover", &json!([])).expect("an answer");
            // The real answer leaves out what is false.
            answer["isSupported"] == true
        };
        assert!(supported(&argo), "{server:?}");
        fs::remove_file(argo.repository.path().join("floe.yaml")).expect("removed");
        assert!(!supported(&argo), "{server:?}: no floe.yaml");
        argo.config = vec!["--every-chart"];
        assert!(supported(&argo), "{server:?}: every chart");
        fs::remove_file(argo.app().join("Chart.yaml")).expect("removed");
        assert!(!supported(&argo), "{server:?}: no chart");
    }
}

#[test]
fn parameters_are_announced() {
    for server in servers() {
        let argo = Argo::with_chart("web");
        argo.write("platform/prod/platform.yaml", "hardening: {}\n");
        let answer = argo
            .ask(server, "parameters", &json!([]))
            .expect("an answer");
        let announced = answer["parameterAnnouncements"].as_array().expect("a list");
        let of = |name: &str| {
            announced
                .iter()
                .find(|one| one["name"] == name)
                .expect("there")
        };
        assert_eq!(of("values-files")["collectionType"], "array");
        assert_eq!(of("helm-parameters")["collectionType"], "map");
        let tooltip = of("env")["tooltip"].as_str().expect("text");
        assert!(tooltip.ends_with(": prod"), "{server:?}: {tooltip}");
    }
}

#[test]
fn manifests_are_hardened_hooks_and_crds_included() {
    for server in servers() {
        let argo = Argo::with_chart("web");
        argo.write(
            "platform/prod/platform.yaml",
            "hardening: {labels: {example.com/team: shop}}\n",
        );
        argo.write(
            "apps/web/values-prod.yaml",
            "replicas: 3\nimage: {tag: '9.9'}\n",
        );
        argo.write("common.yaml", "report: {schedule: '1 2 3 4 5'}\n");
        let manifests = argo.generate(
            server,
            &json!([
                {"name": "env", "string": "prod"},
                files(&["/common.yaml", "values-prod.yaml"]),
                {"name": "values", "string": "image: {tag: '10.0'}\n"},
                map("helm-parameters", &[("image.repository", "registry.example.com/a,b=c")]),
                map("helm-string-parameters", &[("podAnnotations.build", "1000000")]),
            ]),
        );
        let manifests = manifests.expect("manifests");
        let mut kinds: Vec<&str> = manifests
            .iter()
            .filter_map(|m| m["kind"].as_str())
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in [
            "CustomResourceDefinition",
            "CronJob",
            "Deployment",
            "Job",
            "NetworkPolicy",
            "Pod",
        ] {
            assert!(
                kinds.contains(&kind),
                "{server:?}: no {kind} among {kinds:?}"
            );
        }
        let site = find(&manifests, "Deployment", "web-site");
        assert_eq!(site["spec"]["replicas"], 3, "values file");
        let image = &site["spec"]["template"]["spec"]["containers"][0]["image"];
        assert_eq!(
            image, "registry.example.com/a,b=c:10.0",
            "parameters, whatever they hold"
        );
        assert_eq!(
            site["metadata"]["labels"]["example.com/team"], "shop",
            "platform file"
        );
        assert_eq!(site["metadata"]["labels"]["floe.dev/environment"], "prod");
        let hooks = manifests
            .iter()
            .filter(|m| !m["metadata"]["annotations"]["helm.sh/hook"].is_null());
        for hook in hooks {
            let pod = hook.pointer("/spec/template/spec").unwrap_or(&hook["spec"]);
            if pod.get("containers").is_some() {
                assert_eq!(
                    pod["securityContext"]["runAsNonRoot"], true,
                    "{server:?}: {hook}"
                );
            }
        }
    }
}

#[test]
fn crds_and_tests_can_be_left_out() {
    for server in servers() {
        let argo = Argo::with_chart("web");
        let manifests = argo.generate(
            server,
            &json!([{"name": "skip-crds", "string": "true"}, {"name": "skip-tests", "string": "true"}]),
        );
        for manifest in manifests.expect("manifests") {
            assert_ne!(manifest["kind"], "CustomResourceDefinition");
            assert_ne!(manifest["metadata"]["annotations"]["helm.sh/hook"], "test");
        }
    }
}

#[test]
fn the_report_of_a_refusal_arrives_whole_and_verdict_first() {
    for server in servers() {
        let mut argo = Argo::with_chart("violating");
        // Three hundred refused pods: far more than any single message.
        let pods = "{{ range until 300 }}---\napiVersion: v1\nkind: Pod\nmetadata: {name: bad-{{ . }}}\nspec: {hostPID: true, containers: [{name: a, image: 'registry.example.com/a:1'}]}\n{{ end }}";
        argo.write("apps/web/templates/pods.yaml", pods);
        let file = argo.helm.home().join("report.txt");
        argo.sidecar
            .push(("FLOE_REPORT", path_text(&file).to_owned()));
        let error = argo.generate(server, &json!([])).expect_err("a refusal");
        let report = fs::read_to_string(&file).expect("the report");
        assert!(report.len() > 100_000, "{}", report.len());
        let (_, stderr) = error
            .split_once("exit status 1: ")
            .expect("Argo CD's words before ours");
        assert!(
            stderr.starts_with("helm-floe refuses this release: "),
            "{stderr:.200}"
        );
        assert!(
            stderr.starts_with(report.trim_end()),
            "{server:?}: the report is not whole"
        );
    }
}

#[test]
fn nothing_is_never_a_success() {
    for server in servers() {
        let argo = Argo::with_chart("simple");
        for file in ["deployment.yaml", "service.yaml"] {
            fs::remove_file(argo.app().join("templates").join(file)).expect("removed");
        }
        let error = argo.generate(server, &json!([])).expect_err("an error");
        assert!(error.contains("the input is empty"), "{server:?}: {error}");
        // A document without an object is nothing, too.
        argo.write(
            "apps/web/templates/empty.yaml",
            "---\n# {{ .Release.Name }}\n{}\n",
        );
        let error = argo.generate(server, &json!([])).expect_err("an error");
        assert!(error.contains("exit status 2"), "{server:?}: {error}");
    }
}

#[test]
fn the_operators_platform_directory_goes_before_the_repositorys() {
    for server in servers() {
        let mut argo = Argo::with_chart("violating");
        let lax =
            "hardening: {exceptions: [{policy: 'pss/*', kind: '*', name: '*', reason: because}]}\n";
        argo.write("platform/prod/platform.yaml", lax);
        let own = argo.helm.home().join("platform");
        fs::create_dir_all(own.join("prod")).expect("created");
        fs::write(own.join("prod/platform.yaml"), "hardening: {}\n").expect("written");
        argo.sidecar
            .push(("FLOE_PLATFORM_DIR", path_text(&own).to_owned()));
        let prod = json!([{"name": "env", "string": "prod"}]);
        let error = argo.generate(server, &prod).expect_err("a refusal");
        assert!(
            error.contains("helm-floe refuses this release"),
            "{server:?}: {error}"
        );
        let error = argo
            .generate(server, &json!([]))
            .expect_err("no environment");
        assert!(
            error.contains("has prod: set the parameter `env`"),
            "{server:?}: {error}"
        );
    }
}
