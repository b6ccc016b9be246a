#!/usr/bin/env bash
# golang.sh BASE: makes the image that the Dockerfile builds from, out of the Debian image BASE and
# this machine's own Go, for machines that reach no registry of images. It holds the modules that
# the binary needs, since a build inside the engine has no network, and the compiled form of what
# is not ours, so that a build takes seconds instead of minutes. Prints the tag.
set -euo pipefail

base=$1
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tag=$(sed -n 's/^FROM \(golang:[^ ]*\).*/\1/p' Dockerfile)
[[ -n $tag ]] || { echo "golang.sh: no FROM golang:... in the Dockerfile" >&2; exit 1; }

# What the image holds follows from these; the label carries it.
libraries() { go list -deps -f '{{if .Module}}{{if not .Module.Main}}{{.ImportPath}} {{.Module.Version}}{{end}}{{end}}' . ./cmd/serve; }
key=$({ echo "$base"; go version; sha256sum <scripts/images/golang.sh; libraries; } | sha256sum | cut -c1-12)
if [[ $(docker image inspect --format '{{index .Config.Labels "egr.key"}}' "$tag" 2>/dev/null) == "$key" ]]; then
  echo "$tag"
  exit
fi
# A clone with other libraries may have taken the name in the meantime; its own image is still here.
if docker image inspect "egr/golang:$key" >/dev/null 2>&1; then
  docker tag "egr/golang:$key" "$tag"
  echo "$tag"
  exit
fi
echo "engine: making $tag with the libraries of go.sum" >&2

stage=$(mktemp -d)
trap 'chmod -R u+w "$stage"; rm -rf "$stage"' EXIT
cp -rL "$(go env GOROOT)" "$stage/go"
rm -rf "$stage/go/test" "$stage/go/doc" "$stage/go/api" "$stage/go/misc"

# The libraries come from this machine's module cache as far as they are there.
export GOMODCACHE=$stage/mod GOFLAGS='-modcacherw -buildvcs=false' CGO_ENABLED=0 GOOS=linux
GOPROXY=file://$(env -u GOMODCACHE go env GOMODCACHE)/cache/download,$(go env GOPROXY)
export GOPROXY
# Compiled once, kept for the next change of libraries; begun anew before it gets out of hand.
export GOCACHE=${EGR_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/ec2-github-runner}/golang-build
[[ $(du -sm "$GOCACHE" 2>/dev/null | cut -f1) -lt 1500 ]] || rm -rf "$GOCACHE"
mkdir -p "$GOCACHE"
for GOARCH in amd64 arm64; do
  export GOARCH
  libraries | cut -d' ' -f1 | xargs go build -trimpath
done
cp -r "$GOCACHE" "$stage/cache"
# The archives that the modules were unpacked from are not needed again.
find "$GOMODCACHE/cache/download" -name '*.zip' -delete

cat >"$stage/Dockerfile" <<DOCKERFILE
FROM $base
COPY go /usr/local/go
COPY mod /go/pkg/mod
COPY cache /root/.cache/go-build
ENV GOPATH=/go GOTOOLCHAIN=local GOPROXY=off GOFLAGS=-modcacherw PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LABEL egr.key=$key
DOCKERFILE
docker build --quiet --tag "$tag" --tag "egr/golang:$key" "$stage" >&2
# What earlier builds left: all but the newest three of these, and what lost its name a day ago.
docker images --quiet egr/golang | tail -n +4 | xargs -r docker rmi --force >/dev/null 2>&1 || true
docker image prune --force --filter until=24h >/dev/null
echo "$tag"
