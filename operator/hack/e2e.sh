#!/bin/bash
# Builds a real control plane, once per machine and version, and runs the given command with it. It ends with 77 after saying NOT RUN
# when the modules of the control plane are not to be had. Cold it takes 9 minutes of one core and 1 GB of module downloads; the binaries, 250 MB,
# are kept under the user's cache.
#
# With -built before the command nothing is built: what is not there is NOT RUN.
#
# Whatever the command has started ends with it, however the command ends. If this script itself is killed, the next run does that.
set -u
only_built=
[ "${1-}" = -built ] && { only_built=1; shift; }
cd "$(dirname "$0")/controlplane" || exit 1
# The tests compile without cgo too, so that what both need is compiled once.
export CGO_ENABLED=0
as_tool=(env GOWORK=off GOFLAGS=-mod=readonly)
key=$(cat go.mod go.sum <(go version) | sha256sum | cut -c1-16)
bin=${XDG_CACHE_HOME:-$HOME/.cache}/stability/controlplane/$key
version=$("${as_tool[@]}" go list -m -f '{{.Version}}' k8s.io/kubernetes) || { echo "NOT RUN: the modules of a control plane are not to be had"; exit 77; }
minor=$(echo "$version" | cut -d. -f2)
flags="-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$minor"
mkdir -p "$bin" || exit 1
# One at a time: linking one takes up to 3 GB.
for package in go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager; do
  name=$(basename "$package"); [ "$name" = v3 ] && name=etcd
  [ -x "$bin/$name" ] && continue
  [ -n "$only_built" ] && { echo "NOT RUN: there is no $name; make e2e-operator builds it"; exit 77; }
  "${as_tool[@]}" go list -deps "$package" >/dev/null || { echo "NOT RUN: the modules of $name are not to be had"; exit 77; }
  echo "== building $name, once"
  "${as_tool[@]}" go build -ldflags "$flags" -o "$bin/$name.part" "$package" && mv "$bin/$name.part" "$bin/$name" || { echo "$name does not build"; exit 1; }
done
cd ../.. || exit 1

# What a run starts inherits its number, the id of this shell, and keeps its files in a folder of that number.
# The variable is no other's: stability test marks its processes too, and by the name of a folder, which is no living process.
over() { [ "$1" = $$ ] || ! kill -0 "$1" 2>/dev/null; }
sweep() {
  local file run process folder
  for file in $(grep -lsz '^STABILITY_CONTROLPLANE_RUN=' /proc/[0-9]*/environ); do
    run=$(grep -sz '^STABILITY_CONTROLPLANE_RUN=' "$file" | tr -d '\0')
    process=${file#/proc/}
    [ -n "$run" ] && over "${run#*=}" && kill -KILL "${process%%/*}" 2>/dev/null
  done
  for folder in "$temp"/stability-run.*; do
    [ -d "$folder" ] && over "${folder##*.}" && rm -rf "$folder"
  done
}
temp=${TMPDIR:-/tmp}
sweep
mkdir "$temp/stability-run.$$" || exit 1
trap sweep EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
STABILITY_CONTROLPLANE_RUN=$$ TMPDIR=$temp/stability-run.$$ STABILITY_CONTROLPLANE=$bin "$@" &
wait $!
