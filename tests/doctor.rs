//! `helm-floe doctor` with both Helms, whole and broken installations; and the progress of a long run.
#![cfg(unix)]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::thread;

use common::{Helm, MAJORS, Outcome, executable, helm_floe, path_text};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// What the doctor says in this Helm's environment, run as a program of its own.
fn doctor(helm: &Helm, words: &[&str]) -> Outcome {
    let mut command = helm.program(helm_floe());
    command.arg("doctor").args(words);
    Outcome::of(&command.output().expect("runs"))
}

#[test]
fn a_whole_installation_is_fine() {
    for major in MAJORS {
        let helm = Helm::new(major);
        helm.install_plugin(helm_floe()).1.ok();
        let said = doctor(&helm, &[]);
        assert_eq!(said.code, 0, "Helm {major}: {}", said.stdout);
        assert!(
            said.stdout.contains(&format!("ok       Helm v{major}.")),
            "{}",
            said.stdout
        );
        assert!(
            said.stdout.contains("ok       the plugin floe "),
            "{}",
            said.stdout
        );
        let post_renderer = said
            .stdout
            .contains("ok       the post-renderer helm-floe ");
        assert_eq!(post_renderer, major == 4, "{}", said.stdout);
        assert!(!said.stdout.contains("error"), "{}", said.stdout);
    }
}

/// Sees that the doctor says all of this, and ends with that code.
#[track_caller]
fn says(helm: &Helm, code: i32, words: &[&str]) {
    let said = doctor(helm, &[]);
    assert_eq!(said.code, code, "{}", said.stdout);
    for words in words {
        assert!(said.stdout.contains(words), "{words:?}: {}", said.stdout);
    }
}

#[test]
fn what_helm_4_lacks_is_named() {
    let helm = Helm::new(4);
    says(&helm, 0, &["help: helm plugin install "]);
    helm.install_plugin(helm_floe()).1.ok();
    fs::rename(helm.plugins().join("helm-floe"), helm.home().join("away")).expect("moved");
    // The post-renderer stays behind, and runs what is no longer there.
    says(
        &helm,
        1,
        &[
            "the plugin `floe` is not installed",
            "error    the post-renderer helm-floe does not run: ",
        ],
    );
    fs::rename(helm.home().join("away"), helm.plugins().join("helm-floe")).expect("moved");
    fs::remove_dir_all(helm.plugins().join("helm-floe-postrenderer")).expect("removed");
    says(&helm, 0, &["Helm 4 knows no `--post-renderer helm-floe`"]);
}

#[test]
fn a_plugin_that_helm_plugins_hides_from_helm_4_is_named() {
    let helm = Helm::new(4);
    helm.install_plugin(helm_floe()).1.ok();
    let elsewhere = helm.tmp().join("elsewhere");
    let mut command = helm.program(helm_floe());
    command.arg("doctor").env("HELM_PLUGINS", &elsewhere);
    let said = Outcome::of(&command.output().expect("runs"));
    assert_eq!(said.code, 0, "{}", said.stdout);
    let hidden = format!("in {}, and HELM_PLUGINS", path_text(&helm.plugins()));
    assert!(said.stdout.contains(&hidden), "{}", said.stdout);
}

#[test]
fn an_old_copy_is_named() {
    for major in MAJORS {
        let helm = Helm::new(major);
        helm.install_plugin(helm_floe()).1.ok();
        let old = helm.plugins().join("old");
        fs::create_dir_all(old.join("bin")).expect("created");
        let text = "name: floe\nversion: 0.0.9\ncommand: \"$HELM_PLUGIN_DIR/bin/helm-floe\"\n";
        fs::write(old.join("plugin.yaml"), text).expect("written");
        executable(&old.join("bin/helm-floe"), "echo helm-floe 0.0.9");
        // Helm itself says that it is broken.
        assert_ne!(helm.run(&["plugin", "list"]).code, 0);
        says(
            &helm,
            1,
            &[
                "error    Helm loads no plugin: two plugins claim the name \"floe\"",
                "warning  the plugin floe is there twice",
                &format!("help: remove {}", path_text(&old)),
            ],
        );
        let first = helm.plugins().join("helm-floe");
        fs::rename(first, helm.home().join("away")).expect("moved");
        // Helm 4's post-renderer has lost what it runs.
        let code = i32::from(major == 4);
        says(&helm, code, &["warning  the plugin floe is version 0.0.9"]);
    }
}

