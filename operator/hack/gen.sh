#!/bin/bash
# Writes the deep copies and the CRDs anew from api, and the plain manifests from the chart. With a folder as its argument it writes
# there, for who wants to know whether something is stale.
set -eu
cd "$(dirname "$0")/.."
to=${1:-.}
tools=$(mktemp -d)
trap 'rm -r "$tools"' EXIT
export GOWORK=off GOFLAGS=-mod=readonly
(cd hack/tools && go build -o "$tools" sigs.k8s.io/controller-tools/cmd/controller-gen)
(cd hack/chart && go build -o "$tools/chart" .)
unset GOWORK GOFLAGS
mkdir -p "$to/api/v1alpha1" "$to/chart/crds" "$to/config"
"$tools/controller-gen" object crd paths=./api/... output:object:dir="$to/api/v1alpha1" output:crd:dir="$to/chart/crds"
{ echo "# Written by hack/gen.sh from the chart."; "$tools/chart" chart stability-system createNamespace=true; } >"$to/config/install.yaml"
