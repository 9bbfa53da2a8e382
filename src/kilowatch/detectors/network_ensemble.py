"""An ensemble with a network as one more member: `default+forecaster:model.onnx`, `fleet+edge-classifier:...`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kilowatch.detectors.ensemble import Ensemble, Member, default, fleet
from kilowatch.detectors.network import NetworkDetector, network_detector
from kilowatch.detectors.registry import DetectorName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kilowatch.core.device import Kind
    from kilowatch.nets.runtime import Model


class NetworkEnsemble(Ensemble):
    """An ensemble whose last member is a network that takes delivered models."""

    def __init__(self, name: str, members: tuple[Member, ...], network: NetworkDetector) -> None:
        super().__init__(name, (*members, Member(network, follows=0.0)))
        self.network = network

    def adopt(self, live: Mapping[Kind, Model]) -> None:
        """Judge by these models from the next sample on; `ModelError` as of the network."""
        self.network.adopt(live)

    def model_of(self, slot: int) -> str:
        """Return the hash of the network's model for a device."""
        return self.network.model_of(slot)

    def clone(self) -> NetworkEnsemble:
        """Return the same members without devices."""
        # Without the last member: that is the network, which the constructor adds.
        members = tuple(replace(member, detector=member.detector.clone()) for member in self.members[:-1])
        return NetworkEnsemble(self.name, members, self.network.clone())


def ensemble_with(name: str) -> NetworkEnsemble:
    """Return `default+NETWORK:PATH` or `fleet+NETWORK:PATH`; errors are those of the network's own name."""
    base, _, of_network = name.partition("+")
    network = network_detector(of_network)
    members = (fleet() if base == DetectorName.FLEET else default()).members
    return NetworkEnsemble(f"{base}+{network.name}", members, network)
