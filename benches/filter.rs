//! The whole filter, in process, on generated releases: `cargo bench`.
//!
//! `scripts/bench` times whole processes beside other tools; docs/performance.md has its table.

use divan::Bencher;
use divan::counter::BytesCount;
use helm_floe::pipeline::{self, Mode};
use helm_floe::platform::network;

fn main() {
    divan::main();
}

/// A chart's worth of small documents: a Deployment, its Service, account and test pod.
fn small(count: usize) -> String {
    (0..count)
        .map(|n| include_str!("small.yaml").replace("NAME", &format!("web{n}")))
        .collect()
}

/// CustomResourceDefinitions with deep schemas, of which only the labels change.
fn definitions(count: usize) -> String {
    let property = "                  field:\n                    description: What the field is about, in a sentence of common length.\n                    type: string\n";
    (0..count)
        .map(|n| {
            let mut text = include_str!("crd.yaml").replace("NAME", &format!("kind{n}"));
            for field in 0..400 {
                text.push_str(&property.replace("field", &format!("field{field}")));
            }
            text
        })
        .collect()
}

fn harden(bencher: Bencher<'_, '_>, text: &str) {
    let Ok(settings) = pipeline::Settings::for_release("web", "dev", Mode::Harden) else {
        return;
    };
    bencher
        .counter(BytesCount::of_str(text))
        .bench(|| pipeline::run(divan::black_box(text), &settings).is_ok());
}

/// Workloads that each call three others: over Services, by variables and a configuration file.
fn callers(count: usize) -> String {
    (0..count)
        .map(|n| {
            let calls = |step: usize| format!("web{}", (n + step) % count);
            include_str!("caller.yaml")
                .replace("NAME", &format!("web{n}"))
                .replace("FIRST", &calls(1))
                .replace("SECOND", &calls(7))
                .replace("THIRD", &calls(31))
        })
        .collect()
}

/// With NetworkPolicies and without: what deriving them costs, and that it grows with the calls.
#[divan::bench(args = [10, 100, 1000], consts = [true, false])]
fn callers_with_network_policies<const ON: bool>(bencher: Bencher<'_, '_>, count: usize) {
    let Ok(mut settings) = pipeline::Settings::for_release("web", "dev", Mode::Harden) else {
        return;
    };
    if !ON {
        settings.network_policies = network::Mode::Off;
    }
    let text = callers(count);
    bencher
        .counter(BytesCount::of_str(&text))
        .bench(|| pipeline::run(divan::black_box(&text), &settings).is_ok());
}

#[divan::bench(args = [1, 10, 100, 1000])]
fn small_workloads(bencher: Bencher<'_, '_>, count: usize) {
    harden(bencher, &small(count));
}

#[divan::bench(args = [1, 10, 100])]
fn custom_resource_definitions(bencher: Bencher<'_, '_>, count: usize) {
    harden(bencher, &definitions(count));
}

/// ConfigMaps with files in them, which the search for credentials reads word by word.
#[divan::bench(args = [1, 10, 100])]
fn configuration_files(bencher: Bencher<'_, '_>, count: usize) {
    let line =
        "    server.port=8080\n    log.level=info\n    cache.key.prefix=web\n    token.ttl=3600\n";
    let text: String = (0..count)
        .map(|n| {
            let head = format!(
                "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web{n}\ndata:\n  application.properties: |\n"
            );
            head + &line.repeat(200)
        })
        .collect();
    harden(bencher, &text);
}
