"""The fake TensorRT 8.6.2, where a build's own process finds it."""

import sys

import fake_tensorrt

sys.modules[__name__] = fake_tensorrt.make("8.6.2")
