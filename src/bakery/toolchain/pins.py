"""The SHA256 of the default versions' archives, so that a download site alone cannot replace one."""

from collections.abc import Mapping

PINNED: Mapping[str, str] = {
    "consul_1.22.5_darwin_amd64.zip": "88028cf5c040a24193b2efd195efa6a6ca043c8340c7eb6b00343eecdf88ca40",
    "consul_1.22.5_darwin_arm64.zip": "a728b166849ce51d107c22073c89217d27510dd9adad3326454273ac80ac2aef",
    "consul_1.22.5_linux_amd64.zip": "58603b87fd085282f882fcd02b5165c93b321692514b2ab822dec8dd4cd028a3",
    "consul_1.22.5_linux_arm64.zip": "e13bafeb1f5c11b16ca8087387a5ef5b6f7799018f91d5a0705c64c06c5ad61d",
    "nomad_1.11.3_darwin_amd64.zip": "ca8bf44452296db8750b411c73c6d38a872a9fae2632f93164edbc6573433814",
    "nomad_1.11.3_darwin_arm64.zip": "8f8bbc6064a039df772fa7daa865185760111d2e2a1f2953ade2b126dff8e5dd",
    "nomad_1.11.3_linux_amd64.zip": "19dac5642a2ba5305e6ff8efee06a708d760ebe4d1cd7936bc3dc526f477dc12",
    "nomad_1.11.3_linux_arm64.zip": "902e44260fcd9297af7042fb33ccd5a29cc2202b57199724f17c96fcd67414d2",
    "nomad_2.0.5_darwin_amd64.zip": "17475f2e3c6411ee68355e95845872fe2c30f336e6f31f3cb16c88990b98a13a",
    "nomad_2.0.5_darwin_arm64.zip": "6074494a4d6d46933c7ee9c380b15f1e7c602e42c8148d15420ed32eb16c8cd4",
    "nomad_2.0.5_linux_amd64.zip": "6425e43967bb0b2b4979b0d06da9b06772848b658dae372f1256d51ddcfe53c3",
    "nomad_2.0.5_linux_arm64.zip": "63186442061f3f86ec7d10615a91435779a84ed2bf6111bfcba3c0acf71dabb7",
    "packer_1.16.0_darwin_amd64.zip": "64c4aa9a3176f89496360843bc8747238c9ad32ddc68bc5281207ae342d45be9",
    "packer_1.16.0_darwin_arm64.zip": "6530042cf8f8a1f96b6607cb22b5be298be53b400cd4a2c81ab8b946964fccda",
    "packer_1.16.0_linux_amd64.zip": "5edcd14ab59b535040c512dbecd6ec9ef976a000b073c19d93e4c431c948581e",
    "packer_1.16.0_linux_arm64.zip": "cf18f03460d92265d49b56befff333e80641d845822799eab04357c39f75b5d7",
    "cni-plugins-linux-amd64-v1.9.1.tgz": "b98f74a0f8522f0a83867178729c1aa70f2158f90c45a2ca8fa791db1c76b303",
    "cni-plugins-linux-arm64-v1.9.1.tgz": "56171987d3947707c3563db2f4001bccaf50fd63468611b9f3cbecb1375ee7ec",
}
"""SHA256 in hex by the archive's file name.

Sources, which are not the download sites: HashiCorp's own formulas (https://github.com/hashicorp/homebrew-tap,
Formula/consul.rb, nomad.rb and packer.rb at these versions), and Kubespray for the CNI plugins
(https://github.com/kubernetes-sigs/kubespray, roles/kubespray_defaults/vars/main/checksums.yml).
"""

NOT_PINNED = frozenset({"packer-plugin-digitalocean", "traefik"})
"""Programs without a known second source of checksums. The cluster file can pin them."""
