"""The networks of both papers as detectors: a trained model, made to fit each device by its own past.

A device starts on a generic model: for a network without labels its watts are put on the range that the model was
trained on, as both papers scale theirs, and its score is divided by what one window in a hundred of its own past
exceeds. A model that was fine-tuned on a device serves that device alone.

Windows are scored every `stride` samples, as in `strided`. Batches of one size make scores independent of what else is
scored. A delivered model judges the devices of its kind from the next sample on: their ranges stay, and what is usual
is carried over by the ratio of both models' own thresholds, until the next lesson finds it out for each device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kilowatch.core.detector import Scores
from kilowatch.core.explain import watts
from kilowatch.core.playback import play
from kilowatch.detectors.columns import Column, PerDevice
from kilowatch.detectors.network_models import KINDS, Models, open_models, own_place
from kilowatch.detectors.overlap import OverlapMean
from kilowatch.detectors.strided import are_due, let_stand
from kilowatch.detectors.training import training_windows
from kilowatch.errors import ModelError
from kilowatch.nets.card import Network

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from kilowatch.core.device import Kind
    from kilowatch.core.samples import Samples, Series
    from kilowatch.core.window import WindowView
    from kilowatch.nets.runtime import Model

_LEAST_SAMPLES, _LEAST_WINDOWS, _MOST_WINDOWS = 1000, 50, 500
_RARE = 0.99
_LEAST_USUAL = 1e-3
"""Of the scaled range: the error of a flat past must not make a watt look like a catastrophe."""
_NEARLY_SURE = np.float32(1 - 1e-6)
_CHUNK = 4096
_DAY_MS = 86_400_000
_LEFT_DAYS = 2
STRIDES: Mapping[Network, int] = {Network.EDGE_CLASSIFIER: 20, Network.AUTOENCODER: 10, Network.FORECASTER: 5}


@dataclass(frozen=True, slots=True)
class Looks:
    """How windows are looked at.

    stride: grid steps from window to window. overlap: reconstructions of overlapping windows are averaged.
    amplitude: half of the score is how far the window's median lies from the device's own, over the usual
    (PAI, arXiv 2606.08935). The last two are for autoencoders.
    """

    stride: int
    overlap: bool = False
    amplitude: bool = False


@dataclass(frozen=True, slots=True)
class _Said:
    """Score and the expectation of the last sample, both on the model's scale, float32[n]."""

    score: NDArray[np.float32]
    last: NDArray[np.float32] | None
    reconstructed: NDArray[np.float32] | None = None


