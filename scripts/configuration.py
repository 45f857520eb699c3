"""Write docs/configuration.md from the schema of the cluster file and from the table of variables below."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bakery.cli.invocation import DEFAULT_ADDRESS_URL
from bakery.cloud.endpoint import DEFAULT_ENDPOINT
from bakery.config import defaults, merges
from bakery.config.model import Kind
from bakery.config.schema import LABEL, REGION, SLUG, VERSION, json_schema
from bakery.emulator.daemon.lifecycle import PASSED_ON
from bakery.proc import ALLOWED_ENVIRONMENT
from bakery.toolchain.model import Places
from bakery.toolchain.source import GO_ENVIRONMENT

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"


@dataclass(frozen=True, kw_only=True)
class Variable:
    """An environment variable that bakery reads."""

    name: str
    meaning: str
    default: str = "-"


VARIABLES = (
    Variable(
        name="BAKERY_CLUSTER_FILE", default="`bakery.yaml`", meaning="The cluster file, like `--cluster-file`."
    ),
    Variable(
        name="BAKERY_STATE_DIR",
        default="`.bakery` beside the cluster file",
        meaning="The folder that holds each cluster's credentials and journal.",
    ),
    Variable(
        name="BAKERY_AGE_RECIPIENT",
        meaning="An age recipient (`age1…`) or an SSH public key (ssh-ed25519 or ssh-rsa) whose identity is on"
        " this machine: new credentials are encrypted to it, and"
        " `bakery credentials encrypt` encrypts those that exist.",
    ),
    Variable(
        name="BAKERY_AGE_IDENTITY",
        meaning="Path of the age identity or SSH private key that decrypts the credentials.",
    ),
    Variable(
        name="BAKERY_AGE_PASSPHRASE",
        meaning="The passphrase of credentials that are encrypted with one. Without it bakery asks on a terminal.",
    ),
    Variable(
        name="BAKERY_ADDRESS_URL",
        default=f"`{DEFAULT_ADDRESS_URL}`",
        meaning="The service that is asked for the operator's address where `admin_cidrs` has `auto`.",
    ),
    Variable(
        name="BAKERY_EMULATOR",
        default="`default`",
        meaning="The emulator that `--local` and `bakery emulator` use, like `--name`.",
    ),
    Variable(
        name="BAKERY_DEADLINE_FACTOR",
        default="1",
        meaning="Multiplies the deadlines of waits, for slow machines; 1 where it is not a positive number.",
    ),
    Variable(
        name="BAKERY_P12_PASSWORD",
        meaning="The password of the file that `bakery browser-cert` writes. `--password-file` overrides it.",
    ),
    Variable(
        name="BAKERY_TOOLCHAIN_DIR",
        meaning="A folder with `consul`, `nomad`, `packer`, `traefik` and the folder `cni`; it is searched before"
        " `PATH`.",
    ),
    Variable(
        name="BAKERY_RELEASES_URL",
        default=f"`{Places.releases_url}`",
        meaning="Where releases of Consul, Nomad and Packer are downloaded; for a mirror. With `http://`, except"
        " on this machine, an archive needs a pinned checksum: bakery's own, or `image.checksums`.",
    ),
    Variable(
        name="BAKERY_GITHUB_URL",
        default=f"`{Places.github_url}`",
        meaning="Where the CNI plugins, Traefik and Packer's DigitalOcean plugin are downloaded; for a mirror. As"
        " above.",
    ),
    Variable(
        name="BAKERY_ENV_PATH",
        meaning="Set by `bakery env`: the folders it put in front of `PATH`; `bakery env --unset` removes them.",
    ),
    Variable(name="_BAKERY_COMPLETE", meaning="Set by the shell's completion script (`bakery completion`)."),
    Variable(
        name="DIGITALOCEAN_TOKEN_FILE",
        meaning="A file that holds the API token. It overrides the next two variables.",
    ),
    Variable(name="DIGITALOCEAN_TOKEN", meaning="The API token; Packer and Terraform use the same variable."),
    Variable(
        name="DIGITALOCEAN_ACCESS_TOKEN",
        meaning="The API token where `DIGITALOCEAN_TOKEN` is not set; doctl uses the same variable.",
    ),
    Variable(
        name="DIGITALOCEAN_API_URL",
        default=f"`{DEFAULT_ENDPOINT}`",
        meaning="The API's URL, without `/v2`. `--local` overrides it.",
    ),
    Variable(name="NO_COLOR", meaning="Any text but the empty one: no colour, like `--no-color`."),
    Variable(
        name="FORCE_COLOR",
        meaning="Any text but the empty one: colours in pipes and CI logs too, unless `NO_COLOR` is set."
        " `CLICOLOR_FORCE` is not read.",
    ),
    Variable(
        name="SUDO_UID",
        meaning="`sudo` sets it: the user who may open the pages of `bakery ui` and `bakery dashboard`.",
    ),
    Variable(
        name="SUDO_USER", meaning="`sudo` sets it: the user that `bakery events` names for a command run as root."
    ),
    Variable(name="TERM", meaning="`dumb`: no colour, and no line is drawn over."),
    Variable(name="PATH", meaning="Where programs are found after `BAKERY_TOOLCHAIN_DIR`."),
    Variable(
        name="XDG_CACHE_HOME",
        default="`~/.cache`",
        meaning="`bakery/` in it holds verified programs and the emulator's base images.",
    ),
    Variable(
        name="XDG_STATE_HOME",
        default="`~/.local/state`",
        meaning="`bakery/` in it holds the records of bakes and the logs of unexpected errors.",
    ),
    Variable(
        name="XDG_DATA_HOME", default="`~/.local/share`", meaning="`bakery/emulator/` in it holds the emulators."
    ),
    Variable(
        name="HTTPS_PROXY, HTTP_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE",
        meaning="Proxies and CAs for DigitalOcean, downloads and the operator's address. Requests to Consul, "
        "Nomad and the emulator ignore them; one to a mirror on this machine uses no proxy.",
    ),
)
"""In the order of the page. tests/unit/test_configuration_page.py compares them with the source."""

_PAGE = """\
# Configuration

