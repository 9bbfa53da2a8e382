from __future__ import annotations

from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from kilowatch.errors import ModelError
from kilowatch.nets.card import Network
from kilowatch.nets.onnx_file import parse
from nets.made import trained


@pytest.mark.parametrize("network", Network)
def test_reads_what_the_onnx_package_reads(network: Network) -> None:
    data = trained(network).data
    theirs, ours = onnx.load_model_from_string(data), parse(data)
    assert [(n.op_type, list(n.input), list(n.output)) for n in theirs.graph.node] == [
        (n.op, n.inputs, n.outputs) for n in ours.nodes
    ]
    for node, mine in zip(theirs.graph.node, ours.nodes, strict=True):
        for attribute in node.attribute:
            assert helper.get_attribute_value(attribute) == mine.attributes[attribute.name]
    for weights in theirs.graph.initializer:
        np.testing.assert_array_equal(numpy_helper.to_array(weights), ours.weights[weights.name])
    assert ours.metadata == {entry.key: entry.value for entry in theirs.metadata_props}
    assert ours.opset == theirs.opset_import[0].version == 17


def test_reads_weights_that_are_not_stored_as_bytes() -> None:
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"], alpha=0.25)],
        "g",
        [],
        [],
        [
            helper.make_tensor("a", onnx.TensorProto.FLOAT, [2], [0.5, -1.0]),
            helper.make_tensor("b", onnx.TensorProto.INT64, [2], [-3, 1 << 40]),
            helper.make_tensor("i", onnx.TensorProto.INT8, [2], [-3, 4]),
        ],
    )
    file = parse(helper.make_model(graph).SerializeToString())
    assert file.weights["a"].tolist() == [0.5, -1.0]
    assert file.weights["b"].tolist() == [-3, 1 << 40]
    assert file.weights["i"].tolist() == [-3, 4]
    assert file.nodes[0].attributes["alpha"] == 0.25


@given(cut=st.integers(0, 1 << 20))
@settings(deadline=None, max_examples=50)
def test_a_torn_file_is_a_model_error(cut: int) -> None:
    data = trained(Network.FORECASTER).data
    with pytest.raises(ModelError):
        parse(data[: cut % (len(data) - 700)])  # the last bytes are metadata, whose loss the card notices


@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=8))
@settings(deadline=None, max_examples=50)
def test_a_changed_file_never_crashes_the_reader(changes: list[tuple[int, int]]) -> None:
    data = bytearray(trained(Network.FORECASTER).data)
    for place, byte in changes:
        data[place % len(data)] = byte
    with suppress(ModelError):
        parse(bytes(data))


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=50)
def test_bytes_that_are_no_model_are_a_model_error(data: bytes) -> None:
    with pytest.raises(ModelError):
        parse(data)


def test_weights_in_another_file_are_refused() -> None:
    proto = onnx.load_model_from_string(trained(Network.FORECASTER).data)
    weights = proto.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="../../etc/passwd")
    with pytest.raises(ModelError, match="another file"):
        parse(proto.SerializeToString())


def test_weights_that_do_not_fill_their_shape_are_refused() -> None:
    proto = onnx.load_model_from_string(trained(Network.FORECASTER).data)
    proto.graph.initializer[-1].dims.append(1 << 40)
    with pytest.raises(ModelError, match="shape"):
        parse(proto.SerializeToString())
