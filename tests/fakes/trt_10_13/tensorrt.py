"""The fake TensorRT 10.13.3, where a build's own process finds it."""

import sys

import fake_tensorrt

sys.modules[__name__] = fake_tensorrt.make("10.13.3")
