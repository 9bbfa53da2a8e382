"""Where the cluster's binaries and its state lie, and what it needs of the machine."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

BINARIES = (
    "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "etcd", "containerd",
    "containerd-shim-runc-v2", "ctr", "coredns", "helm", "kubectl",
)  # fmt: skip
PROGRAMS = ("runc", "podman", "iptables", "conntrack", "ip", "nsenter", "openssl")
PACKAGES = "runc podman containernetworking-plugins iptables conntrack iproute2 util-linux openssl"
CNI = Path("/usr/lib/cni")
_SBIN = "/usr/sbin:/sbin"


class MissingClusterError(Exception):
    """No cluster can be had here; the message says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class Places:
    """Folders, the network namespace and the addresses of a node."""

    bin: Path
    state: Path
    namespace: str = "kilowatch"
    address: str = "10.99.0.1"

    @property
    def kubeconfig(self) -> Path:
        """What clients need to reach it."""
        return self.state / "kubeconfig"

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self.state / "containerd.sock"

    def inside(self, *words: str) -> list[str]:
        """Return a command as it runs in the node's network; `ip netns exec` would hide the cgroups."""
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *words]

    def environment(self) -> dict[str, str]:
        """Return an environment in which all programs are found."""
        return os.environ | {"PATH": f"{self.bin}:{os.environ['PATH']}:{_SBIN}", "KUBECONFIG": str(self.kubeconfig)}

    def check(self) -> None:
        """Hold that everything is there; `MissingClusterError` where not."""
        if os.geteuid():
            raise MissingClusterError("A cluster of our own needs root; or name another one: KUBECONFIG=...")
        absent = [name for name in BINARIES if not (self.bin / name).exists()]
        if absent:
            raise MissingClusterError(f"Not built yet: {', '.join(absent)}. Run: scripts/cluster/build.sh")
        path = f"{os.environ['PATH']}:{_SBIN}"
        absent = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
        absent += [] if CNI.exists() else [str(CNI)]
        if absent:
            raise MissingClusterError(f"Not installed: {', '.join(absent)}. On Debian: apt-get install {PACKAGES}")


def places(state: Path | None = None) -> Places:
    """Return the places of this user's node."""
    cache = Path(os.environ.get("KILOWATCH_CACHE", "~/.cache/kilowatch")).expanduser() / "kube"
    return Places(cache / "bin", (state or cache / "state").absolute())
