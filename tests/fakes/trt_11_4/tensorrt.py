"""The fake TensorRT 11.4.0, where a build's own process finds it."""

import sys

import fake_tensorrt

sys.modules[__name__] = fake_tensorrt.make("11.4.0")
