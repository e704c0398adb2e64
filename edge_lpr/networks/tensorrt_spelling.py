"""A Q/DQ network as TensorRT 8.6 to 11 takes it, from the spelling that ONNX Runtime runs fastest.

Both say the same integers and scales. For TensorRT every zero point is signed (an unsigned 0 becomes a signed 0), and
weights that are stored as 8-bit integers become float weights behind a QuantizeLinear of the same scale, which rounds
them to the very same integers: TensorRT 8.6 refuses integer constants. Works on the bytes of the file, since a gate has
no onnx package: the few fields of the ONNX format that are needed are read here (onnx.proto3; protobuf's wire format).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_lpr.errors import NetworkError

MODEL_GRAPH = 7
GRAPH_NODE, GRAPH_INITIALIZER = 1, 5
NODE_INPUT, NODE_OUTPUT, NODE_NAME, NODE_OP_TYPE, NODE_ATTRIBUTE = 1, 2, 3, 4, 5
TENSOR_DIMS, TENSOR_TYPE, TENSOR_FLOATS, TENSOR_INT32S, TENSOR_NAME, TENSOR_RAW = 1, 2, 4, 5, 8, 9
FLOAT, UINT8, INT8 = 1, 2, 3
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Field = tuple[int, int, bytes]
"""Number, wire type, and content: the value's bytes as they stand in the file, without length."""


@dataclass(frozen=True, eq=False)
class Constant:
    """An initialiser: its name, type, and values in its shape."""

    name: str
    kind: int
    values: NDArray[np.generic]


