//! Random pods: every field that the Pod Security checks read, absent, null, empty, wrong.

use proptest::prelude::*;
use serde_json::{Value, json};

/// A pod: a bare or a hardened one, with some fields set to something.
pub fn pod() -> impl Strategy<Value = Value> {
    let settings = proptest::collection::vec(setting(), 0..14);
    (any::<bool>(), any::<bool>(), settings).prop_map(|(hardened, two, settings)| {
        let mut pod = if hardened {
            hardened_pod()
        } else {
            json!({"spec": {"containers": [{"name": "c0"}]}})
        };
        if two {
            pod["spec"]["containers"]
                .as_array_mut()
                .unwrap()
                .push(json!({"name": "c1"}));
        }
        for (path, value) in settings {
            set(&mut pod, &path, value);
        }
        pod
    })
}

fn hardened_pod() -> Value {
    json!({"spec": {
        "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{
            "name": "c0",
            "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        }],
    }})
}

/// One field and a value for it: a good one, a bad one, null, empty, or of a wrong type.
fn setting() -> impl Strategy<Value = (String, Value)> {
    let container = prop_oneof![
        4 => Just("/spec/containers/0"),
        2 => Just("/spec/containers/1"),
        1 => Just("/spec/initContainers/0"),
        1 => Just("/spec/initContainers/1"),
        1 => Just("/spec/ephemeralContainers/0"),
    ];
    let fields = fields();
    (
        0..fields.len(),
        container,
        any::<prop::sample::Index>(),
        0..40u8,
    )
        .prop_map(move |(field, container, pick, odd)| {
            let (path, values) = &fields[field];
            let value = match odd {
                0 => pick
                    .get(&[
                        json!("x"),
                        json!(1),
                        json!(true),
                        json!([]),
                        json!({}),
                        json!(["x"]),
                        json!(0.5),
                    ])
                    .clone(),
                1..4 => Value::Null,
                4 => pick
                    .get(&[json!(""), json!([]), json!({}), json!(0), json!(false)])
                    .clone(),
                _ => pick.get(values).clone(),
            };
            (path.replace("{c}", container), value)
        })
}

