//! Random pods are about the fields that policies read; this adds what the API server wants besides,
//! so that it is the policies that decide.

use serde_json::{Map, Value, json};

/// The pod with a name, and with everything required that it lacks. What is wrong stays wrong.
pub fn complete(pod: &Value, name: &str) -> Value {
    let mut pod = pod.clone();
    pod["apiVersion"] = json!("v1");
    pod["kind"] = json!("Pod");
    if pod["metadata"].is_null() {
        pod["metadata"] = json!({});
    }
    if let Some(metadata) = pod["metadata"].as_object_mut() {
        metadata.insert("name".into(), json!(name));
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.retain(|key, _| !key.ends_with("/gone") && !key.ends_with('/'));
        }
    }
    let Some(spec) = pod["spec"].as_object_mut() else {
        return pod;
    };
    // Those come through a door of their own, and never with a new pod.
    spec.remove("ephemeralContainers");
    // The token's volume gets another random name each time.
    spec.insert("automountServiceAccountToken".into(), json!(false));
    security_context(spec);
    for volume in items(spec, "volumes") {
        of_volume(volume);
    }
    for (list, letter) in [("containers", 'c'), ("initContainers", 'i')] {
        for (index, container) in items(spec, list).enumerate() {
            of_container(container, &format!("{letter}{index}"));
            if letter == 'i' {
                // A sidecar, which may have probes.
                container.insert("restartPolicy".into(), json!("Always"));
            }
        }
    }
    pod
}

fn items<'a>(
    map: &'a mut Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let items = map.get_mut(key).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn of_container(container: &mut Map<String, Value>, name: &str) {
    container.insert("name".into(), json!(name));
    container.insert("image".into(), json!("app:1"));
    security_context(container);
    for port in items(container, "ports") {
        port.entry("containerPort").or_insert(json!(80));
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        container.get_mut(probe).map(of_handler);
    }
    for hook in ["preStop", "postStart"] {
        let lifecycle = container
            .get_mut("lifecycle")
            .and_then(Value::as_object_mut);
        lifecycle.and_then(|own| own.get_mut(hook)).map(of_handler);
    }
}

fn of_handler(handler: &mut Value) {
    for kind in ["httpGet", "tcpSocket"] {
        if let Some(own) = handler.get_mut(kind).and_then(Value::as_object_mut) {
            own.entry("port").or_insert(json!(80));
        }
    }
}

fn security_context(parent: &mut Map<String, Value>) {
    let Some(context) = parent
        .get_mut("securityContext")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for profile in ["seccompProfile", "appArmorProfile"] {
        let own = context.get_mut(profile).and_then(Value::as_object_mut);
        if let Some(own) = own.filter(|own| own.get("type") == Some(&json!("Localhost"))) {
            own.insert("localhostProfile".into(), json!("app.json"));
        }
    }
    for sysctl in items(context, "sysctls") {
        sysctl.entry("value").or_insert(json!("1"));
    }
}

fn of_volume(volume: &mut Map<String, Value>) {
    volume.entry("name").or_insert(json!("v"));
    for (source, content) in sources() {
        if volume.get(source) == Some(&json!({})) {
            volume.insert(source.into(), content);
        }
    }
}

/// What the API server requires of each source.
fn sources() -> [(&'static str, Value); 22] {
    let claim = json!({"volumeClaimTemplate": {"spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }}});
    [
        ("awsElasticBlockStore", json!({"volumeID": "v"})),
        (
            "azureDisk",
            json!({"diskName": "d", "diskURI": "https://d.blob.core.windows.net/d/d.vhd"}),
        ),
        ("azureFile", json!({"secretName": "s", "shareName": "s"})),
        ("cephfs", json!({"monitors": ["m"]})),
        ("cinder", json!({"volumeID": "v"})),
        ("configMap", json!({"name": "c"})),
        ("csi", json!({"driver": "d.example.com"})),
        ("ephemeral", claim),
        ("fc", json!({"targetWWNs": ["w"], "lun": 0})),
        ("flexVolume", json!({"driver": "d/d"})),
        ("flocker", json!({"datasetName": "d"})),
        ("gcePersistentDisk", json!({"pdName": "p"})),
        ("gitRepo", json!({"repository": "r"})),
        ("glusterfs", json!({"endpoints": "e", "path": "p"})),
        ("hostPath", json!({"path": "/x"})),
        ("image", json!({"reference": "i:1"})),
        (
            "iscsi",
            json!({"targetPortal": "1.2.3.4:1", "iqn": "iqn.2001-04.com.example:s", "lun": 0}),
        ),
        ("nfs", json!({"server": "s", "path": "/x"})),
        ("persistentVolumeClaim", json!({"claimName": "c"})),
        ("photonPersistentDisk", json!({"pdID": "p"})),
        ("rbd", json!({"monitors": ["m"], "image": "i"})),
        ("secret", json!({"secretName": "s"})),
    ]
}
