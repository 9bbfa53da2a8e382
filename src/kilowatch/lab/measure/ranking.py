"""How well a score ranks odd samples before normal ones, point by point: no lag is forgiven here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ReadingError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def checked(score: ArrayLike, label: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return score as float64[n] and label as bool[n]; `ReadingError` where no ranking can be measured on them."""
    scores, labels = np.asarray(score, dtype=np.float64), np.asarray(label).astype(np.bool_)
    if scores.ndim != 1 or scores.shape != labels.shape:
        raise ReadingError(
            f"Scores have the shape {scores.shape}, labels {labels.shape}: both must be one series.",
            "Check that they were made from the same file.",
        )
    if np.isnan(scores).any():
        raise ReadingError(
            f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN.",
            "Give samples without a score 0, the least odd, or leave them out together with their labels.",
        )
    if labels.all() or not labels.any():
        raise ReadingError(
            f"{int(labels.sum())} of {len(labels)} samples are labelled odd: a ranking needs both kinds.",
            "Leave the series out of the ranking figures and count its false alarms instead.",
        )
    return scores, labels


def base_rate(label: ArrayLike) -> float:
    """Return the share of labelled samples: what a random score gets for AUC-PR."""
    return float(np.asarray(label).astype(np.bool_).mean())


def auc_pr(score: ArrayLike, label: ArrayLike) -> float:
    """Return average precision, the sum over thresholds of (R_k - R_k-1) P_k: no interpolation, ties as one step."""
    scores, labels = checked(score, label)
    hits, predicted = _counts(scores, labels)
    recall = hits / labels.sum()
    return float(np.sum(np.diff(recall, prepend=0.0) * hits / predicted))


def auc_roc(score: ArrayLike, label: ArrayLike) -> float:
    """Return the area under the ROC curve: the chance that an odd sample outranks a normal one, ties by half."""
    scores, labels = checked(score, label)
    hits, predicted = _counts(scores, labels)
    recall = hits / labels.sum()
    fall_out = (predicted - hits) / (~labels).sum()
    heights = recall + np.concatenate(([0.0], recall[:-1]))
    return float(np.sum(np.diff(fall_out, prepend=0.0) * heights / 2))


def _counts(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return, for each distinct score from the highest, the odd samples and all samples at or above it."""
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    # Equal scores are one threshold, counted at the last of them: their order is an accident of sorting.
    last_of_tie = np.append(ranked[1:] != ranked[:-1], True)
    return np.cumsum(labels[order])[last_of_tie], np.flatnonzero(last_of_tie) + 1