@dataclass(frozen=True)
class Node:
    """An operator: what it takes and gives, and its attributes as they stand in the file."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: tuple[bytes, ...]


def tensorrt_spelling(content: bytes) -> bytes:
    """The bytes of an ONNX file, rewritten; a file that has nothing to rewrite comes back with the same meaning.

    Raises NetworkError when it is no ONNX file, or holds something that cannot be rewritten exactly.
    """
    try:
        fields = list(_fields(content))
        rewritten = [(n, kind, _graph(value) if n == MODEL_GRAPH else value) for n, kind, value in fields]
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise NetworkError(f"not an ONNX file: {error}") from error
    if not any(number == MODEL_GRAPH for number, _, _ in rewritten):
        raise NetworkError("not an ONNX file: it holds no graph")
    return b"".join(_field(*one) for one in rewritten)


def _graph(content: bytes) -> bytes:
    fields = list(_fields(content))
    raw = {n: [value for number, _, value in fields if number == n] for n in (GRAPH_NODE, GRAPH_INITIALIZER)}
    constants = {one.name: one for one in map(_constant, raw[GRAPH_INITIALIZER])}
    nodes = [_node(value) for value in raw[GRAPH_NODE]]
    zeros = {one.inputs[2] for one in nodes if one.op in ("QuantizeLinear", "DequantizeLinear") and len(one.inputs) > 2}
    stored = {one.inputs[0]: one for one in nodes if one.op == "DequantizeLinear" and _is_integer(one, constants)}
    _check_shared(nodes, stored)
    written: list[bytes] = []
    for number, kind, value in fields:
        if number == GRAPH_NODE:
            written += [_field(GRAPH_NODE, BYTES, part) for part in _pair(_node(value), value, stored)]
        elif number == GRAPH_INITIALIZER:
            part = _rewritten(_constant(value), value, zeros, stored, constants)
            written.append(_field(GRAPH_INITIALIZER, BYTES, part))
        else:
            written.append(_field(number, kind, value))
    return b"".join(written)


def _is_integer(node: Node, constants: dict[str, Constant]) -> bool:
    return node.inputs[0] in constants and constants[node.inputs[0]].kind == INT8


def _check_shared(nodes: list[Node], stored: dict[str, Node]) -> None:
    """Integer weights must be used by their one DequantizeLinear alone."""
    for node in nodes:
        for name in node.inputs:
            if name in stored and stored[name].name != node.name:
                raise NetworkError(f"{node.op} {node.name!r}: shares the integer weights {name!r}; cannot be rewritten")


def _pair(node: Node, content: bytes, stored: dict[str, Node]) -> Iterator[bytes]:
    """The node; before a DequantizeLinear of stored weights the QuantizeLinear that makes them."""
    if node.op != "DequantizeLinear" or node.inputs[0] not in stored:
        yield content
        return
    weights = node.inputs[0]
    quantised = f"{weights}_rounded"
    yield _node_bytes(
        Node("QuantizeLinear", f"{node.name}_Q", (weights, *node.inputs[1:]), (quantised,), node.attributes)
    )
    yield _node_bytes(Node(node.op, node.name, (quantised, *node.inputs[1:]), node.outputs, node.attributes))


def _rewritten(
    one: Constant, content: bytes, zeros: set[str], stored: dict[str, Node], constants: dict[str, Constant]
) -> bytes:
    """An initialiser: zero points signed, stored weights in float, all else as it is."""
    if one.name in zeros and one.kind == UINT8:
        if np.any(one.values != 0):
            raise NetworkError(f"zero point {one.name!r} is not 0: the network is not symmetric")
        return _constant_bytes(one.name, INT8, np.zeros(one.values.shape, np.int8))
    if one.name not in stored:
        return content
    scale = constants[stored[one.name].inputs[1]].values.astype(np.float32)
    shape = (-1, *[1] * (one.values.ndim - 1)) if scale.size > 1 else ()
    floats = one.values.astype(np.float32) * scale.reshape(shape)
    return _constant_bytes(one.name, FLOAT, floats.astype(np.float32))


# --- the format -------------------------------------------------------------------------------------------------------


def _constant(content: bytes) -> Constant:
    shape: list[int] = []
    kind, name, raw, numbers = 0, "", b"", b""  # values stand as raw bytes, or as repeated numbers
    for number, wire, value in _fields(content):
        if number == TENSOR_DIMS:
            shape += _varints(value) if wire == BYTES else [_varint(value, 0)[0]]
        elif number == TENSOR_TYPE:
            kind = _varint(value, 0)[0]
        elif number == TENSOR_NAME:
            name = value.decode()
        elif number in (TENSOR_RAW, TENSOR_FLOATS):
            raw += value
        elif number == TENSOR_INT32S:
            numbers += value
    types: dict[int, np.dtype[Any]] = {FLOAT: np.dtype("<f4"), UINT8: np.dtype("u1"), INT8: np.dtype("i1")}
    if kind not in types:
        return Constant(name, kind, np.zeros(0))
    if not numbers:
        return Constant(name, kind, np.frombuffer(raw, types[kind]).reshape(shape))
    integers = np.array(_varints(numbers), np.uint64).astype(np.int64)  # negative ones take 64 bits
    return Constant(name, kind, integers.astype(types[kind]).reshape(shape))


def _constant_bytes(name: str, kind: int, values: NDArray[np.generic]) -> bytes:
    parts = [_field(TENSOR_DIMS, VARINT, _encoded(size)) for size in values.shape]
    parts += [
        _field(TENSOR_TYPE, VARINT, _encoded(kind)),
        _field(TENSOR_NAME, BYTES, name.encode()),
        _field(TENSOR_RAW, BYTES, values.tobytes()),
    ]
    return b"".join(parts)


def _node(content: bytes) -> Node:
    parts: dict[int, list[bytes]] = {}
    for number, _, value in _fields(content):
        parts.setdefault(number, []).append(value)
    texts = {n: tuple(value.decode() for value in parts.get(n, [])) for n in (1, 2, 3, 4)}
    return Node(
        "".join(texts[NODE_OP_TYPE]), "".join(texts[NODE_NAME]), texts[NODE_INPUT], texts[NODE_OUTPUT],
        tuple(parts.get(NODE_ATTRIBUTE, [])),
    )  # fmt: skip


def _node_bytes(node: Node) -> bytes:
    parts = [(NODE_INPUT, name.encode()) for name in node.inputs]
    parts += [(NODE_OUTPUT, name.encode()) for name in node.outputs]
    parts += [(NODE_NAME, node.name.encode()), (NODE_OP_TYPE, node.op.encode())]
    parts += [(NODE_ATTRIBUTE, attribute) for attribute in node.attributes]
    return b"".join(_field(number, BYTES, value) for number, value in parts)


def _fields(content: bytes) -> Iterator[Field]:
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        kind, begin = key & 7, at
        if kind == VARINT:
            at = _varint(content, at)[1]
        elif kind == BYTES:
            size, begin = _varint(content, at)
            at = begin + size
        elif kind in (FIXED32, FIXED64):
            at += 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"wire type {kind} at byte {begin}")
        if at > len(content):
            raise ValueError(f"it ends within a field that begins at byte {begin}")
        yield key >> 3, kind, content[begin:at]


def _field(number: int, kind: int, value: bytes) -> bytes:
    head = _encoded(number << 3 | kind)
    return head + (_encoded(len(value)) if kind == BYTES else b"") + value


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError(f"a number without end at byte {at}")


def _varints(content: bytes) -> list[int]:
    values, at = [], 0
    while at < len(content):
        value, at = _varint(content, at)
        values.append(value)
    return values


def _encoded(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)