`make docs` writes this page from `src/bakery/config/schema.py` and `scripts/configuration.py`.

## The cluster file

`bakery init` writes a `bakery.yaml` with comments. `bakery validate` names every problem in it with line and
column; `bakery validate --schema` prints its JSON Schema, for editors. The file is YAML 1.2: `no` and `012` are
texts. A key that is not in this table is an error, and so is a key without a value.

| key | value | default | meaning |
|---|---|---|---|
{keys}

A role with the name of a kind is of that kind. The kinds, and the size of their droplets where the role has no
`size`:

| kind | what runs on a droplet | default size |
|---|---|---|
{kinds}

`nomad` and `consul` of a role are merged into the agents' configuration: mappings key by key, any other value
replaces bakery's. Refused, each with its reason, are

- in `nomad`: {nomad}
- in `consul`: {consul}

A host volume's folder is on the droplet's disk, and is lost with the droplet. The files of `user_data` run as root
at the first boot, in their order: `#cloud-boothook`, `bootcmd` and `write_files` before the agents start; scripts,
`runcmd` and `packages` when the starting agents leave half of the CPU idle, or after a minute. A cloud-config adds
to bakery's own and replaces none of its values.

Changed settings reach running nodes with `bakery roll --because config`. A changed password of a registry is
not among the settings that it compares; `bakery roll --role nomad-client --because age --older-than 0` brings it.

## Environment variables

A flag overrides a variable, and a variable overrides the default.

| variable | default | meaning |
|---|---|---|
{variables}

The `XDG` variables hold on Linux; on macOS these folders are in `~/Library`.

Of your environment, the programs that bakery starts see only these variables:
{allowed}.
The emulator sees {emulator} too, and Go, which builds programs from source, sees
{go}.

