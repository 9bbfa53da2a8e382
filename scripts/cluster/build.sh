#!/usr/bin/env bash
# Builds a one-node Kubernetes from the Go module proxy into ${KILOWATCH_CACHE:-~/.cache/kilowatch}/kube/bin; needs Go.
# Cold: a quarter of an hour of two cores; what is there already is not built again.
# usage: build.sh [kubernetes|kubectl|containerd|etcd|helm|coredns|metrics-server ...]     (default: all)
set -euo pipefail
cache=${KILOWATCH_CACHE:-$HOME/.cache/kilowatch}
bin=$(mkdir -p "$cache/kube/bin" && cd "$cache/kube/bin" && pwd)
here=$(cd "$(dirname "$0")" && pwd)/$(basename "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0
go=1.26.8
kubernetes=1.36.3 containerd=2.2.0 etcd=3.6.13 helm=3.22.0 coredns=1.14.7 metrics_server=0.9.0

# A module whose go.mod replaces others cannot be installed by `go install`: an empty module that requires it and
# repeats what it replaces can be built instead. Kubernetes replaces its own parts by folders, published as v0.X.Y.
prepare() { # module version published-version-of-parts
  newer_go
  mkdir -p "$work/$1"
  cd "$work/$1"
  local given
  given=$(go mod download -json "$1@v$2" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
  {
    printf 'module built\n\n%s\n\nrequire %s v%s\n\n' "$(grep -m1 '^go ' "$given")" "$1" "$2"
    awk '/^replace \(/ {inside = 1; next} inside && /^\)/ {inside = 0} inside {print "replace" $0}
         /^replace [^(]/ {print}' "$given" | grep '=>' | grep -v '=> \.\.\{0,1\}/' || true
    [ -z "$3" ] || awk '$2 == "=>" && $3 ~ /^\.\/staging/ {print $1} $3 == "=>" && $4 ~ /^\.\/staging/ {print $2}
         $2 == "v0.0.0" {print $1}' "$given" | sort -u | sed "s|.*|replace & => & v$3|"
  } > go.mod
}
compile() { # linker-flags tags package...
  local flags=$1 tags=$2 package
  shift 2
  for package in "$@"; do printf 'package built\nimport _ "%s"\n' "$package" > "import_$(basename "$package").go"; done
  sed -i '1i //go:build never\n' import_*.go
  go mod tidy -e 2> tidy.log
  go build -ldflags "-s -w $flags" -tags "$tags" -o "$bin/" "$@"
}
missing() { for name in "$@"; do [ -x "$bin/$name" ] || return 0; done; return 1; }

straight() { # command module@version
  missing "$1" || return 0
  newer_go
  GOBIN=$bin go install -ldflags '-s -w' "$2"
}
of_kubernetes() { # command...
  missing "$@" || return 0
  local set="" place minor=${kubernetes#1.}
  # without its version a server says v0.0.0-master, and clients refuse it
  for place in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    set="$set -X $place.gitVersion=v$kubernetes -X $place.gitMajor=1 -X $place.gitMinor=${minor%%.*}"
  done
  prepare k8s.io/kubernetes $kubernetes "0.$minor"
  compile "$set" "" "${@/#/k8s.io/kubernetes/cmd/}"
}
# Debian's Go is too old for Kubernetes and for fetching another by itself, but a toolchain is a module like any other;
# who takes it as one loses what may be run in it.
newer_go() {
  local version root
  version=$(go env GOVERSION 2>/dev/null) || { echo "Go is missing: apt-get install golang-go" >&2; exit 4; }
  [ "$(printf 'go%s\n' "$go" "${version#go}" | sort -V | head -1)" != "go$go" ] || return 0
  root=$(go mod download -json "golang.org/toolchain@v0.0.1-go$go.linux-$(go env GOARCH)" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  chmod -R u+x "$root/bin" "$root/pkg/tool"
  export PATH=$root/bin:$PATH GOROOT=$root GOTOOLCHAIN=local
}

build() {
  case $1 in
    kubernetes) of_kubernetes kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy ;;
    kubectl) of_kubernetes kubectl ;;
    containerd)
      missing containerd containerd-shim-runc-v2 ctr || return 0
      prepare github.com/containerd/containerd/v2 $containerd ""
      compile "" no_btrfs,no_zfs github.com/containerd/containerd/v2/cmd/{containerd,containerd-shim-runc-v2,ctr} ;;
    etcd)
      missing etcd || return 0
      prepare go.etcd.io/etcd/server/v3 $etcd ""
      compile "" "" go.etcd.io/etcd/server/v3
      mv "$bin/server" "$bin/etcd" ;;
    helm) straight helm helm.sh/helm/v3/cmd/helm@v$helm ;;
    coredns) straight coredns github.com/coredns/coredns@v$coredns ;;
    metrics-server) straight metrics-server sigs.k8s.io/metrics-server/cmd/metrics-server@v$metrics_server ;;
    *) sed -n '2,4p' "$here" >&2; exit 2 ;;
  esac
}

if [ "${1:-}" = --one ]; then
  build "$2"
  exit
fi
[ $# -gt 0 ] || set -- kubernetes kubectl containerd etcd helm coredns metrics-server
for part in "$@"; do
  echo "$part ..."
  # A process of its own, for in front of || an error of its middle would not end it.
  "$here" --one "$part" || {
    [ $? -ne 4 ] && echo "$part once more: the network may have failed" >&2 && sleep 15 && "$here" --one "$part"
  }
done
ls "$bin"
