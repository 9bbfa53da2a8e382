#!/usr/bin/env bash
# Builds a one-node Kubernetes from the Go module proxy into ${KILOWATCH_CACHE:-~/.cache/kilowatch}/kube/bin; needs Go.
# Cold: a quarter of an hour of two cores; what is there already is not built again.
# usage: build.sh [kubernetes|containerd|etcd|helm|coredns|metrics-server ...]     (default: all)
set -euo pipefail
cache=${KILOWATCH_CACHE:-$HOME/.cache/kilowatch}
bin=$(mkdir -p "$cache/kube/bin" && cd "$cache/kube/bin" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CGO_ENABLED=0
kubernetes=1.36.3 containerd=2.2.0 etcd=3.6.13 helm=3.22.0 coredns=1.14.7 metrics_server=0.9.0

# A module whose go.mod replaces others cannot be installed by `go install`: an empty module that requires it and
# repeats what it replaces can be built instead. Kubernetes replaces its own parts by folders, published as v0.X.Y.
prepare() { # module version published-version-of-parts
  mkdir -p "$work/$1"
  cd "$work/$1"
  local given
  given=$(go mod download -json "$1@v$2" | sed -n 's/^\t"GoMod": "\(.*\)",$/\1/p')
  {
    printf 'module built\n\n%s\n\nrequire %s v%s\n\n' "$(grep -m1 '^go ' "$given")" "$1" "$2"
    awk '/^replace \(/ {inside = 1; next} inside && /^\)/ {inside = 0} inside {print "replace" $0}
         /^replace [^(]/ {print}' "$given" | grep '=>' | grep -v '=> \./' || true
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

build() {
  case $1 in
    kubernetes)
      missing kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy || return 0
      local set="" place minor=${kubernetes#1.}
      # without its version a server says v0.0.0-master, and clients refuse it
      for place in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        set="$set -X $place.gitVersion=v$kubernetes -X $place.gitMajor=1 -X $place.gitMinor=${minor%%.*}"
      done
      prepare k8s.io/kubernetes $kubernetes "0.$minor"
      compile "$set" "" k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubelet,kube-proxy} ;;
    containerd)
      missing containerd containerd-shim-runc-v2 ctr || return 0
      prepare github.com/containerd/containerd/v2 $containerd ""
      compile "" no_btrfs,no_zfs github.com/containerd/containerd/v2/cmd/{containerd,containerd-shim-runc-v2,ctr} ;;
    etcd)
      missing etcd || return 0
      prepare go.etcd.io/etcd/server/v3 $etcd ""
      compile "" "" go.etcd.io/etcd/server/v3
      [ -x "$bin/etcd" ] || mv "$bin/v3" "$bin/etcd" ;;
    helm) ! missing helm || GOBIN=$bin go install -ldflags '-s -w' helm.sh/helm/v3/cmd/helm@v$helm ;;
    coredns) ! missing coredns || GOBIN=$bin go install -ldflags '-s -w' github.com/coredns/coredns@v$coredns ;;
    metrics-server)
      ! missing metrics-server || GOBIN=$bin go install -ldflags '-s -w' sigs.k8s.io/metrics-server/cmd/metrics-server@v$metrics_server ;;
    *) sed -n '2,4p' "$0" >&2; exit 2 ;;
  esac
}

[ $# -gt 0 ] || set -- kubernetes containerd etcd helm coredns metrics-server
for part in "$@"; do echo "$part ..." && build "$part"; done
ls "$bin"
