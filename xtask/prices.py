"""Writes prices/REGION.yaml out of AWS's public price files.

Called by `cargo xtask prices`. Arguments: the folder `prices/`, then price files, each of them optionally
after `--origin TEXT`, which says where a copy of it was found and holds for all files that follow.

Two kinds of file are known:

* offer files of the bulk price list, one for each service and region, as JSON (AWS Billing User Guide,
  "Getting price list files manually"): AmazonEC2, AmazonVPC, AmazonRDS, AmazonES, AmazonElastiCache,
  AWSELB, AmazonS3;
* the price maps that AWS's pages of prices read (`pricing/2.0/meteredUnitMaps/...`), which have all regions
  in one file.

`prices/types.yaml` says which instance types are priced. Figures of other sources are in
`prices/quoted.yaml`. Of several figures for one thing the one that was published last is taken. What an
earlier run wrote stays until something newer is read.
"""

import json
import pathlib
import sys

SECTIONS = ("ec2", "rds", "aurora", "opensearch", "redis", "valkey", "storage", "network")

# The price list's names of regions, which its maps are keyed by (AWS's locations.json, 2025-11-03).
LOCATIONS = {
    "Africa (Cape Town)": "af-south-1",
    "Asia Pacific (Hong Kong)": "ap-east-1",
    "Asia Pacific (Taipei)": "ap-east-2",
    "Asia Pacific (Tokyo)": "ap-northeast-1",
    "Asia Pacific (Seoul)": "ap-northeast-2",
    "Asia Pacific (Osaka)": "ap-northeast-3",
    "Asia Pacific (Mumbai)": "ap-south-1",
    "Asia Pacific (Hyderabad)": "ap-south-2",
    "Asia Pacific (Singapore)": "ap-southeast-1",
    "Asia Pacific (Sydney)": "ap-southeast-2",
    "Asia Pacific (Jakarta)": "ap-southeast-3",
    "Asia Pacific (Melbourne)": "ap-southeast-4",
    "Asia Pacific (Malaysia)": "ap-southeast-5",
    "Asia Pacific (New Zealand)": "ap-southeast-6",
    "Asia Pacific (Thailand)": "ap-southeast-7",
    "Canada (Central)": "ca-central-1",
    "Canada West (Calgary)": "ca-west-1",
    "EU (Frankfurt)": "eu-central-1",
    "EU (Zurich)": "eu-central-2",
    "EU (Stockholm)": "eu-north-1",
    "EU (Milan)": "eu-south-1",
    "EU (Spain)": "eu-south-2",
    "EU (Ireland)": "eu-west-1",
    "EU (London)": "eu-west-2",
    "EU (Paris)": "eu-west-3",
    "Israel (Tel Aviv)": "il-central-1",
    "Middle East (UAE)": "me-central-1",
    "Middle East (Bahrain)": "me-south-1",
    "Mexico (Central)": "mx-central-1",
    "South America (Sao Paulo)": "sa-east-1",
    "US East (N. Virginia)": "us-east-1",
    "US East (Ohio)": "us-east-2",
    "US West (N. California)": "us-west-1",
    "US West (Oregon)": "us-west-2",
}

HEADER = """\
# On-demand prices of {region}, USD before tax. Written by `cargo xtask prices`: change nothing here.
# Every figure names its source, by its id in `sources`. Treat it as an estimate, and AWS's price list as
# the truth. What is not listed has no price here.
#
# These comments and one JSON document, which is YAML.
"""


def fail(text):
    raise SystemExit(f"prices: {text}")


def load(path):
    """Comments and one JSON document."""
    lines = path.read_text().splitlines()
    try:
        return json.loads("\n".join(line for line in lines if not line.startswith("#")))
    except ValueError as error:
        fail(f"cannot read {path}: {error}")


