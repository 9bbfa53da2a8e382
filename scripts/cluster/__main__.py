"""A real Kubernetes of one node for tests: `python scripts/cluster up | down | load IMAGE ... | run COMMAND ...`.

scripts/cluster/build.sh builds it once. `run` gives a command the node's network and its KUBECONFIG, and helm and
kubectl are found: `python scripts/cluster run kubectl get pods`. Needs root; on Debian: apt-get install runc podman
containernetworking-plugins iptables conntrack iproute2.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from cluster.kubenode import node
from cluster.kubenode.places import MissingClusterError, places


def main(words: list[str]) -> int:
    """Run the command and return its exit code: 0 done, 2 wrong usage, 4 something is missing."""
    at, action = places(), words[0] if words else ""
    try:
        if action == "run":
            return subprocess.run(at.inside(*words[1:]), check=False, env=at.environment()).returncode
        if action == "load":
            node.load(at, words[1:])
        elif action == "up":
            node.up(at)
            print(f"ready: {at.kubeconfig}; its network: python scripts/cluster run COMMAND")
        elif action == "down":
            node.down(at)
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except MissingClusterError as error:
        print(error, file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
