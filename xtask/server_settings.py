"""Writes server-settings/mattermost.yaml from the server's own definition of its configuration.

usage: server_settings.py OUT VERSION CONFIG_GO

CONFIG_GO is server/public/model/config.go of that version. Kept are the settings that a variable
`MM_SECTION_KEY` can set and lock by itself (server/config/environment.go): text, booleans, whole
numbers and lists of words. Left out are numbers with a fraction, lists of structures and settings in
a structure of their own, for which the server has no variables, and maps, which a variable would
replace as a whole.
"""

import re
import sys

KINDS = {
    "string": "text",
    "bool": "boolean",
    "int": "integer",
    "int64": "integer",
    "[]string": "words",
}


def structures(source):
    """The fields of each structure, as (name, type)."""
    found = {}
    for match in re.finditer(r"^type (\w+) struct \{\n(.*?)^\}", source, re.M | re.S):
        fields = []
        for line in match[2].splitlines():
            line = line.split("//")[0].strip()
            field = re.match(r"^(\w+)\s+([^\s`]+)(?:\s+`(.*)`)?$", line)
            if field and 'json:"-"' not in (field[3] or ""):
                fields.append((field[1], field[2]))
        found[match[1]] = fields
    return found


def kind(type_name):
    return KINDS.get(type_name.removeprefix("*"))


def main(out, version, path):
    with open(path, encoding="utf-8") as file:
        known = structures(file.read())
    lines = [
        "# The settings of the Mattermost server that an environment variable can set, by section.",
        "# Written by `cargo xtask server-settings`; see xtask/server_settings.py.",
        f"version: {version}",
        "source: https://github.com/mattermost/mattermost/blob/"
        f"v{version}/server/public/model/config.go",
        "sections:",
    ]
    for section, structure in sorted(known["Config"]):
        settings = [
            (name, kind(type_name))
            for name, type_name in known.get(structure.removeprefix("*"), [])
            if not name.startswith("DEPRECATED_")
        ]
        settings = sorted(one for one in settings if one[1])
        # Feature flags live in a structure of another file, and are no settings of administrators.
        if not settings or section == "FeatureFlags":
            continue
        lines.append(f"  {section}:")
        lines += [f"    {name}: {what}" for name, what in settings]
    with open(out, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