class Figures:
    """Figures by region, section and name, each with its source."""

    def __init__(self, types):
        self.types = types
        self.sources = {}
        self.regions = {}

    def source(self, id, **source):
        source = {key: value for key, value in source.items() if value}
        if "published" not in source or "what" not in source:
            fail(f"source `{id}` does not say what it is or when it was published")
        if self.sources.setdefault(id, source) != source:
            fail(f"two sources are called `{id}`")
        return id

    def add(self, region, section, name, usd, source, sku=None):
        if section not in SECTIONS:
            fail(f"`{section}` of source `{source}` is no section")
        if section not in ("storage", "network"):
            table = "elasticache" if section in ("redis", "valkey") else section
            if name not in self.types[table]:
                return
        if not usd > 0:
            fail(f"the price of {section} {name} in {region} is {usd} in `{source}`")
        new = {"usd": usd, "from": source} | ({"sku": sku} if sku else {})
        known = self.regions.setdefault(region, {}).setdefault(section, {})
        old = known.get(name)
        if old is None or self.day(new) > self.day(old):
            known[name] = new
        elif old["from"] == source and old["usd"] != usd:
            fail(f"{section} {name} in {region} costs both {old['usd']} and {usd} in `{source}`")

    def day(self, figure):
        return self.sources[figure["from"]]["published"]


# --- price maps ---------------------------------------------------------------------------------------


def ec2_map(name, row):
    if (row.get("Operating System"), row.get("Pre Installed S/W")) == ("Linux", "NA"):
        yield "ec2", row["Instance Type"]


def rds_map(name, row):
    if name.startswith("Database Instance PostgreSQL ") and " Single-AZ " in name:
        yield "rds", row["Instance Type"]
    yield from named(name, {
        "Database Storage Single AZ General Purpose-GP3": ("storage", "rds_gp3_gib_month"),
        "Provisioned GP3 IOPS Single AZ": ("storage", "rds_iops_month"),
        "Storage Snapshot": ("storage", "rds_backup_gib_month"),
    })


def search_map(name, row):
    if " - OnDemand - " in name:
        yield "opensearch", row["Instance Type"]
    yield from named(name, {"EBS Volume GP3": ("storage", "opensearch_gp3_gib_month")})


def cache_map(name, row):
    if name.startswith("OnDemand Cache Instance "):
        for engine in ("Redis", "Valkey"):
            if f" {engine} " in name:
                yield engine.lower(), row["Instance Type"]


def named(name, wanted):
    if name in wanted:
        yield wanted[name]


# By `source` of the manifest: what it prices, and its rule.
MAPS = {
    "ec2-ondemand-without-sec-sel": ("EC2 on-demand instances", ec2_map),
    "rds-postgresql-ondemand": ("RDS for PostgreSQL on demand", rds_map),
    "es-ondemand": ("OpenSearch Service on demand", search_map),
    "elasticache": ("ElastiCache on demand", cache_map),
    "ebs": ("EBS", lambda name, row: named(name, {
        "Storage General Purpose gp3 GB Mo": ("storage", "ebs_gp3_gib_month"),
    })),
    "natgateway": ("NAT gateways", lambda name, row: named(name, {
        "Hourly charge for NAT Gateways": ("network", "nat_gateway_hour"),
        "Charge for per GB data processed by NatGateways": ("network", "nat_gateway_gb"),
    })),
    "vpc": ("VPC", lambda name, row: named(name, {
        "Hourly charge for In use Public IPv4 Addresses per Hrs": ("network", "public_ipv4_hour"),
    })),
    "s3": ("S3", lambda name, row: named(name, {
        "Standard Storage First 50 TB per GB Mo": ("storage", "s3_standard_gib_month"),
    })),
}


def read_map(figures, document, origin):
    manifest = document["manifest"]
    kind, day = manifest["source"], manifest["hawkFilePublicationDate"][:10]
    if manifest["currencyCode"] != "USD":
        fail(f"prices of `{kind}` are in {manifest['currencyCode']}")
    if kind not in MAPS:
        fail(f"nothing is known to be read from a price map of `{kind}`; of these: {', '.join(MAPS)}")
    what, rule = MAPS[kind]
    id = figures.source(
        f"{kind}-{day}", what=f"AWS's price map: {what}", published=day, origin=origin,
        file=f"pricing/2.0/meteredUnitMaps/{manifest['serviceId']}/USD/current/{kind}",
    )
    for location, rows in document["regions"].items():
        if region := LOCATIONS.get(location):
            for name, row in rows.items():
                for section, item in rule(name, row):
                    sku = row["rateCode"].split(".")[0]
                    figures.add(region, section, item, float(row["price"]), id, sku)


