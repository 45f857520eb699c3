"""Base images other than the default one."""

from pathlib import Path

import pytest

from bakery.emulator.images import bases
from bakery.errors import BakeryError
from tests.helpers.emulator_lab import lab_api, running_lab
from tests.helpers.tools import absent

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

RANGE = "100.96.0.0/15"
USER_DATA = "#cloud-config\nruncmd: [[touch, /root/done]]\n"


def test_debian_13_boots_from_the_same_mirror(tmp_path: Path) -> None:
    """systemd 257 on whatever control groups this machine has; the base is built the first time."""
    try:
        bases.base_image("debian-13-x64")
    except BakeryError as error:
        absent(f"Debian 13 is not on this machine's mirror: {error}")
    with running_lab(tmp_path, RANGE) as lab, lab_api(lab) as api:
        (droplet_id,) = api.create("trixie", image="debian-13-x64", user_data=USER_DATA)
        lab.wait_done(droplet_id)
        assert lab.sh(droplet_id, ". /etc/os-release; echo $VERSION_ID").stdout == "13\n"
        assert lab.sh(droplet_id, "systemctl --failed --no-legend --plain").stdout == ""
        public, private = api.addresses(droplet_id)
        shown = lab.sh(droplet_id, "ip -4 -br addr").stdout
        assert f"{public}/15" in shown
        assert f"{private}/20" in shown
        assert lab.sh(droplet_id, "apt-get update -o APT::Update::Error-Mode=any").returncode == 0