/// The fields the checks read, with values of the right type; `{c}` stands for a container.
fn fields() -> Vec<(String, Vec<Value>)> {
    let profile = || {
        vec![
            json!({"type": "RuntimeDefault"}),
            json!({"type": "Localhost"}),
            json!({"type": "Unconfined"}),
            json!({}),
            json!({"type": null}),
            json!({"type": "runtimeDefault"}),
        ]
    };
    let bools = || vec![json!(true), json!(false)];
    let users = || {
        vec![
            json!(0),
            json!(1000),
            json!(-1),
            json!(0.0),
            json!(-0.0),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e18),
            json!(1e19),
            json!(1.5),
        ]
    };
    let se_linux = || {
        vec![
            json!({"type": "container_t"}),
            json!({"type": "spc_t"}),
            json!({"type": "container_engine_t"}),
            json!({"type": "", "user": "", "role": null}),
            json!({"user": "system_u"}),
            json!({"role": "system_r"}),
            json!({"level": "s0"}),
        ]
    };
    let windows = || {
        vec![
            json!({"hostProcess": true}),
            json!({"hostProcess": false}),
            json!({"hostProcess": null}),
            json!({}),
        ]
    };
    let handler = || {
        vec![
            json!({"httpGet": {"host": "10.0.0.1"}}),
            json!({"httpGet": {"host": ""}}),
            json!({"tcpSocket": {"host": "db"}}),
            json!({"tcpSocket": {"port": 80}}),
            json!({"httpGet": null}),
            json!({"tcpSocket": {"host": null}}),
        ]
    };
    let hooks = || {
        handler()
            .into_iter()
            .flat_map(|h| [json!({"preStop": h}), json!({"postStart": h})])
            .collect()
    };
    let annotations = [
        "seccomp.security.alpha.kubernetes.io~1pod",
        "container.seccomp.security.alpha.kubernetes.io~1c0",
        "container.seccomp.security.alpha.kubernetes.io~1c1",
        "container.seccomp.security.alpha.kubernetes.io~1gone",
        "container.seccomp.security.alpha.kubernetes.io~1",
        "container.apparmor.security.beta.kubernetes.io~1c0",
        "container.apparmor.security.beta.kubernetes.io~1gone",
        "prometheus.io~1scrape",
    ];
    let profiles = || {
        [
            "runtime/default",
            "docker/default",
            "localhost/x",
            "localhost/",
            "unconfined",
            "",
            "runtime/default\n",
            "\nruntime/default",
            "xlocalhost/",
        ]
        .map(|text| json!(text))
        .to_vec()
    };
    let mut fields: Vec<(String, Vec<Value>)> = annotations
        .iter()
        .map(|name| (format!("/metadata/annotations/{name}"), profiles()))
        .collect();
    let mut add = |path: &str, values: Vec<Value>| fields.push((path.to_owned(), values));
    add("/metadata", vec![json!({}), json!({"annotations": {}})]);
    for name in ["hostNetwork", "hostPID", "hostIPC"] {
        add(&format!("/spec/{name}"), bools());
    }
    for _ in 0..3 {
        add("/spec/hostUsers", bools());
        add(
            "/spec/os",
            vec![
                json!({"name": "windows"}),
                json!({"name": "linux"}),
                json!({"name": "Windows"}),
                json!({"name": null}),
                json!({}),
            ],
        );
    }
    add("/spec/os/name", vec![json!("windows"), json!("linux")]);
    for at in ["/spec", "{c}"] {
        add(&format!("{at}/securityContext"), vec![json!({})]);
        add(&format!("{at}/securityContext/runAsNonRoot"), bools());
        add(&format!("{at}/securityContext/runAsUser"), users());
        add(&format!("{at}/securityContext/seccompProfile"), profile());
        add(
            &format!("{at}/securityContext/seccompProfile/type"),
            vec![json!("RuntimeDefault"), json!("Unconfined")],
        );
        add(&format!("{at}/securityContext/appArmorProfile"), profile());
        add(&format!("{at}/securityContext/seLinuxOptions"), se_linux());
        add(&format!("{at}/securityContext/windowsOptions"), windows());
    }
    let sysctls = [
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_notsent_lowat",
        "vm.max_map_count",
        "",
    ];
    add(
        "/spec/securityContext/sysctls",
        sysctls
            .iter()
            .map(|name| json!([{"name": name}]))
            .chain([
                json!([]),
                json!([null]),
                json!([{}]),
                json!([{"name": null}]),
                json!([{"name": sysctls[0]}, {"name": sysctls[2]}]),
            ])
            .collect(),
    );
    add("/spec/volumes", volumes());
    add(
        "/spec/volumes/0/hostPath",
        vec![json!({}), json!({"path": "/"})],
    );
    add("/spec/volumes/0/emptyDir", vec![json!({})]);
    add(
        "{c}",
        vec![json!({}), json!({"name": "c0"}), json!({"name": "c1"})],
    );
    add("{c}/name", vec![json!("c0"), json!("c1"), json!("other")]);
    add("{c}/securityContext/privileged", bools());
    add("{c}/securityContext/allowPrivilegeEscalation", bools());
    add(
        "{c}/securityContext/procMount",
        vec![json!("Default"), json!("Unmasked"), json!("")],
    );
    let capabilities = [
        json!([]),
        json!(["ALL"]),
        json!(["all"]),
        json!(["NET_BIND_SERVICE"]),
        json!(["CHOWN", "NET_BIND_SERVICE"]),
        json!(["SYS_ADMIN"]),
        json!(["NET_RAW", "ALL"]),
        json!([null]),
        json!(["ALL", null]),
        json!([""]),
    ];
    for list in ["add", "drop"] {
        add(
            &format!("{{c}}/securityContext/capabilities/{list}"),
            capabilities.to_vec(),
        );
    }
    add(
        "{c}/securityContext/capabilities",
        vec![json!({}), json!({"drop": ["ALL"]})],
    );
    add(
        "{c}/ports",
        vec![
            json!([]),
            json!([null]),
            json!([{}]),
            json!([{"hostPort": 80}]),
            json!([{"hostPort": 0}]),
            json!([{"containerPort": 80}, {"hostPort": -1}]),
            json!([{"hostPort": 1e10}]),
            json!([{"hostPort": 2147483648_i64}]),
            json!([{"hostPort": 80.0}]),
            json!([{"hostPort": null}]),
        ],
    );
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        add(&format!("{{c}}/{probe}"), handler());
    }
    add("{c}/lifecycle", hooks());
    add("{c}/lifecycle/preStop", handler());
    fields
}

fn volumes() -> Vec<Value> {
    let sources = [
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "fc",
        "flexVolume",
        "flocker",
        "gcePersistentDisk",
        "gitRepo",
        "glusterfs",
        "hostPath",
        "image",
        "iscsi",
        "nfs",
        "persistentVolumeClaim",
        "photonPersistentDisk",
        "portworxVolume",
        "projected",
        "quobyte",
        "rbd",
        "scaleIO",
        "secret",
        "storageos",
        "vsphereVolume",
        "brandNew",
    ];
    let alone = sources
        .iter()
        .map(|source| json!([{"name": "v", *source: {}}]));
    let odd = [
        json!([]),
        json!([null]),
        json!([{"name": "v"}]),
        json!([{"hostPath": null}]),
        json!([{"hostPath": {}, "secret": {}}]),
        json!([{"secret": {}}, {"nfs": {}}]),
        json!([{"nfs": "x"}]),
        json!([{"emptyDir": {}, "nfs": "x"}]),
    ];
    alone.chain(odd).collect()
}

/// Sets the value at a JSON Pointer, making maps and list items on the way. Where a scalar is in the
/// way nothing happens.
fn set(root: &mut Value, path: &str, value: Value) {
    let mut at = root;
    for token in path.split('/').skip(1) {
        let token = token.replace("~1", "/");
        if at.is_null() {
            *at = if token.parse::<usize>().is_ok() {
                json!([])
            } else {
                json!({})
            };
        }
        at = match (at, token.parse::<usize>()) {
            (Value::Array(items), Ok(index)) => {
                while items.len() <= index {
                    items.push(json!({}));
                }
                &mut items[index]
            }
            (Value::Object(members), _) => members.entry(token).or_insert(Value::Null),
            _ => return,
        };
    }
    *at = value;
}