# --- offer files --------------------------------------------------------------------------------------


def ec2_offer(family, of):
    if family == "Compute Instance" and (
        of.get("operatingSystem"), of.get("tenancy"), of.get("capacitystatus"), of.get("operation"),
    ) == ("Linux", "Shared", "Used", "RunInstances"):
        yield "ec2", of["instanceType"]
    if family == "Storage" and of.get("volumeApiName") == "gp3":
        yield "storage", "ebs_gp3_gib_month"
    if family == "NAT Gateway" and of.get("operation") == "NatGateway":
        yield from usage(of, {
            "NatGateway-Hours": ("network", "nat_gateway_hour"),
            "NatGateway-Bytes": ("network", "nat_gateway_gb"),
        })


def rds_offer(family, of):
    engine, deployment = of.get("databaseEngine"), of.get("deploymentOption")
    standard = ":" in of["usagetype"] and plain(of["usagetype"].split(":")[0]) == "InstanceUsage"
    if family == "Database Instance" and deployment == "Single-AZ" and standard:
        section = {"PostgreSQL": "rds", "Aurora PostgreSQL": "aurora"}.get(engine)
        if section:
            yield section, of["instanceType"]
    if engine in ("PostgreSQL", "Aurora PostgreSQL", "Any", None):
        yield from usage(of, {
            "RDS:GP3-Storage": ("storage", "rds_gp3_gib_month"),
            "RDS:GP3-PIOPS": ("storage", "rds_iops_month"),
            "RDS:ChargedBackupUsage": ("storage", "rds_backup_gib_month"),
            "Aurora:StorageUsage": ("storage", "aurora_gib_month"),
            "Aurora:IO-OptimizedStorageUsage": ("storage", "aurora_io_optimized_gib_month"),
            "Aurora:BackupUsage": ("storage", "aurora_backup_gib_month"),
        })


def search_offer(family, of):
    if plain(of["usagetype"].split(":")[0]) == "ESInstance":
        yield "opensearch", of["instanceType"]
    yield from usage(of, {"ES:GP3-Storage": ("storage", "opensearch_gp3_gib_month")})


def cache_offer(family, of):
    engine = of.get("cacheEngine")
    if engine in ("Redis", "Valkey") and plain(of["usagetype"].split(":")[0]) == "NodeUsage":
        yield engine.lower(), of["instanceType"]
    if engine in ("Redis", None):
        yield from usage(of, {"BackupUsage": ("storage", "elasticache_backup_gib_month")})


def usage(of, wanted):
    kind = plain(of["usagetype"])
    if kind in wanted:
        yield wanted[kind]


def plain(usage_type):
    """A usage type without the region before it: `EUC1-NatGateway-Hours`, `EU-NodeUsage`."""
    first, _, rest = usage_type.partition("-")
    is_region = rest and first.isupper() and len(first) <= 5
    return rest if is_region else usage_type


# By offer code: what it prices, and its rule.
OFFERS = {
    "AmazonEC2": ("EC2", ec2_offer),
    "AmazonVPC": ("VPC", lambda family, of: usage(of, {
        "PublicIPv4:InUseAddress": ("network", "public_ipv4_hour"),
    })),
    "AmazonRDS": ("RDS", rds_offer),
    "AmazonES": ("OpenSearch Service", search_offer),
    "AmazonElastiCache": ("ElastiCache", cache_offer),
    "AWSELB": ("Elastic Load Balancing", lambda family, of: usage(of, {
        "LoadBalancerUsage": ("network", "alb_hour"),
        "LCUUsage": ("network", "alb_lcu_hour"),
    }) if of.get("operation") == "LoadBalancing:Application" else ()),
    "AmazonS3": ("S3", lambda family, of: usage(of, {
        "TimedStorage-ByteHrs": ("storage", "s3_standard_gib_month"),
    })),
}