`bakery env` prints the variables that `consul` and `nomad` read: `CONSUL_HTTP_ADDR`, `NOMAD_ADDR`, and those of
tokens, CAs and certificates. bakery itself does not read them. `bakery consul` and `bakery nomad` give the program
your whole environment with these variables and the operator's tokens, but without the account's token, without
bakery's own passwords, and without variables that would switch off a check.
"""
_WORDS = {
    LABEL: "lower-case letters, digits and hyphens, a letter first",
    VERSION: "exactly `X.Y.Z`",
    SLUG: "a slug",
    REGION: "a region's slug",
}
_Node = Mapping[str, Any]
"""A part of the JSON Schema."""
_TYPES = {"string": "text", "integer": "whole number", "boolean": "`true` or `false`", "array": "list of texts"}


def page() -> str:
    """Return the complete page."""
    return _PAGE.format(
        keys="\n".join(_key_rows()),
        kinds="\n".join(f"| `{kind.value}` | {_runs(kind)} | `{defaults.size_of(kind)}` |" for kind in Kind),
        nomad=_names(*merges.NOMAD),
        consul=_names(*merges.CONSUL),
        variables="\n".join(_variable_row(variable) for variable in VARIABLES),
        allowed=_names(*ALLOWED_ENVIRONMENT),
        emulator=_names(*PASSED_ON),
        go=_names(*GO_ENVIRONMENT),
    )


def _runs(kind: Kind) -> str:
    consul = "Consul server" if kind.is_consul_server else "Consul agent"
    server = ["Nomad server"] if kind.is_nomad_server else []
    client = ["Nomad client, for jobs"] if kind.is_nomad_client else []
    ingress = ["Traefik, which routes requests from outside to services"] if kind.is_ingress else []
    return ", ".join([consul, *server, *client, *ingress])


def _variable_row(variable: Variable) -> str:
    return f"| {_names(*variable.name.split(', '))} | {variable.default} | {variable.meaning} |"


def _keys() -> Iterator[tuple[str, _Node]]:
    """Yield every key of the cluster file with its part of the JSON Schema.

    NAME is a placeholder for a role's name, [] for a place in a list.
    """
    schema: dict[str, Any] = dict(json_schema())
    yield from _below(schema, schema, "")


def _below(schema: _Node, node: _Node, prefix: str) -> Iterator[tuple[str, _Node]]:
    for name, field in node["properties"].items():
        path = f"{prefix}{name}"
        value = _resolved(schema, field)
        if "properties" in value:
            yield from _below(schema, value, f"{path}.")
        elif "additionalProperties" in value:
            yield path, value
            yield from _below(schema, _inner(schema, value), f"{path}.NAME.")
        elif "anyOf" in value:
            yield path, value
            yield from _below(schema, _resolved(schema, value["anyOf"][-1]), f"{path}.")
        elif "$ref" in value.get("items", {}):
            yield path, value
            yield from _below(schema, _resolved(schema, value["items"]), f"{path}[].")
        else:
            yield path, value | {"required": name in node.get("required", ())}


def _inner(schema: _Node, mapping: _Node) -> _Node:
    """Return the values of a mapping whose keys are names; without keys of their own if they are texts."""
    values = mapping["additionalProperties"]
    found = _resolved(schema, values) if isinstance(values, dict) else {}
    return found if "properties" in found else {"properties": {}}


def _resolved(schema: _Node, field: _Node) -> dict[str, Any]:
    if "$ref" not in field:
        return dict(field)
    target: _Node = schema["$defs"][field["$ref"].rpartition("/")[2]]
    return {**target, **{key: value for key, value in field.items() if key != "$ref"}}


def _key_rows() -> Iterator[str]:
    for path, field in _keys():
        yield f"| `{path}` | {_value(field)} | {_default(path, field)} | {field['description']} |"


def _value(field: _Node) -> str:
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "additionalProperties" in field:
        if "propertyNames" in field:
            return f"a mapping; names are {_WORDS[field['propertyNames']['pattern']]}"
        values = field["additionalProperties"]
        return "a mapping of texts" if values == {"type": "string"} else "a mapping"
    if "anyOf" in field:
        return "`false`, or a mapping"
    words = ["a list of mappings" if "$ref" in field.get("items", {}) else _TYPES[field["type"]]]
    if "pattern" in field:
        words.append(_WORDS[field["pattern"]])
    if "maxLength" in field:
        words.append(f"at most {field['maxLength']} characters")
    if "minimum" in field:
        words.append(f"{field['minimum']} to {field['maximum']}")
    return ", ".join(words)


def _default(path: str, field: _Node) -> str:
    if field.get("required"):
        return "required"
    if "default" not in field:
        return "by kind" if path.endswith(".size") else "the role's name"
    default = field["default"]
    if default in ("", {}):
        return "required" if path.endswith((".path", "[].cert", "[].key")) else "none"
    if isinstance(default, dict):
        return ", ".join(f"`{name}`" for name in default)
    if isinstance(default, list):
        return f"`[{', '.join(default)}]`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _names(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE}\n")
