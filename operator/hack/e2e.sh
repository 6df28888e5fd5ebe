#!/bin/bash
# Builds a real control plane, once per machine and version, and runs the given command with it. It ends with 77 after saying NOT RUN
# when the control plane cannot be built here. Cold it takes 9 minutes of one core and 1 GB of module downloads; the binaries, 250 MB,
# are kept under the user's cache.
set -u
cd "$(dirname "$0")/controlplane" || exit 1
export GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0
key=$(cat go.mod go.sum <(go version) | sha256sum | cut -c1-16)
bin=${XDG_CACHE_HOME:-$HOME/.cache}/stability/controlplane/$key
version=$(go list -m -f '{{.Version}}' k8s.io/kubernetes) || { echo "NOT RUN: the modules of a control plane are not to be had"; exit 77; }
minor=$(echo "$version" | cut -d. -f2)
flags="-s -w -X k8s.io/component-base/version.gitVersion=$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=$minor"
mkdir -p "$bin" || exit 1
# One at a time: linking one takes up to 3 GB.
for package in go.etcd.io/etcd/server/v3 k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager; do
  name=$(basename "$package"); [ "$name" = v3 ] && name=etcd
  [ -x "$bin/$name" ] && continue
  echo "== building $name, once"
  go build -ldflags "$flags" -o "$bin/$name.part" "$package" && mv "$bin/$name.part" "$bin/$name" || { echo "NOT RUN: $name cannot be built here"; exit 77; }
done
cd ../.. || exit 1
unset GOWORK GOFLAGS CGO_ENABLED
export STABILITY_CONTROLPLANE=$bin
exec "$@"