def read_offer(figures, document, origin):
    code, day = document["offerCode"], document["publicationDate"][:10]
    if code not in OFFERS:
        fail(f"nothing is known to be read from an offer file of {code}; of these: {', '.join(OFFERS)}")
    what, rule = OFFERS[code]
    id = figures.source(
        f"{code}-{day}", what=f"AWS's bulk price list: {what}", published=day, origin=origin,
        file=f"offers/v1.0/aws/{code}",
    )
    on_demand = document["terms"]["OnDemand"]
    for sku, product in document["products"].items():
        of = product["attributes"]
        region = of.get("regionCode")
        if region not in LOCATIONS.values() or "usagetype" not in of:
            continue
        for section, name in rule(product.get("productFamily"), of):
            usd = first_tier(on_demand.get(sku))
            if usd is not None:
                figures.add(region, section, name, usd, id, sku)


def first_tier(terms):
    """The price of the first units; none where a product is not sold on demand."""
    tiers = [
        dimension for term in (terms or {}).values() for dimension in term["priceDimensions"].values()
        if float(dimension.get("beginRange", 0)) == 0
    ]
    if len(tiers) > 1:
        fail(f"{len(tiers)} prices of one product: {', '.join(tier['rateCode'] for tier in tiers)}")
    return float(tiers[0]["pricePerUnit"]["USD"]) if tiers else None


# --- what is there already ----------------------------------------------------------------------------


def read_region(figures, document):
    for id, source in document["sources"].items():
        figures.source(id, **source)
    for section in SECTIONS:
        for name, figure in document.get(section, {}).items():
            figures.add(document["region"], section, name, figure["usd"], figure["from"], figure.get("sku"))


def read_quoted(figures, document):
    everywhere = {}
    for id, source in document["sources"].items():
        figures.source(id, **{key: value for key, value in source.items() if key != "prices"})
        everywhere[id] = source["prices"].pop("*", {})
        for region, sections in source["prices"].items():
            add_all(figures, region, sections, id)
    for region in list(figures.regions):
        for id, sections in everywhere.items():
            add_all(figures, region, sections, id)


def add_all(figures, region, sections, id):
    for section, prices in sections.items():
        for name, usd in prices.items():
            figures.add(region, section, name, usd, id)


def write(figures, folder):
    for region, sections in sorted(figures.regions.items()):
        used = {figure["from"] for section in sections.values() for figure in section.values()}
        document = [f'"region": {json.dumps(region)}']
        sources = {id: figures.sources[id] for id in sorted(used)}
        document.append(block("sources", sources, sources))
        for section in SECTIONS:
            order = figures.types.get("elasticache" if section in ("redis", "valkey") else section)
            names = sections.get(section, {})
            document.append(block(section, names, order or sorted(names)))
        text = HEADER.format(region=region) + "{\n" + ",\n".join(document) + "\n}\n"
        (folder / f"{region}.yaml").write_text(text)
    print(f"prices: wrote {len(figures.regions)} regions", file=sys.stderr)


def block(name, values, order):
    rows = [f"  {json.dumps(key)}: {json.dumps(values[key])}" for key in order if key in values]
    return f'"{name}": {{\n' + ",\n".join(rows) + "\n}" if rows else f'"{name}": {{}}'


def main(folder, *arguments):
    folder = pathlib.Path(folder)
    figures = Figures(load(folder / "types.yaml"))
    for path in sorted(folder.glob("*.yaml")):
        if path.stem in LOCATIONS.values():
            read_region(figures, load(path))
    origin, arguments = None, list(arguments)
    while arguments:
        argument = arguments.pop(0)
        if argument == "--origin":
            origin = arguments.pop(0) if arguments else fail("`--origin` needs a text")
            continue
        document = load(pathlib.Path(argument))
        if "manifest" in document:
            read_map(figures, document, origin)
        elif "offerCode" in document:
            read_offer(figures, document, origin)
        else:
            fail(f"{argument} is neither an offer file nor a price map of AWS")
    read_quoted(figures, load(folder / "quoted.yaml"))
    write(figures, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
