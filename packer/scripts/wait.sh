#!/usr/bin/env bash
# Wait for the end of the first boot before packages are installed: cloud-init and apt's timers hold the locks.
set -euo pipefail

status=0
timeout 600 cloud-init status --wait >/dev/null || status=$?
# Since 23.4 exit code 2 means: done, after an error from which cloud-init recovered.
if [[ $status -ne 0 && $status -ne 2 ]]; then
    echo "cloud-init did not finish on the build droplet (exit code $status):" >&2
    cloud-init status --long >&2 || true
    exit 1
fi

systemctl stop apt-daily.timer apt-daily-upgrade.timer 2>/dev/null || true
deadline=$((SECONDS + 600))
while states=$(systemctl show --property=ActiveState --value apt-daily.service apt-daily-upgrade.service) &&
    [[ $'\n'$states == *$'\n'activ* ]]; do
    if ((SECONDS > deadline)); then
        echo "apt's own upgrade did not end within 10 minutes" >&2
        exit 1
    fi
    sleep 2
done

install -d -m 0700 "$STAGE"
