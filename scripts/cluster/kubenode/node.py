"""Starts and ends the node: etcd, API server, controllers, scheduler, kubelet, proxy, containerd and CoreDNS.

All of it lives in a network namespace of its own, so that its addresses and firewall rules touch nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.kubenode import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cluster.kubenode.places import Places

_START_S = 180.0
_END_S = 5.0
_ASK_S = 20.0
_LOAD_S = 900.0
_LINES = 5
_MODE = "--authentication-kubeconfig=kubeconfig --authorization-kubeconfig=kubeconfig"
_VOLUMES = 8
_VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: volume%d}
spec:
  capacity: {storage: 8Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  hostPath: {path: %s}
"""
_METRICS = """
apiVersion: v1
kind: Service
metadata: {name: metrics-server, namespace: kube-system}
spec: {ports: [{port: 443, targetPort: 4443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: metrics-server, namespace: kube-system, labels: {kubernetes.io/service-name: metrics-server}}
addressType: IPv4
ports: [{name: "", port: 4443, protocol: TCP}]
endpoints: [{addresses: [%s]}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec:
  {service: {name: metrics-server, namespace: kube-system}, group: metrics.k8s.io, version: v1beta1,
  insecureSkipTLSVerify: true, groupPriorityMinimum: 100, versionPriority: 100}
"""


def up(at: Places) -> None:
    """Start the node and return once it is ready for pods."""
    at.check()
    if at.state.exists():
        down(at)
    files.write(at)
    _namespace(at)
    listen = "http://127.0.0.1:2379"
    _start(
        at,
        "etcd",
        f"etcd --data-dir=etcd --unsafe-no-fsync --listen-client-urls={listen} --advertise-client-urls={listen}",
    )
    _start(at, "containerd", "containerd -c containerd.toml")
    _start(at, "apiserver", _apiserver(at))
    _until(at, lambda: _asks(at, "get", "--raw", "/readyz"), "the API server")
    _start(
        at, "controllers", f"kube-controller-manager --kubeconfig=kubeconfig {_MODE} --leader-elect=false "
        "--bind-address=127.0.0.1 --service-account-private-key-file=accounts.key "
        "--root-ca-file=certs/apiserver.crt --use-service-account-credentials=true "
        "--horizontal-pod-autoscaler-sync-period=5s",
    )  # fmt: skip
    _start(
        at, "scheduler", f"kube-scheduler --kubeconfig=kubeconfig {_MODE} --leader-elect=false --bind-address=127.0.0.1"
    )
    _start(
        at, "kubelet", f"kubelet --config=kubelet.json --kubeconfig=kubeconfig --root-dir={at.state}/kubelet "
        f"--hostname-override=node0 --node-ip={at.address} --cert-dir={at.state}/kubelet-certs",
    )  # fmt: skip
    _start(
        at, "proxy", "kube-proxy --kubeconfig=kubeconfig --proxy-mode=iptables --cluster-cidr=10.88.0.0/24 "
        "--hostname-override=node0 --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 "
        "--conntrack-tcp-timeout-close-wait=0",
    )  # fmt: skip
    _start(at, "coredns", "coredns -conf Corefile")
    _until(at, at.socket.exists, "containerd")
    load(at, [_pause(at)])
    if (at.bin / "metrics-server").exists():
        _start(
            at, "metrics", f"metrics-server --kubeconfig=kubeconfig {_MODE} --secure-port=4443 "
            f"--bind-address={at.address} --cert-dir={at.state}/metrics-certs --kubelet-insecure-tls "
            "--kubelet-preferred-address-types=InternalIP --kubelet-request-timeout=5s --metric-resolution=10s",
        )  # fmt: skip
        kubectl(at, "apply", "-f", "-", given=_METRICS % at.address)
    kubectl(at, "apply", "-f", "-", given="\n---\n".join(_volume(at, number) for number in range(_VOLUMES)))
    _until(at, lambda: "True" in _asks(at, "get", "node", "node0", "-o", _IS_READY), "the node")


_IS_READY = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'


def _apiserver(at: Places) -> str:
    return (
        f"kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address={at.address} "
        f"--advertise-address={at.address} --cert-dir=certs --service-cluster-ip-range=10.0.0.0/24 "
        "--service-account-issuer=https://kubernetes.default.svc --service-account-key-file=accounts.pub "
        "--service-account-signing-key-file=accounts.key --token-auth-file=tokens.csv "
        "--authorization-mode=Node,RBAC --kubelet-preferred-address-types=InternalIP "
        "--requestheader-client-ca-file=proxy.crt --requestheader-allowed-names=front-proxy "
        "--requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group "
        "--requestheader-extra-headers-prefix=X-Remote-Extra- --proxy-client-cert-file=proxy.crt "
        "--proxy-client-key-file=proxy.key"
    )


def _namespace(at: Places) -> None:
    for words in (
        f"ip netns add {at.namespace}",
        f"ip -n {at.namespace} link set lo up",
        f"ip -n {at.namespace} link add node0 type bridge",  # stands in for a network card
        f"ip -n {at.namespace} addr add {at.address}/24 dev node0",
        f"ip -n {at.namespace} link set node0 up",
        f"ip -n {at.namespace} route add default dev node0",
    ):
        subprocess.run(words.split(), check=True, env=at.environment())
    for setting in ("net.ipv4.ip_forward=1", "net.bridge.bridge-nf-call-iptables=1"):
        subprocess.run(at.inside("sysctl", "-q", "-w", setting), check=False, env=at.environment())


