"""jetson_inference's detectNet as far as edge_lpr uses it: a vehicle is where the picture is brighter than 20."""

from __future__ import annotations

from jetson_utils_python import cudaDeviceSynchronize, told

CLASSES = {1: "person", 3: "car"}


class Detection:
    __slots__ = ("ClassID",)

    def __init__(self, number: int) -> None:
        self.ClassID = number


class detectNet:
    def __init__(self, network: str = "ssd-mobilenet-v2", argv: object = None, threshold: float = 0.5) -> None:
        if network != "ssd-mobilenet-v2":
            raise Exception("[jetson.inference] detectNet failed to load network")
        self._threshold = threshold

    def Detect(
        self, image: object, width: int = 0, height: int = 0, overlay: str = "box,labels,conf"
    ) -> list[Detection]:
        assert overlay == "none", "it would draw into the frame"
        if told("blind"):
            raise Exception("detectNet.Detect() encountered an error classifying the image")
        cudaDeviceSynchronize()
        return [Detection(1), *([Detection(3)] if image._memory.mean() > 20 else [])]

    def GetClassDesc(self, number: int) -> str:
        return CLASSES[number]
