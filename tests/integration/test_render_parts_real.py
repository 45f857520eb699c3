"""Parts of user-data that the cluster file adds, merged by the real cloud-init into bakery's own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bakery.config.model import HostVolume, Kind, RoleSettings, UserDataPart
from bakery.proc import run
from bakery.render.model import Join
from bakery.render.user_data import render_node
from tests.helpers.clusters import make_credentials, make_plan, node_of
from tests.helpers.tools import require_tool

pytestmark = pytest.mark.integration

# What cloud-init does with user-data at the first boot: it splits it into parts, and merges those of cloud-config
# (cloudinit/user_data.py, cloudinit/handlers/cloud_config.py).
MERGE = """
import json, sys
from cloudinit import handlers, helpers, user_data, util
from cloudinit.handlers.cloud_config import CloudConfigPartHandler
source, folder = sys.argv[1:]
paths = helpers.Paths({"cloud_dir": folder, "run_dir": folder})
message = user_data.UserDataProcessor(paths).process(open(source, encoding="utf-8").read())
handler = CloudConfigPartHandler(paths)
handler.cloud_fn = f"{folder}/merged"
handler.handle_part(None, handlers.CONTENT_START, None, None, None, None)
parts = [part for part in message.walk() if not part.is_multipart()]
for part in parts:
    kind = part.get_content_type()
    if kind == "text/cloud-config":
        text = util.fully_decoded_payload(part)
        handler.handle_part(None, kind, part.get_filename(), text, None, dict(part))
handler.handle_part(None, handlers.CONTENT_END, None, None, None, None)
merged = util.load_yaml(open(f"{folder}/merged", encoding="utf-8").read())
print(json.dumps({"types": [part.get_content_type() for part in parts], "merged": merged}))
"""
SCRIPT = UserDataPart(name="α.sh", mime_type="text/x-shellscript", text="#!/bin/sh\necho αβγ\n")
MORE = UserDataPart(
    name="more.yaml",
    mime_type="text/cloud-config",
    text="""#cloud-config
ssh_pwauth: true
packages: [jq]
bootcmd: [["true"]]
write_files: [{path: /etc/motd, content: hello}]
""",
)


def user_data(*parts: UserDataPart) -> str:
    plan, kind = make_plan(), Kind.NOMAD_CLIENT
    volume = HostVolume(name="data", path="/srv/data", read_only=False)
    node = replace(node_of(plan, kind), settings=RoleSettings(user_data=parts, host_volumes=(volume,)))
    return render_node(plan, node, make_credentials(kind), Join(consul=("10.100.0.2",), nomad=())).text


def merge(text: str, folder: Path) -> dict[str, Any]:
    python = require_tool("cloud-init").read_text(encoding="utf-8").splitlines()[0].removeprefix("#!")
    source = folder / "user-data"
    source.write_text(text, encoding="utf-8")
    done: dict[str, Any] = json.loads(run([python, "-c", MERGE, source, folder]).stdout)
    return done


def files(merged: dict[str, Any]) -> list[str]:
    return [each["path"] for each in merged["write_files"]]


def test_a_cloud_config_adds_to_bakerys_and_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    own = merge(user_data(), tmp_path / "own")["merged"]
    found = merge(user_data(SCRIPT, MORE), tmp_path)
    assert found["types"] == ["text/cloud-config", "text/x-shellscript", "text/cloud-config"]
    merged = found["merged"]
    assert files(merged) == [*files(own), "/etc/motd"]
    assert merged["ssh_pwauth"] is False
    assert merged["bootcmd"] == [["install", "-d", "-m", "0755", "--", "/srv/data"], ["true"]]
    assert merged["packages"] == ["jq"]


def test_without_its_header_cloud_init_would_replace_bakerys_files(tmp_path: Path) -> None:
    """Control: then a node would come up without keys and configuration."""
    lines = [line for line in user_data(MORE).splitlines() if not line.startswith("Merge-Type: ")]
    assert files(merge("\n".join(lines), tmp_path)["merged"]) == ["/etc/motd"]