class NetworkDetector(PerDevice):
    """A model's score over the usual one; 59 bytes a device, without overlap."""

    frozen_not: ClassVar[tuple[str, ...]] = ("columns", "_base", "_models")
    columns: ClassVar[Mapping[str, Column]] = {
        "model": Column(np.uint64),
        "model_threshold": Column(np.float32),
        "kind": Column(np.uint8),
        "has_own": Column(np.bool_),
        "low_w": Column(np.float32),
        "span_w": Column(np.float32, fill=1),
        "usual": Column(np.float32, fill=np.nan),
        "stray_w": Column(np.float32),
        "centre": Column(np.float32),
        "usual_away": Column(np.float32, fill=1),
        "standing": Column(np.float32, fill=np.nan),
        "standing_w": Column(np.float32, fill=np.nan),
    }
    model: NDArray[np.uint64]
    model_threshold: NDArray[np.float32]
    kind: NDArray[np.uint8]
    has_own: NDArray[np.bool_]
    low_w: NDArray[np.float32]
    span_w: NDArray[np.float32]
    usual: NDArray[np.float32]
    stray_w: NDArray[np.float32]
    centre: NDArray[np.float32]
    usual_away: NDArray[np.float32]
    standing: NDArray[np.float32]
    standing_w: NDArray[np.float32]

    def __init__(self, network: Network, models: Models, looks: Looks | None = None) -> None:
        super().__init__()
        self.name = network.value
        self.network = network
        self.models = models.hashes
        self.looks = looks or Looks(STRIDES[network])
        self._base = self._models = models
        self.needs = min(model.window for model in models.loaded)
        self._overlap = OverlapMean(self.needs) if self.looks.overlap else None
        self.parts = () if self._overlap is None else (self._overlap,)

    def fit(self, slot: int, history: Series) -> None:
        """Choose a device's model and learn its scale; too short a past, or a grid without a model, changes nothing."""
        past = history.part(history.usable)
        number = self._models.number_for(history.record)
        if not number or len(past) < _LEAST_SAMPLES:
            return
        model = self._models.loaded[number - 1]
        windows_w = training_windows(past, model.window, _MOST_WINDOWS)
        if len(windows_w) < _LEAST_WINDOWS:
            return
        self.model[slot] = self._models.keys[number]
        self.model_threshold[slot] = _reach(self.network, model.threshold)
        self.kind[slot] = KINDS.index(history.record.kind)
        self.has_own[slot] = self._models.has_own(history.record)
        low_w, high_w = float(past.power_w.min()), float(past.power_w.max())
        self.low_w[slot] = low_w
        # A past that hardly moves has no span: without the floor its noise would fill the model's whole range.
        self.span_w[slot] = max(high_w - low_w, history.record.off_below_w, 0.005 * high_w)
        self._calibrate(slot, model, windows_w)

    def adopt(self, live: Mapping[Kind, Model]) -> None:
        """Judge the devices of these kinds by these models from the next sample on; others go on as they are.

        A device with a model of its own keeps it. `ModelError` where a model is of another network, takes other
        channels, or looks at more than is kept; with overlap also where its window differs.
        """
        models = self._base.with_live(self.network, live)
        if self._overlap is not None and {model.window for model in models.loaded} != {self.needs}:
            raise ModelError("Averaged windows are all of one length.", f"Deliver models with windows of {self.needs}.")
        self._models, self.models = models, models.hashes
        self.needs = min(model.window for model in models.loaded)

    def model_of(self, slot: int) -> str:
        """Return the hash of the model that judges a device, empty where none does."""
        number = int(self._models.numbers_of(self.model[slot : slot + 1])[0])
        return self._models.loaded[number - 1].sha256 if number else ""

    def learn(self, slot: int, history: Series, folds: int) -> NDArray[np.float32]:  # noqa: ARG002 - the protocol's
        """Fit, and return raw scores of the past float32[n].

        The model has not learnt from the device, unless its card names it: what it was trained on is left out, as
        long as two days remain.
        """
        self.fit(slot, history)
        # Playing the past through the detector itself would overwrite the scores that stand now; the twin has none.
        twin = self.clone()
        twin.reserve(1)
        for name in self.columns:
            if not name.startswith("standing"):
                getattr(twin, name)[0] = getattr(self, name)[slot]
        raw = play(twin, history).raw
        seen = self._seen_in_training(slot, history)
        if (~seen).sum() * history.grid_ms >= _LEFT_DAYS * _DAY_MS:
            raw[seen] = np.nan
        return raw

    def score(self, samples: Samples, view: WindowView) -> Scores:
        """Return the score over the usual, and the band around what the network expects."""
        which = self._judging(samples)
        # Number 0, no model, asks for more samples than will ever come: such devices are never due.
        needs = np.array([np.iinfo(np.int64).max, *(model.window for model in self._models.loaded)])[which]
        due = are_due(samples, needs, self.looks.stride)
        raw = np.full(len(samples), np.nan, dtype=np.float32)
        expected_w = raw.copy()
        for number in np.unique(which[due]).tolist():
            model = self._models.loaded[number - 1]
            rows = np.flatnonzero(due & (which == number))
            # A month of a device may come as one batch: a chunk bounds the memory that its windows take.
            for first in range(0, len(rows), _CHUNK):
                part = rows[first : first + _CHUNK]
                raw[part], expected_w[part] = self._judged(model, samples, view, part)
        raw = let_stand(samples, raw, due, self.standing)
        if self.network is Network.EDGE_CLASSIFIER:
            return Scores(raw, facts={"power_w": samples.power_w})
        expected_w = let_stand(samples, expected_w, due, self.standing_w)
        stray_w = self.stray_w[samples.slot]
        facts = {"power_w": samples.power_w, "expected_w": expected_w}
        return Scores(raw, expected_w - stray_w, expected_w + stray_w, facts)

    def phrase(self, facts: Mapping[str, float]) -> str:
        """Say what it draws, and what the network expected."""
        now = watts(facts["power_w"])
        if self.network is Network.EDGE_CLASSIFIER:
            return f"its last hour or two are what the classifier was taught to call abnormal, at {now} now"
        expected = watts(max(facts["expected_w"], 0.0))
        if self.network is Network.AUTOENCODER:
            return f"its last hour cannot be rebuilt from normal ones: {now} now, rebuilt as {expected}"
        return f"does not go on as its past foretells: {now} now, where {expected} was expected"

    def clone(self) -> NetworkDetector:
        """Return the same models without devices."""
        return NetworkDetector(self.network, self._models, self.looks)

    def _judging(self, samples: Samples) -> NDArray[np.intp]:
        """Return the number of each sample's model, and carry over devices whose kind has another one now."""
        slot = samples.segments.slot
        now = self._models.numbers_of(self.model[slot])
        for_kind = self._models.of_kind[self.kind[slot]]
        fits = self._models.fit_grid(for_kind, samples.grid_ms[samples.segments.starts])
        # An unfitted device has no scale to carry over; a model of a device's own stays, unless it is no longer loaded.
        moves = (self.model[slot] != 0) & (for_kind != now) & fits & (~self.has_own[slot] | (now == 0))
        for number in np.unique(for_kind[moves]).tolist():
            self._carry_over(slot[moves & (for_kind == number)], number)
        return np.where(moves, for_kind, now)[samples.segments.of_row]

    def _carry_over(self, slot: NDArray[np.int32], number: int) -> None:
        reach = _reach(self.network, self._models.loaded[number - 1].threshold)
        # A batch holds one segment a device, so no slot comes twice and the product in place takes each once.
        self.usual[slot] *= np.float32(reach) / np.maximum(self.model_threshold[slot], np.float32(_LEAST_USUAL))
        self.model[slot], self.model_threshold[slot] = self._models.keys[number], reach

    def _judged(
        self, model: Model, samples: Samples, view: WindowView, rows: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        slot = samples.slot[rows]
        windows = self._scaled(model, slot, view.matrix(rows, model.window))
        said = self._said(model, windows)
        score = said.score
        if self._overlap is not None and said.reconstructed is not None:
            score = self._overlap.errors(samples, rows, windows, said.reconstructed) / np.float32(
                model.card.scaler.span_w
            )
        raw = score / self.usual[slot]
        if self.looks.amplitude:
            away = np.abs(np.median(windows, axis=1) - self.centre[slot]) / self.usual_away[slot]
            raw = (raw + away) * np.float32(0.5)
        if said.last is None:
            return raw, np.full(len(rows), np.nan, dtype=np.float32)
        return raw, self._to_watts(model, slot, said.last)

    def _said(self, model: Model, windows: NDArray[np.float32]) -> _Said:
        """Return what a model makes of windows on its own scale."""
        if self.network is Network.EDGE_CLASSIFIER:
            return _Said(surprise(model.score(windows)), None)
        expected = model.expect(windows)
        if self.network is Network.FORECASTER:
            # The spread that a residual is measured in is no output of the graph: the score takes a run of its own.
            return _Said(_one_by_one(model, windows), expected[:, -1])
        # But for rounding what the graph gives as score, without a second run.
        errors = np.abs(windows - expected).mean(axis=1) / np.float32(model.card.scaler.span_w)
        return _Said(errors, expected[:, -1], expected)

    def _calibrate(self, slot: int, model: Model, windows_w: NDArray[np.float32]) -> None:
        """Set what is usual from windows float32[n, window] of the device's past."""
        slots = np.full(len(windows_w), slot, dtype=np.int32)
        windows = self._scaled(model, slots, windows_w)
        said = self._said(model, windows)
        self.usual[slot] = max(float(np.quantile(said.score, _RARE)), _LEAST_USUAL)
        if said.last is None:
            # A device that the classifier knows well needs no finer scale than the one it was taught.
            self.usual[slot] = max(self.usual[slot], self.model_threshold[slot])
        else:
            stray_w = np.abs(windows_w[:, -1] - self._to_watts(model, slots, said.last))
            self.stray_w[slot] = np.quantile(stray_w, _RARE)
        medians = np.median(windows, axis=1)
        self.centre[slot] = np.median(medians)
        away = np.quantile(np.abs(medians - self.centre[slot]), _RARE)
        self.usual_away[slot] = max(float(away), _LEAST_USUAL * model.card.scaler.span_w)

    def _scaled(self, model: Model, slot: NDArray[np.int32], windows_w: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return windows with the device's own range on that of the model; a classifier takes watts as they are."""
        if self.network is Network.EDGE_CLASSIFIER:
            return windows_w
        scaler = model.card.scaler
        share = (windows_w - self.low_w[slot][:, None]) / self.span_w[slot][:, None]
        return share * np.float32(scaler.span_w) + np.float32(scaler.low_w)

    def _to_watts(self, model: Model, slot: NDArray[np.int32], last: NDArray[np.float32]) -> NDArray[np.float32]:
        scaler = model.card.scaler
        share = (last - np.float32(scaler.low_w)) / np.float32(scaler.span_w)
        return share * self.span_w[slot] + self.low_w[slot]

    def _seen_in_training(self, slot: int, history: Series) -> NDArray[np.bool_]:
        number = int(self._models.numbers_of(self.model[slot : slot + 1])[0])
        if not number:
            return np.zeros(len(history), dtype=np.bool_)
        trained_on = self._models.loaded[number - 1].card.trained_on
        named = own_place(history.record) in trained_on.devices
        return named & (history.ts_ms <= trained_on.last_ms)


def surprise(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return -ln(1 - p) float32[n] of probabilities that a window is abnormal: near 1 they still differ."""
    return -np.log1p(-np.minimum(probability, _NEARLY_SURE))


def _reach(network: Network, threshold: float) -> float:
    """Return a model's own threshold on the scale on which its scores are compared."""
    if network is not Network.EDGE_CLASSIFIER:
        return threshold
    return float(surprise(np.array([threshold], dtype=np.float32))[0])


def _one_by_one(model: Model, windows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scores of windows that are each run alone.

    ONNX Runtime adds up a short row in an order that hangs on where in the batch it lies: the last bit would change.
    """
    return np.fromiter((model.score_one(window) for window in windows), dtype=np.float32, count=len(windows))


def network_detector(name: str, looks: Looks | None = None) -> NetworkDetector:
    """Return the detector of `NETWORK:PATH`, PATH a model file or folder of models; without it the usual folder."""
    network, _, source = name.partition(":")
    return NetworkDetector(Network(network), open_models(Network(network), source), looks)