def _start(at: Places, name: str, words: str) -> None:
    with (at.state / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            at.inside(*words.split()), cwd=at.state, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=at.environment(), start_new_session=True,
        )  # fmt: skip
    (at.state / f"{name}.pid").write_text(str(process.pid))
    process.returncode = 0  # it outlives us by intent, and Python would complain of a child that still runs


def _until(at: Places, holds: Callable[[], object], what: str, most_s: float = _START_S) -> None:
    deadline = time.monotonic() + most_s
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{what} is not there after {most_s:.0f} s. What the node's programs said last:\n{_said(at)}"
            )
        time.sleep(0.3)


def _said(at: Places) -> str:
    """Return the end of each program's log: `down` removes them."""
    logs = (
        (log.stem, log.read_text(errors="replace").splitlines()[-_LINES:]) for log in sorted(at.state.glob("*.log"))
    )
    return "\n".join(f"{name}: {line[:300]}" for name, lines in logs for line in lines)


def kubectl(at: Places, *words: str, given: str | None = None) -> str:
    """Run kubectl and return what it printed."""
    command = at.inside("kubectl", *words)
    done = subprocess.run(
        command, input=given, check=True, capture_output=True, text=True, env=at.environment(), timeout=_START_S
    )
    return done.stdout


def _asks(at: Places, *words: str) -> str:
    try:
        asked = subprocess.run(
            at.inside("kubectl", *words),
            check=False,
            capture_output=True,
            text=True,
            env=at.environment(),
            timeout=_ASK_S,
        )
    except subprocess.TimeoutExpired:
        return ""
    return asked.stdout if asked.returncode == 0 else ""


def _pause(at: Places) -> str:
    """Build the image of pods' sandboxes, which no registry has to give, and return its name."""
    name = "localhost/pause:1"
    if subprocess.run(["podman", "image", "exists", name], check=False).returncode == 0:
        return name
    source = (
        'package main\nimport ("os"; "os/signal"; "syscall")\n'
        "func main() { c := make(chan os.Signal, 1); signal.Notify(c, syscall.SIGINT, syscall.SIGTERM); <-c }\n"
    )
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        (folder / "main.go").write_text(source)
        (folder / "Containerfile").write_text('FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n')
        made = at.environment() | {"CGO_ENABLED": "0"}
        subprocess.run(["go", "build", "-o", "pause", "main.go"], cwd=folder, check=True, env=made)
        subprocess.run(["podman", "build", "-q", "-t", name, "."], cwd=folder, check=True, capture_output=True)
    return name


def load(at: Places, images: Iterable[str]) -> None:
    """Take images from podman into the node, all at once: layers that they share come once."""
    wanted = list(images)
    ctr = at.inside("ctr", "-a", str(at.socket), "-n", "k8s.io", "images", "import", "-")
    with subprocess.Popen(["podman", "save", "-q", "-m", *wanted], stdout=subprocess.PIPE) as saved:
        subprocess.run(ctr, stdin=saved.stdout, check=True, capture_output=True, env=at.environment(), timeout=_LOAD_S)
    if saved.returncode:
        raise RuntimeError(f"podman has not all of {', '.join(wanted)}: python scripts/image.py build")


def down(at: Places) -> None:
    """End everything that `up` and its pods started, and remove what they left."""
    pods = _networks(at)
    names = ("kubelet", "proxy", "coredns", "metrics", "scheduler", "controllers", "apiserver", "etcd")
    _end([pid for name in names if (pid := _pid(at, name))])
    _end(list(_of_this_node(at)))
    _end([pid for pid in [_pid(at, "containerd")] if pid])
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((one for one in mounts if one.startswith(f"{at.state}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False)
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout.split()
    for name in [word for word in listed if word == at.namespace or word in pods]:
        subprocess.run(["ip", "netns", "del", name], check=False)
    _drop_cgroups()
    shutil.rmtree(at.state, ignore_errors=True)


def _volume(at: Places, number: int) -> str:
    """Make a folder that any account may write to, and return the volume that stands for it."""
    folder = at.state / "volumes" / str(number)
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    return _VOLUME % (number, folder)


def _pid(at: Places, name: str) -> int:
    file = at.state / f"{name}.pid"
    return int(file.read_text()) if file.exists() else 0


def _of_this_node(at: Places) -> Iterable[int]:
    """Yield the shims of our containerd and everything below them: the pods."""
    mine = {pid for pid, words in _processes() if "containerd-shim" in words and str(at.socket) in words}
    parents = {pid: _parent(pid) for pid, _ in _processes()}
    for pid in parents:
        above: int | None = pid
        while above and above not in mine:
            above = parents.get(above)
        if above:
            yield pid


def _processes() -> Iterable[tuple[int, str]]:
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            yield int(folder.name), (folder / "cmdline").read_text(errors="replace").replace("\0", " ")


def _parent(pid: int) -> int | None:
    try:
        return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return None


def _end(pids: list[int]) -> None:
    """Ask all to end, and insist after a while."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + _END_S
        while any(_lives(pid) for pid in pids) and time.monotonic() < deadline:
            time.sleep(0.1)


def _lives(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _networks(at: Places) -> set[str]:
    """Return the network namespaces of our pods: those that containerd's sandboxes name."""
    places = (at.state / "containerd-state").glob("io.containerd.runtime.v2.task/k8s.io/*/config.json")
    found: set[str] = set()
    for place in places:
        with contextlib.suppress(OSError, ValueError):
            spaces = json.loads(place.read_text())["linux"]["namespaces"]
            found |= {Path(one["path"]).name for one in spaces if one["type"] == "network" and one.get("path")}
    return found


def _drop_cgroups() -> None:
    for root in Path("/sys/fs/cgroup").glob("**/kubepods"):
        for folder, _, _ in os.walk(root, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
