#!/usr/bin/env bash
# Make the image with which Nomad holds the network of a docker task in bridge mode: /bin/sleep and the libraries that it
# loads. Nodes load it from this file (pause-image), so they need no registry.
set -euo pipefail
umask 022

root="$STAGE/pause"
for file in /bin/sleep $(ldd /bin/sleep | grep --only-matching '/[^ ]*'); do
    install -D -m 0755 "$(readlink --canonicalize "$file")" "$root$file"
done
chroot "$root" /bin/sleep 0
tar --create --file "$STAGE/layer.tar" --directory "$root" --owner=0 --group=0 --mtime=@0 --sort=name .

# Format: https://github.com/moby/docker-image-spec/blob/main/spec.md, "Combined Image JSON + Filesystem Changeset Format".
STAGE=$STAGE python3 - <<'PYTHON'
import hashlib, json, os, tarfile, io
from pathlib import Path

layer = Path(os.environ["STAGE"], "layer.tar").read_bytes()
settings = {
    "Entrypoint": ["/bin/sleep", "infinity"],
    # A user that no task has: exec tasks are 65534.
    "User": "65533:65533",
    # As PID 1, sleep ignores SIGTERM, and a shutdown of docker would wait for it.
    "StopSignal": "SIGKILL",
    # bakery-images.service keeps images with this label.
    "Labels": {"bakery.keep": "1"},
}
files = {"layer.tar": layer}
manifest = []
# Nomad removes the image three minutes after its last use, by force. docker refuses that for an image that is another
# one's parent (moby, daemon/images/image_delete.go, conflictDependentChild), and the second image is only for that.
for name in ("pause", "pause-child"):
    image = {
        "architecture": "amd64",
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "author": name,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }
    content = json.dumps(image).encode()
    files[f"{name}.json"] = content
    parent = {"Parent": manifest[0]["id"]} if manifest else {}
    manifest.append(
        {"id": "sha256:" + hashlib.sha256(content).hexdigest(), "Config": f"{name}.json", "Layers": ["layer.tar"],
         "RepoTags": [f"bakery.invalid/{name}:1"], **parent}
    )
files["manifest.json"] = json.dumps(manifest).encode()
Path("/usr/local/lib/bakery/pause.id").write_text(manifest[0]["id"] + "\n")
with tarfile.open("/usr/local/lib/bakery/pause.tar", "w") as archive:
    for name, content in files.items():
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
PYTHON
chmod 0644 /usr/local/lib/bakery/pause.tar /usr/local/lib/bakery/pause.id
