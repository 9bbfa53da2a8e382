"""The files that the node's programs read."""

from __future__ import annotations

import json
import secrets
import subprocess
from typing import TYPE_CHECKING

from cluster.kubenode.places import CNI

if TYPE_CHECKING:
    from cluster.kubenode.places import Places


def write(at: Places) -> str:
    """Write all of them and return the token that lets an administrator in."""
    token = secrets.token_hex(16)
    at.state.mkdir(parents=True)
    _keys(at)
    for name, text in {
        "tokens.csv": f"{token},admin,admin,system:masters\n",
        "kubeconfig": _kubeconfig(at, token),
        "containerd.toml": _containerd(at),
        "cni/10-kilowatch.conflist": json.dumps(_network(at)),
        "kubelet.json": json.dumps(_kubelet(at)),
        "resolv.conf": "nameserver 127.0.0.1\n",
        "Corefile": _names(at),
    }.items():
        (at.state / name).parent.mkdir(exist_ok=True)
        (at.state / name).write_text(text)
    (at.state / "kubeconfig").chmod(0o600)
    return token


def _keys(at: Places) -> None:
    """Make the keys that sign accounts' tokens, and by which the API server proves itself to metrics-server."""
    for words in (
        "genrsa -out accounts.key 2048",
        "rsa -in accounts.key -pubout -out accounts.pub",
        "req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=front-proxy -keyout proxy.key -out proxy.crt",
    ):
        subprocess.run(["openssl", *words.split()], cwd=at.state, check=True, capture_output=True)


def _kubeconfig(at: Places, token: str) -> str:
    named = {
        "clusters": [
            {"name": "k", "cluster": {"server": f"https://{at.address}:6443", "insecure-skip-tls-verify": True}}
        ],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
    }
    return json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **named})


def _containerd(at: Places) -> str:
    cri = "plugins.'io.containerd.cri.v1"
    return f"""version = 3
root = "{at.state}/containerd"
state = "{at.state}/containerd-state"
[grpc]
address = "{at.socket}"
[{cri}.images']
snapshotter = "overlayfs"
[{cri}.images'.pinned_images]
sandbox = "localhost/pause:1"
[{cri}.runtime']
restrict_oom_score_adj = true # a sandbox may lack CAP_SYS_RESOURCE
[{cri}.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[{cri}.runtime'.cni]
bin_dirs = ["{CNI}"]
conf_dir = "{at.state}/cni"
"""


def _network(at: Places) -> dict[str, object]:
    addresses = {
        "type": "host-local",
        "dataDir": f"{at.state}/addresses",
        "ranges": [[{"subnet": "10.88.0.0/24"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return {"cniVersion": "1.0.0", "name": "kilowatch", "plugins": [bridge]}


def _kubelet(at: Places) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,  # machines with both kinds of cgroups
        "failSwapOn": False,
        "localStorageCapacityIsolation": False,  # the root device may be unknown
        "clusterDNS": [at.address],
        "clusterDomain": "cluster.local",
        "resolvConf": f"{at.state}/resolv.conf",
        "containerRuntimeEndpoint": f"unix://{at.socket}",
        "podLogsDir": f"{at.state}/pod-logs",
    }


def _names(at: Places) -> str:
    zone = f"kubernetes cluster.local in-addr.arpa {{\n kubeconfig {at.kubeconfig}\n ttl 1\n }}"
    return f".:53 {{\n bind {at.address}\n {zone}\n}}\n"
