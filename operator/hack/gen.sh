#!/bin/bash
# Writes the deep copies and the CRDs anew from operator/api.
set -eu
cd "$(dirname "$0")/tools"
tool=$(mktemp -d)/controller-gen
GOWORK=off GOFLAGS=-mod=readonly go build -o "$tool" sigs.k8s.io/controller-tools/cmd/controller-gen
cd ../..
"$tool" object crd paths=./api/... output:crd:dir=config/crd
rm -r "$(dirname "$tool")"
