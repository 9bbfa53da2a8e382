"""Several quantities at once: power with current and voltage, or a plug with its home's total.

The autoencoder of the cloud paper over channels rebuilds them together, so that one which no longer goes with the
others stands out. Evidence says which channel made a window's score, and which part of the window. The file is one
ONNX graph, run here in NumPy: evidence is asked for rarely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from kilowatch.errors import ModelError
from kilowatch.nets.forward import check_operators, forward
from kilowatch.nets.onnx_file import OnnxFile, parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUT, ERROR = "channels", "error"
KEY = "kw.channels"


class ChannelCard(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says of itself.

    level: by channel, the error, in units of its usual one, that 5 % of normal samples exceed. threshold: of the
    score, which 1 % of normal windows exceed.
    """

    names: Annotated[list[str], Meta(min_length=1)]
    window: Annotated[int, Meta(ge=2, le=100_000)]
    interval_s: Annotated[float, Meta(gt=0)]
    level: list[float]
    threshold: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which channel made a score, its share of all channels' errors, and the part: samples first to last, counted in
    the window from 0."""

    channel: str
    share: float
    first: int
    last: int


class ChannelModel:
    """A model over channels; windows are float32[n, channels, window] in the channels' own units."""

    def __init__(self, file: OnnxFile, card: ChannelCard) -> None:
        self.card = card
        self._file = file

    @classmethod
    def of(cls, data: bytes) -> ChannelModel:
        """Return the model in the bytes of a file; `ModelError` where they hold none."""
        file = parse(data)
        check_operators(file)
        try:
            card = msgspec.json.decode(file.metadata.get(KEY, ""), type=ChannelCard)
        except msgspec.MsgspecError as error:
            raise ModelError(f"This is no model over channels: {error}.", "Train or fetch it again.") from None
        if file.inputs.get(INPUT, [])[1:] != [len(card.names), card.window] or len(card.level) != len(card.names):
            raise ModelError("The graph does not take the channels that its metadata names.", "Train it again.")
        return cls(file, card)

    def errors(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return errors float32[n, channels, window] in units of what is usual for each channel's window.

        `ModelError` where the windows are of another shape.
        """
        if windows.shape[1:] != (len(self.card.names), self.card.window):
            wanted = f"[n, {len(self.card.names)}, {self.card.window}]"
            raise ModelError(f"The model takes windows {wanted}, got {windows.shape}.", "Bring the same channels.")
        return forward(self._file, {INPUT: windows.astype(np.float32)}, [ERROR])[0]

    def score(self, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return raw scores float32[n]: the mean error of the channel that stands farthest above its usual."""
        return scores_of(self.errors(windows))

    def evidence(self, window: NDArray[np.float32]) -> Evidence:
        """Return what made the score of one window float32[channels, window]."""
        errors = self.errors(window[None])[0]
        by_channel = errors.mean(axis=1)
        place = int(by_channel.argmax())
        # A change is rebuilt badly everywhere, for all goes through one bottleneck, but worst where it lies.
        first, last = densest(errors[place] - max(self.card.level[place], float(by_channel[place])))
        return Evidence(self.card.names[place], float(by_channel[place] / by_channel.sum()), first, last)


def scores_of(errors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return raw scores float32[n] of errors float32[n, channels, window]."""
    return errors.mean(axis=2).max(axis=1)


def densest(excess: NDArray[np.floating]) -> tuple[int, int]:
    """Return the first and last sample of the stretch with the largest sum."""
    total = np.concatenate([[0.0], np.cumsum(excess, dtype=np.float64)])
    # The largest sum of neighbours ends where the total stands farthest above its lowest point so far.
    lowest = np.minimum.accumulate(total[:-1])
    last = int((total[1:] - lowest).argmax())
    return int(total[: last + 1].argmin()), last


def to_bytes(model: Any, card: ChannelCard, low: NDArray[np.float32], factor: NDArray[np.float32]) -> bytes:
    """Return the ONNX file of a Keras autoencoder over channels.

    low float32[channels] is taken off, and the span divided away, before the layers; factor float32[channels, 2]: one
    over the span, and one over the usual error, with which errors are multiplied.
    """
    # onnx comes with the extra that trains; to read and run a model this file must do without it.
    import onnx

    from kilowatch.nets.export import IR_VERSION, OPSET
    from kilowatch.nets.graph import GraphBuilder, Layout, Tensor, write_layers

    graph = GraphBuilder()
    centred = graph.one("Sub", INPUT, graph.constant(low[:, None]))
    x = graph.one("Mul", centred, graph.constant(factor[:, :1]))
    rebuilt = graph.laid(write_layers(graph, model, Tensor(x, Layout.NCT)), Layout.NCT)
    error = graph.one("Abs", graph.one("Sub", x, rebuilt))
    graph.one("Mul", error, graph.constant(factor[:, 1:]), to=ERROR)
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    sizes: list[str | int | None] = ["n", len(card.names), card.window]
    inside = onnx.helper.make_graph(
        graph.nodes, "channels", [value(INPUT, kind, sizes)], [value(ERROR, kind, sizes)], graph.weights
    )
    opset = onnx.helper.make_opsetid("", OPSET)
    proto = onnx.helper.make_model(inside, opset_imports=[opset], producer_name="kilowatch", ir_version=IR_VERSION)
    onnx.checker.check_model(proto)
    onnx.helper.set_model_props(proto, {KEY: msgspec.json.encode(card).decode()})
    return bytes(proto.SerializeToString(deterministic=True))
