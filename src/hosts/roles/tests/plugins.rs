//! Plugins of the server, which one application node installs for all.

use super::*;

#[test]
fn plugins_are_installed_by_one_application_node() {
    let spec = spec();
    let mut facts = facts(&spec);
    let shipped = blob("plugin");
    let plugin = |id: &str, source| crate::spec::ServerPlugin {
        id: id.to_owned(),
        source,
        enabled: true,
        settings: [("token".to_owned(), "hunter2".into())]
            .into_iter()
            .collect(),
    };
    let sha256 = "aa".repeat(32);
    let url = crate::spec::PluginSource::Url {
        url: "https://example.com/it's".to_owned(),
        sha256: sha256.clone(),
    };
    let file = crate::spec::PluginSource::File {
        path: "/nowhere".into(),
        sha256: None,
    };
    facts.payload = Arc::new(Payload {
        plugins: vec![
            crate::hosts::PluginPackage {
                plugin: plugin("com.example.fetched", url),
                blob: None,
            },
            crate::hosts::PluginPackage {
                plugin: plugin("com.example.shipped", file),
                blob: Some(shipped.clone()),
            },
        ],
        ..(*facts.payload).clone()
    });
    let of = |host: &str| render(&spec, host.parse().unwrap(), Stage::Configure, &facts).unwrap();
    let first = of("app-1");
    let step = first
        .steps()
        .iter()
        .find(|step| step.name() == "plugins")
        .unwrap();
    assert_eq!(
        step.script(),
        format!(
            "plugin_from_url com.example.fetched {sha256} 'https://example.com/it'\\''s'\nplugins\n"
        )
    );
    // Fetched before the node changes, and kept until the server has it.
    let prepared = render(&spec, "app-1".parse().unwrap(), Stage::Prepare, &facts).unwrap();
    let fetch = prepared.steps().last().unwrap();
    assert_eq!(format!("{}plugins\n", fetch.script()), step.script());
    for one in [fetch, step] {
        assert!(one.blob_names().any(|name| name == sha256));
    }
    assert_eq!(step.blobs(), std::slice::from_ref(&shipped));
    let told: serde_json::Value =
        serde_json::from_str(step.input().unwrap().expose_secret()).unwrap();
    assert_eq!(told[0]["sha256"], sha256);
    assert_eq!(told[1]["sha256"], shipped.sha256());
    assert!(!shown(&first).contains("hunter2"));
    assert!(
        of("app-2")
            .steps()
            .iter()
            .all(|step| step.name() != "plugins")
    );
}
