#!/bin/bash
# image.sh IMAGE FOLDER: runs a container image as a runtime would, on its own root, in namespaces that are there already. Of the image's
# configuration it takes user, entry point and command, and so finds out whether they fit what is in the image.
set -euo pipefail
image=$1 scratch=$2
mount --make-rprivate /
mount -t proc proc /proc
ip link set lo up
mkdir "$scratch/layout" "$scratch/root"
tar -x -C "$scratch/layout" -f "$image"
blob() { echo "$scratch/layout/blobs/sha256/$1"; }
digests() { grep -o "\"mediaType\":\"[^\"]*$2[^\"]*\",\"digest\":\"sha256:[0-9a-f]*" "$1" | sed 's/.*sha256://'; }
(cd "$scratch/layout/blobs/sha256" && sha256sum * | awk '$1 != $2 { print "blob " $2 " has another digest"; exit 1 }')
manifest=$(blob "$(digests "$scratch/layout/index.json" manifest)")
config=$(blob "$(digests "$manifest" config)")
layer=$(blob "$(digests "$manifest" layer)")
zcat "$layer" | sha256sum | cut -d' ' -f1 | xargs -I{} grep -qF 'sha256:{}' "$config"
mount -t tmpfs root "$scratch/root"
tar -xz -C "$scratch/root" -f "$layer" --numeric-owner
user=$(grep -o '"User":"[^"]*"' "$config" | cut -d'"' -f4)
mapfile -t words < <(grep -oE '"(Entrypoint|Cmd)":\[[^]]*\]' "$config" | sed 's/^[^[]*//' | grep -o '"[^"]*"' | tr -d '"')
mkdir "$scratch/root/proc"
mount -t proc proc "$scratch/root/proc"
mount -o remount,ro "$scratch/root"
for volume in var/lib/qrsd var/lib/qrsd-key; do
	mount -t tmpfs -o "mode=700,uid=${user%:*},gid=${user#*:}" volume "$scratch/root/$volume"
done
if touch "$scratch/root/etc/written" 2>/dev/null; then echo "the root can be written to"; exit 1; fi
env -i PATH=/usr/bin HOME=/var/lib/qrsd /usr/sbin/chroot --userspec="$user" "$scratch/root" "${words[@]}" 2>"$scratch/log" &
server=$!
grep -q '"set_up_code"' <(tail --pid=$server -n +1 -f "$scratch/log")
curl --silent --show-error --cacert "$scratch/root/var/lib/qrsd/tls/certificate.pem" https://localhost:8443/healthz
kill -TERM $server
wait $server
/usr/sbin/chroot --userspec="$user" "$scratch/root" /usr/bin/qrs-replay version
grep -c 'BEGIN CERTIFICATE' "$scratch/root/etc/ssl/certs/ca-certificates.crt"
cat "$scratch/log"
