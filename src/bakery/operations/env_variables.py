"""The variables of the consul and nomad programs: for a shell on this machine, and for a folder to hand on."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from bakery.config.paths import ClientFiles, IssuedFiles
from bakery.credentials.names import consul_server_name, nomad_server_name
from bakery.observe.leaders import Servers
from bakery.plan.ports import CONSUL_HTTPS, NOMAD_HTTPS

CONSUL_VARIABLES = (
    "CONSUL_HTTP_ADDR", "CONSUL_HTTP_SSL", "CONSUL_CACERT", "CONSUL_CLIENT_CERT", "CONSUL_CLIENT_KEY",
    "CONSUL_TLS_SERVER_NAME", "CONSUL_HTTP_TOKEN",
)  # fmt: skip
NOMAD_VARIABLES = (
    "NOMAD_ADDR", "NOMAD_CACERT", "NOMAD_CLIENT_CERT", "NOMAD_CLIENT_KEY", "NOMAD_TLS_SERVER_NAME", "NOMAD_TOKEN",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """The tokens of one client."""

    consul: str = field(repr=False)
    nomad: str = field(repr=False)
    """Empty if there is no Nomad server to make it."""


def build_variables(cluster: str, servers: Servers, files: ClientFiles, tokens: Tokens) -> Mapping[str, str]:
    """Return the variables by name. Nomad's are missing if ``servers`` has no Nomad server."""
    of_consul = {
        "CONSUL_HTTP_ADDR": f"https://{servers.consul[0].address}:{CONSUL_HTTPS}",
        "CONSUL_HTTP_SSL": "true",
        "CONSUL_CACERT": str(files.consul_ca.resolve()),
        "CONSUL_CLIENT_CERT": str(files.consul_cert.resolve()),
        "CONSUL_CLIENT_KEY": str(files.consul_key.resolve()),
        "CONSUL_TLS_SERVER_NAME": consul_server_name(cluster),
        "CONSUL_HTTP_TOKEN": tokens.consul,
    }
    if not servers.nomad:
        return of_consul
    return of_consul | {
        "NOMAD_ADDR": f"https://{servers.nomad[0].address}:{NOMAD_HTTPS}",
        "NOMAD_CACERT": str(files.nomad_ca.resolve()),
        "NOMAD_CLIENT_CERT": str(files.nomad_cert.resolve()),
        "NOMAD_CLIENT_KEY": str(files.nomad_key.resolve()),
        "NOMAD_TLS_SERVER_NAME": nomad_server_name(),
        "NOMAD_TOKEN": tokens.nomad,
    }


def env_script(cluster: str, servers: Servers, files: IssuedFiles) -> str:
    """Return exports for a folder of issued credentials. It contains no secret: the tokens are read from files.

    A POSIX shell does not say which file it reads, so the folder has to be the working folder.
    """
    variables = build_variables(cluster, servers, files, Tokens(consul="", nomad=""))
    paths = {
        "CONSUL_CACERT": files.consul_ca,
        "CONSUL_CLIENT_CERT": files.consul_cert,
        "CONSUL_CLIENT_KEY": files.consul_key,
        "NOMAD_CACERT": files.nomad_ca,
        "NOMAD_CLIENT_CERT": files.nomad_cert,
        "NOMAD_CLIENT_KEY": files.nomad_key,
    }
    tokens = {"CONSUL_HTTP_TOKEN": files.consul_token, "NOMAD_TOKEN": files.nomad_token}
    values = {name: shlex.quote(value) for name, value in variables.items()}
    values |= {name: f'"$PWD/{file.name}"' for name, file in paths.items()}
    values |= {name: f'"$(cat "$PWD/{file.name}")"' for name, file in tokens.items()}
    lines = [f"# cd into this folder, then: . ./{files.env.name}"]
    return "\n".join([*lines, *(f"export {name}={value}" for name, value in values.items()), ""])
