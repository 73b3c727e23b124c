//! The configuration that the sidecar gets.

use super::*;

#[test]
fn the_real_server_takes_the_configuration() {
    for server in servers() {
        if let Server::Real = server {
            let answer = Argo::with_chart("web").ask(server, "config", &json!([]));
            assert_eq!(answer.expect("an answer")["isDiscoveryConfigured"], true);
        }
    }
}

#[test]
fn the_plugin_is_not_printed_with_options_it_would_refuse() {
    let mut command = floe(&["argocd", "plugin", "config", "--", "--enviroment", "prod"]);
    let said = Outcome::of(&feed(&mut command, b""));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("--enviroment"), "{}", said.stderr);
    assert_eq!(said.stdout, "");
}

#[test]
fn the_sidecar_keeps_our_own_policies() {
    let patch = Outcome::of(&feed(&mut floe(&["argocd", "plugin", "sidecar"]), b"")).ok();
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: argocd-repo-server}}\n{}",
        patch.replace(
            "    spec:\n",
            "    spec:\n      securityContext: {runAsNonRoot: true}\n"
        )
    );
    let mut command = floe(&["check", "-", "--only", "pss/*"]);
    let said = Outcome::of(&feed(&mut command, deployment.as_bytes()));
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("1 object"), "{}", said.stdout);
}

#[test]
fn the_dockerfile_names_the_versions_of_this_repository() {
    let dockerfile = Outcome::of(&feed(&mut floe(&["argocd", "plugin", "dockerfile"]), b"")).ok();
    let read = |file: &str| fs::read_to_string(repository().join(file)).expect("read");
    let tools = read("scripts/tools");
    let helm = tools
        .lines()
        .find_map(|line| line.strip_prefix("helm_4="))
        .expect("a version");
    assert!(
        dockerfile.contains(&format!("helm@{helm}\n")),
        "Helm {helm}"
    );
    let toolchain = read("rust-toolchain.toml");
    let rust = toolchain
        .lines()
        .find_map(|line| line.strip_prefix("channel = "))
        .expect("a version");
    let rust = rust.trim_matches('"');
    assert!(
        dockerfile.contains(&format!("rust:{rust}-alpine")),
        "Rust {rust}"
    );
    assert!(dockerfile.contains("\nUSER 999:999\n") && dockerfile.contains("\nFROM scratch\n"));
    let name = helm_floe().file_name().expect("a name");
    assert!(dockerfile.contains(&format!("/usr/local/bin/{}", name.to_string_lossy())));
}
