"""INT8 with proof: float ONNX and calibration frames to a Q/DQ ONNX, and what that costs in accuracy.

ONNX Runtime's quantiser writes the graph; here is what surrounds it: the frames, the ranges, the rules that TensorRT
sets, the measuring, the layers that stay in float, the gate and the report. The `calibrate` extra installs what is
needed (onnx, ONNX Runtime); a gate that only runs the networks never imports this package.
"""
