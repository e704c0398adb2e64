"""Small networks with everything that a quantiser meets: convolutions with ReLU, a residual Add, two heads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from tests.conftest import save_graph

SIDE = 16


def small_network(path: Path, seed: int = 3) -> Path:
    """3 x 16 x 16 -> conv, ReLU, conv, Add with the shortcut, ReLU, a head with Sigmoid and a bare one."""
    rng = np.random.default_rng(seed)
    node = onnx.helper.make_node

    def weights(out: int, into: int, kernel: int) -> np.ndarray:
        spread = rng.uniform(0.2, 2.0, (out, 1, 1, 1)) / (into * kernel * kernel) ** 0.5
        return (rng.normal(size=(out, into, kernel, kernel)) * spread).astype(np.float32)

    constants = {"w1": weights(8, 3, 3), "w2": weights(8, 8, 3), "w3": weights(8, 8, 3), "wa": weights(2, 8, 1),
                 "wb": weights(4, 8, 1)}
    constants |= {name: rng.normal(size=size).astype(np.float32) * 0.1
                  for name, size in (("b1", 8), ("b2", 8), ("b3", 8), ("ba", 2), ("bb", 4))}
    same = {"pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", ["image", "w1", "b1"], ["c1"], name="first", **same),
        node("Relu", ["c1"], ["r1"], name="first_relu"),
        node("Conv", ["r1", "w2", "b2"], ["c2"], name="second", **same),
        node("Relu", ["c2"], ["r2"], name="second_relu"),
        node("Conv", ["r2", "w3", "b3"], ["c3"], name="third", **same),
        node("Add", ["r1", "c3"], ["sum"], name="residual"),
        node("Relu", ["sum"], ["r3"], name="residual_relu"),
        node("Conv", ["r3", "wa", "ba"], ["ha"], name="head_a"),
        node("Sigmoid", ["ha"], ["shares"], name="sigmoid"),
        node("Conv", ["r3", "wb", "bb"], ["places"], name="head_b"),
    ]
    outputs = [("shares", ["n", 2, SIDE, SIDE]), ("places", ["n", 4, SIDE, SIDE])]
    save_graph(path, nodes, [("image", ["n", 3, SIDE, SIDE])], outputs, constants)
    return path


def pictures(count: int, seed: int = 1) -> list[np.ndarray]:
    """Inputs for the small network, 0..1."""
    rng = np.random.default_rng(seed)
    return [rng.random((1, 3, SIDE, SIDE), np.float32) for _ in range(count)]
