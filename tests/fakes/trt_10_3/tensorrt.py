"""The fake TensorRT 10.3.0, where a build's own process finds it."""

import sys

import fake_tensorrt

sys.modules[__name__] = fake_tensorrt.make("10.3.0")
