"""A Ray cluster of several nodes on this machine: a head that only coordinates, and nodes that work.

It lives in a process of its own, as ``python -m tests.cluster.ray_nodes NODES CPUS``, since Ray leaves files open.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from tests.cluster.weed import free_ports

QUIET = {"include_dashboard": False, "object_store_memory": 100_000_000}


class RayNodes:
    """So many nodes with so many processors each, at :attr:`address`. It blocks: for fixtures, and for threads."""

    def __init__(self, nodes: int, *, cpus: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.ray_nodes", str(nodes), str(cpus)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
        )
        self.address = self._answer()

    def lose(self) -> None:
        """One node, as by SIGKILL."""
        self._tell("lose")

    def add(self) -> None:
        """One node more."""
        self._tell("add")

    def stop(self) -> None:
        self._process.communicate()

    def _tell(self, what: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("now "):
                return line.split()[1]
        raise RuntimeError(f"the cluster ended with {self._process.wait()}")


def main(nodes: int, cpus: int) -> None:
    """Until the end of stdin."""
    from ray.cluster_utils import Cluster  # noqa: PLC0415  # of the extra `cluster`

    [port] = free_ports(1)
    head = {"num_cpus": 0, "ray_client_server_port": port, **QUIET}
    cluster: Any = Cluster(initialize_head=True, head_node_args=head)
    try:
        working = [cluster.add_node(num_cpus=cpus, **QUIET) for _ in range(nodes)]
        print(f"now ray://127.0.0.1:{port}", flush=True)  # noqa: T201  # the test reads it
        for line in sys.stdin:
            if line.strip() == "lose":
                cluster.remove_node(working.pop(), allow_graceful=False)
            else:
                working.append(cluster.add_node(num_cpus=cpus, **QUIET))
            print("now done", flush=True)  # noqa: T201  # as above
    finally:
        cluster.shutdown()


def why_not() -> str | None:
    """Why there is no Ray to test against; None where there is."""
    return None if find_spec("ray") else "ray is not installed: pip install 'artalike[cluster]'"


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
