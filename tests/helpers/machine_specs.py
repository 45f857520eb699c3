"""Machine specs as the emulator's HTTP side makes them, written by hand."""

from ipaddress import IPv4Address

from bakery.emulator.machines.interface import Interface, MachineSpec

USER_DATA = "#cloud-config\nruncmd: [[touch, /root/done]]\n"


def machine_spec(
    number: int = 1,
    *,
    image: str = "debian-12-x64",
    vpc: str = "vpc-a",
    third: int = 0,
    public: bool = True,
    public_keys: tuple[str, ...] = (),
    user_data: str | None = USER_DATA,
    vendor_data: str | None = None,
    memory: int = 1024,
    base: IPv4Address = IPv4Address("198.18.0.0"),  # noqa: B008 - immutable
) -> MachineSpec:
    """Droplet ``number``; its VPC is 10.100.``third``.0/24 with ``vpc`` as id."""
    mac = f"02:00:00:00:00:{number:02x}"
    return MachineSpec(
        droplet_id=1000 + number,
        name=f"demo-{number}",
        image=image,
        memory=memory,
        vcpus=1,
        disk=25,
        region="fra1",
        tags=(),
        user_data=user_data,
        vendor_data=vendor_data,
        public_keys=public_keys,
        public=_interface(mac, f"{base + 10 + number}", "255.254.0.0", f"{base + 1}") if public else None,
        anchor=_interface(mac, f"10.17.0.{10 + number}", "255.255.0.0", "10.17.0.1") if public else None,
        private=_interface(f"02:00:00:00:01:{number:02x}", f"10.100.{third}.{10 + number}", "255.255.255.0", None),
        vpc_id=vpc,
        dns=("67.207.67.2", "67.207.67.3"),
    )


def _interface(mac: str, address: str, netmask: str, gateway: str | None) -> Interface:
    return Interface(mac=mac, address=address, netmask=netmask, gateway=gateway)