#[test]
fn helm_3_beside_a_plugin_of_helm_4_is_told() {
    let helm = Helm::new(3);
    helm.install_plugin(helm_floe()).1.ok();
    let other = helm.plugins().join("other");
    fs::create_dir(&other).expect("created");
    let new =
        "apiVersion: v1\ntype: postrenderer/v1\nname: other\nversion: 0.1.0\nruntime: subprocess\n";
    fs::write(other.join("plugin.yaml"), new).expect("written");
    assert_ne!(helm.run(&["plugin", "list"]).code, 0);
    says(&helm, 1, &["give it a directory of its own"]);
}

#[test]
fn the_platform_file_is_looked_at() {
    let helm = Helm::new(4);
    let folder = helm.home().join("platform/prod");
    fs::create_dir_all(&folder).expect("created");
    let file = folder.join("platform.yaml");
    for (text, words, code, said) in [
        (
            "hardening: {}\n",
            &["--env", "prod"][..],
            0,
            "platform/prod/platform.yaml, the nearest one from here upwards for `prod`",
        ),
        (
            "hardening: {}\n",
            &["--platform", "platform/prod/platform.yaml"],
            0,
            "ok       platform file platform/prod/platform.yaml, named by --platform",
        ),
        (
            "hardening: {}\n",
            &["--env", "prod", "--artifact", "nowhere.json"],
            1,
            "nowhere.json",
        ),
        (
            "hardening: {}\n",
            &[],
            0,
            "warning  no --env given: the built-in defaults hold, not one of prod in platform",
        ),
        (
            "hardening: {}\n",
            &["--env", "dev"],
            1,
            "no environment `dev`",
        ),
        (
            "hardening: {lables: {}}\n",
            &["--env", "prod"],
            1,
            "unknown field `lables`",
        ),
    ] {
        fs::write(&file, text).expect("written");
        let got = doctor(&helm, words);
        assert_eq!(got.code, code, "{words:?}: {}", got.stdout);
        assert!(got.stdout.contains(said), "{words:?}: {}", got.stdout);
    }
}

#[test]
fn without_helm_it_says_where_to_get_one() {
    let helm = Helm::new(4);
    let mut command = helm.program(helm_floe());
    command.arg("doctor").env("PATH", "/nowhere");
    let said = Outcome::of(&command.output().expect("runs"));
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains("no helm on PATH"), "{}", said.stdout);
    assert!(
        said.stdout.contains("help: https://helm.sh"),
        "{}",
        said.stdout
    );
}

/// `check` of two charts with a Helm that takes its time.
fn slow_check(helm: &Helm) -> Command {
    let slow = helm.home().join("slow-helm");
    executable(
        &slow,
        "sleep 2; echo 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}'",
    );
    for name in ["one", "two"] {
        let chart = helm.home().join("charts").join(name);
        fs::create_dir_all(&chart).expect("created");
        fs::write(
            chart.join("Chart.yaml"),
            format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n"),
        )
        .expect("written");
    }
    let mut command = helm.program(helm_floe());
    command
        .args(["check", "charts"])
        .env("HELM_BIN", path_text(&slow));
    command
}

#[test]
fn a_long_check_shows_its_progress_on_a_terminal_only() {
    let helm = Helm::new(4);
    let said = Outcome::of(&slow_check(&helm).output().expect("runs"));
    assert_eq!(
        (said.code, said.stderr.as_str()),
        (0, ""),
        "{}",
        said.stdout
    );

    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("granted");
    unlockpt(&ours).expect("unlocked");
    let name = ptsname(&ours, Vec::new())
        .expect("a name")
        .into_string()
        .expect("UTF-8");
    let terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open(name)
        .expect("opened");
    let mut command = slow_check(&helm);
    command.stdout(Stdio::null()).stderr(terminal);
    let reader = thread::spawn(move || {
        let mut said = Vec::new();
        // A terminal whose other end has closed is an error on Linux, not an end.
        let _ = File::from(ours).read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    });
    assert!(command.status().expect("runs").success());
    // The last holder of the terminal's other end.
    drop(command);
    let said = reader.join().expect("read");
    assert!(said.contains(" of 4"), "{said:?}");
    assert!(said.ends_with("\r\u{1b}[2K"), "{said:?}");
}
