"""Writes compact service models out of botocore's published ones.

Called by `cargo xtask models` with a Python that has botocore. Arguments: botocore's folder, the
folder to write to, and a folder with one file per service that names its operations.
"""

import gzip
import json
import pathlib
import re
import sys

# Of a shape and of a reference to one: what says how a value is written and what it may be.
SHAPE = (
    "type", "required", "enum", "pattern", "min", "max", "flattened", "payload", "wrapper",
    "locationName", "xmlNamespace",
)
REFERENCE = (
    "shape", "locationName", "queryName", "location", "flattened", "xmlAttribute", "xmlNamespace",
)

# Shapes whose published enumeration is behind the service: it is left out, so that whoever plays
# the service says what it takes. OpenSearch has had m7g, r7g and r8gd for years (aws-cdk#36056).
OPEN = {"opensearch": {"OpenSearchPartitionInstanceType"}}


def load(folder, service):
    versions = sorted((folder / "data" / service).iterdir())
    for name in ("service-2.json.gz", "service-2.json"):
        path = versions[-1] / name
        if path.exists():
            data = path.read_bytes()
            return json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
    raise SystemExit(f"no model of {service} in {folder}")


def kept(value, names):
    return {name: value[name] for name in names if name in value}


def reference(value):
    out = kept(value, REFERENCE)
    if "xmlNamespace" in out:
        out["xmlNamespace"] = out["xmlNamespace"].get("uri", "")
    return out


def shape(value):
    out = kept(value, SHAPE)
    if "xmlNamespace" in out:
        out["xmlNamespace"] = out["xmlNamespace"].get("uri", "")
    if "members" in value:
        out["members"] = {name: reference(member) for name, member in value["members"].items()}
    for part in ("member", "key", "value"):
        if part in value:
            out[part] = reference(value[part])
    return out


def errors(model, operation):
    """Code and HTTP status of each error that the model lists for an operation."""
    out = {}
    for error in operation.get("errors", ()):
        name = error["shape"]
        about = model["shapes"][name].get("error", {})
        out[about.get("code", name)] = about.get("httpStatusCode", 400)
    return out


def reached(model, names, without_enum):
    seen, open_ = {}, list(names)
    while open_:
        name = open_.pop()
        if name in seen:
            continue
        seen[name] = shape(model["shapes"][name])
        if name in without_enum:
            del seen[name]["enum"]
        found = seen[name]
        parts = list(found.get("members", {}).values())
        parts += [found[part] for part in ("member", "key", "value") if part in found]
        open_ += [part["shape"] for part in parts]
    return seen


def compact(model, version, names, without_enum):
    operations, roots = {}, set()
    for name in sorted(names & set(model["operations"])):
        operation = model["operations"][name]
        out = {"method": operation["http"]["method"], "uri": operation["http"]["requestUri"]}
        for side in ("input", "output"):
            if side in operation:
                out[side] = reference(operation[side])
                roots.add(operation[side]["shape"])
        if "resultWrapper" in operation.get("output", {}):
            out["wrapper"] = operation["output"]["resultWrapper"]
        out["errors"] = errors(model, operation)
        operations[name] = out
    about = model["metadata"]
    return {
        "source": f"botocore {version}, Apache-2.0; written by `cargo xtask models`",
        "version": about["apiVersion"],
        "protocol": about["protocol"],
        "signs": about.get("signingName", about["endpointPrefix"]),
        "target": about.get("targetPrefix", ""),
        "operations": operations,
        "shapes": dict(sorted(reached(model, roots, without_enum).items())),
    }


def written(value):
    """One line for each operation and shape, so that a new version can be read as a difference."""
    lines = []
    for name, part in value.items():
        if isinstance(part, dict):
            inner = ",\n".join(
                f"  {json.dumps(key)}: {json.dumps(entry, separators=(',', ':'))}"
                for key, entry in part.items()
            )
            lines.append(f" {json.dumps(name)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {json.dumps(name)}: {json.dumps(part)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    source, target, wanted = map(pathlib.Path, sys.argv[1:4])
    text = (source / "__init__.py").read_text()
    version = re.search(r"__version__ = ['\"]([^'\"]+)", text).group(1)
    for path in sorted(wanted.iterdir()):
        service = path.name
        # `DeleteDbInstance` in Rust is `DeleteDBInstance` on AWS.
        model = load(source, service)
        by_lower = {name.lower(): name for name in model["operations"]}
        words = path.read_text().split()
        names = {by_lower[word.lower()] for word in words if word.lower() in by_lower}
        out = written(compact(model, version, names, OPEN.get(service, set())))
        (target / f"{service}.json").write_text(out)
        print(f"{service}: {len(names)} operations, {len(out) // 1024} KiB", file=sys.stderr)


main()
