//! What plans cost in each region, and the generator of the price files.

use std::path::Path;
use std::process::{Command, Output};

use loadrig::plan::cost;
use loadrig::spec::{Library, Prices};
use serde_json::{Value, json};

/// Regions where everything that the shipped sizes need has a price.
const WHOLE: [&str; 15] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Where databases of the sizes' classes have none.
const PARTIAL: &str = "eu-west-3";

fn loadrig(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadrig"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("COLUMNS", "100")
        .env_remove("LOADRIG_HOME")
        .env("NO_COLOR", "1")
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn plan(size: &str, region: &str) -> Value {
    let output = loadrig(&["plan", size, "--region", region, "--output", "json"]);
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_plan_in_each_region_has_the_prices_of_that_region() {
    let mut sums = Vec::new();
    for region in WHOLE {
        let plan = plan("10k", region);
        let cost = &plan["cost"];
        assert_eq!(cost["region"], region);
        assert_eq!(cost["unpriced"], json!([]), "{region}");
        assert_eq!(cost["region_note"], Value::Null, "{region}");
        for line in cost["lines"].as_array().expect("lines") {
            let source = line["source"].as_str().expect("a source");
            let published = &cost["sources"][source]["published"];
            assert!(published.is_string(), "{region}: {line}");
        }
        sums.push(cost["per_hour"].as_f64().expect("a sum"));
    }
    assert!(sums.iter().all(|sum| (2.0..8.0).contains(sum)), "{sums:?}");
    sums.sort_by(f64::total_cmp);
    sums.dedup();
    assert!(sums.len() >= 8, "regions differ: {sums:?}");
}

#[test]
fn every_size_is_priced_in_every_whole_region() {
    for size in Library::new(None).architectures().expect("sizes parse") {
        for region in WHOLE {
            let mut spec = size.example();
            spec.region = region.to_owned();
            let cost = cost(&spec).expect("sizes are numbers");
            // The network-optimized proxies of the largest size are not sold everywhere.
            let missing = cost
                .unpriced
                .iter()
                .filter(|what| *what != "proxy m6in.8xlarge");
            assert_eq!(missing.count(), 0, "{}: {:?}", size.name, cost.unpriced);
        }
    }
}

#[test]
fn a_plan_says_what_has_no_price_and_bounds_its_sums() {
    let output = loadrig(&["plan", "1k", "--region", PARTIAL, "--cost"]);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(said.contains("costs at least $"), "{said}");
    assert!(said.contains("per hour, at least $"), "{said}");
    let note = "no price is known in eu-west-3 for `database writer db.r7g.large`";
    assert!(said.contains(note), "{said}");
    let line = said
        .lines()
        .find(|line| line.trim_start().contains("database writer db.r7g.large  "))
        .expect("its line");
    assert!(line.contains("no price"), "{line}");
    let unpriced = &plan("1k", PARTIAL)["cost"]["unpriced"];
    assert_eq!(
        *unpriced,
        json!([
            "database writer db.r7g.large",
            "database reader db.r7g.large"
        ])
    );
}

#[test]
fn a_region_without_prices_is_not_given_those_of_another() {
    // It has the shape of a region, and no price file.
    let output = loadrig(&["plan", "1k", "--region", "ap-southeast-8"]);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(said.contains("costs what is not known"), "{said}");
    let note = "no prices of ap-southeast-8 are known: the cost is not estimated";
    assert!(said.contains(note), "{said}");
}

/// A folder with the generator's inputs, and no prices yet.
fn empty_prices() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("temporary directory");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("prices");
    std::fs::copy(ours.join("types.yaml"), folder.path().join("types.yaml")).expect("types");
    std::fs::write(folder.path().join("quoted.yaml"), r#"{"sources": {}}"#).expect("quoted");
    folder
}

fn generate(folder: &Path, files: &[Value]) -> Output {
    let mut script = Command::new("python3");
    script
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/xtask/prices.py"))
        .arg(folder);
    for (index, file) in files.iter().enumerate() {
        let path = folder.join(format!("input-{index}.json"));
        std::fs::write(&path, file.to_string()).expect("an input");
        script.arg(path);
    }
    script.output().expect("python3 runs")
}

fn written(folder: &Path, region: &str) -> Prices {
    let text = std::fs::read_to_string(folder.join(format!("{region}.yaml"))).expect("a file");
    serde_yaml::from_str(&text).expect("a price file")
}

/// An offer file of AWS's bulk price list with one product.
fn offer(code: &str, day: &str, family: &str, attributes: &Value, usd: &str) -> Value {
    let mut attributes = attributes.clone();
    attributes["regionCode"] = json!("eu-central-1");
    json!({
        "formatVersion": "v1.0", "offerCode": code, "publicationDate": format!("{day}T10:00:00Z"),
        "products": { "SKU1": { "sku": "SKU1", "productFamily": family, "attributes": attributes } },
        "terms": { "OnDemand": { "SKU1": { "SKU1.TERM": { "priceDimensions": { "SKU1.TERM.RATE": {
            "rateCode": "SKU1.TERM.RATE", "unit": "Hrs", "beginRange": "0", "endRange": "Inf",
            "pricePerUnit": { "USD": usd }
        } } } } } }
    })
}

fn host(day: &str, usd: &str) -> Value {
    let attributes = json!({
        "instanceType": "c7i.large", "operatingSystem": "Linux", "tenancy": "Shared",
        "capacitystatus": "Used", "operation": "RunInstances", "usagetype": "EUC1-BoxUsage:c7i.large"
    });
    offer("AmazonEC2", day, "Compute Instance", &attributes, usd)
}

#[test]
fn offer_files_become_price_files_and_the_newest_figure_is_taken() {
    let folder = empty_prices();
    let balancer = json!({
        "operation": "LoadBalancing:Application", "usagetype": "EUC1-LoadBalancerUsage"
    });
    let balancer = offer(
        "AWSELB",
        "2026-10-05",
        "Load Balancer-Application",
        &balancer,
        "0.027",
    );
    let done = generate(
        folder.path(),
        &[
            host("2026-10-01", "0.1018500000"),
            host("2026-09-01", "0.2"),
            balancer,
        ],
    );
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let prices = written(folder.path(), "eu-central-1");
    let known = prices.host("c7i.large").expect("a price");
    assert_eq!(
        (known.per_hour, known.source.as_str()),
        (0.10185, "AmazonEC2-2026-10-01")
    );
    let balancer = prices.item(loadrig::spec::PricedItem::ApplicationLoadBalancer);
    assert_eq!(balancer.map(|price| price.per_hour), Some(0.027));
    // A later run reads what is there and takes what is newer.
    let done = generate(folder.path(), &[host("2026-11-01", "0.11")]);
    assert!(done.status.success());
    let prices = written(folder.path(), "eu-central-1");
    assert_eq!(
        prices.host("c7i.large").map(|price| price.per_hour),
        Some(0.11)
    );
    assert!(
        prices
            .item(loadrig::spec::PricedItem::ApplicationLoadBalancer)
            .is_some()
    );
}

#[test]
fn price_maps_are_read_for_all_regions() {
    let folder = empty_prices();
    let row = |price: &str| {
        json!({
            "Hourly charge for NAT Gateways": { "rateCode": "SKU.TERM.RATE", "price": price }
        })
    };
    let map = json!({
        "manifest": {
            "serviceId": "ec2", "source": "natgateway", "currencyCode": "USD",
            "hawkFilePublicationDate": "2026-10-28T17:54:55Z"
        },
        "regions": { "EU (Frankfurt)": row("0.0520000000"), "EU (Ireland)": row("0.0480000000"),
                     "US West (Phoenix)": row("0.0540000000") }
    });
    let done = generate(folder.path(), &[map]);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    for (region, usd) in [("eu-central-1", 0.052), ("eu-west-1", 0.048)] {
        let price = written(folder.path(), region).item(loadrig::spec::PricedItem::NatGateway);
        assert_eq!(price.map(|price| price.per_hour), Some(usd));
    }
}

#[test]
fn the_generator_refuses_what_is_ambiguous_free_or_unknown() {
    for (files, why) in [
        (
            vec![host("2026-10-01", "0.1"), host("2026-10-01", "0.2")],
            "costs both 0.1 and 0.2",
        ),
        (vec![host("2026-10-01", "0.0000000000")], "is 0.0"),
        (
            vec![json!({ "hello": 1 })],
            "neither an offer file nor a price map",
        ),
        (
            vec![offer("AmazonSQS", "2026-10-01", "Queue", &json!({}), "1")],
            "nothing is known to be read from an offer file of AmazonSQS",
        ),
    ] {
        let folder = empty_prices();
        let done = generate(folder.path(), &files);
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(
            !done.status.success() && said.contains(why),
            "{why}: {said}"
        );
        assert!(!folder.path().join("eu-central-1.yaml").exists());
    }
}
