"""Every name of TensorRT, jetson_utils and jetson_inference that edge_lpr uses, and the versions that have it.

Kept by hand. `tests/networks/test_vendor_names.py` walks the code's syntax trees against it, the fakes, and, where they
can be had, the real bindings.
"""

from __future__ import annotations

ALWAYS = ((8, 6), (99, 0))
UNTIL_11 = ((8, 6), (11, 0))
FROM_10 = ((10, 0), (99, 0))

TENSORRT: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "__version__": ALWAYS,
    "nptype": ALWAYS,
    "ILogger": ALWAYS,
    "ILogger.Severity.ERROR": ALWAYS,
    "ILogger.Severity.INTERNAL_ERROR": ALWAYS,
    "IProgressMonitor": FROM_10,
    "Builder": ALWAYS,
    "Builder.create_network": ALWAYS,
    "Builder.create_builder_config": ALWAYS,
    "Builder.create_optimization_profile": ALWAYS,
    "Builder.build_serialized_network": ALWAYS,
    "Builder.num_DLA_cores": ALWAYS,
    "BuilderFlag.FP16": UNTIL_11,
    "BuilderFlag.INT8": UNTIL_11,
    "BuilderFlag.GPU_FALLBACK": ALWAYS,
    "DeviceType.DLA": ALWAYS,
    "IBuilderConfig.add_optimization_profile": ALWAYS,
    "IBuilderConfig.builder_optimization_level": ALWAYS,
    "IBuilderConfig.create_timing_cache": ALWAYS,
    "IBuilderConfig.default_device_type": ALWAYS,
    "IBuilderConfig.DLA_core": ALWAYS,
    "IBuilderConfig.get_timing_cache": ALWAYS,
    "IBuilderConfig.progress_monitor": FROM_10,
    "IBuilderConfig.set_flag": ALWAYS,
    "IBuilderConfig.set_memory_pool_limit": ALWAYS,
    "IBuilderConfig.set_timing_cache": ALWAYS,
    "ICudaEngine.create_execution_context": ALWAYS,
    "ICudaEngine.get_tensor_dtype": ALWAYS,
    "ICudaEngine.get_tensor_mode": ALWAYS,
    "ICudaEngine.get_tensor_name": ALWAYS,
    "ICudaEngine.get_tensor_profile_shape": ALWAYS,
    "ICudaEngine.get_tensor_shape": ALWAYS,
    "ICudaEngine.num_io_tensors": ALWAYS,
    "IExecutionContext.execute_async_v3": ALWAYS,
    "IExecutionContext.get_tensor_shape": ALWAYS,
    "IExecutionContext.set_input_shape": ALWAYS,
    "IExecutionContext.set_tensor_address": ALWAYS,
    "INetworkDefinition.get_input": ALWAYS,
    "IOptimizationProfile.set_shape": ALWAYS,
    "ITensor.name": ALWAYS,
    "ITensor.shape": ALWAYS,
    "ITimingCache.serialize": ALWAYS,
    "MemoryPoolType.WORKSPACE": ALWAYS,
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH": UNTIL_11,
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED": FROM_10,
    "OnnxParser": ALWAYS,
    "OnnxParser.get_error": ALWAYS,
    "OnnxParser.num_errors": ALWAYS,
    "OnnxParser.parse_from_file": ALWAYS,
    "Runtime": ALWAYS,
    "Runtime.deserialize_cuda_engine": ALWAYS,
    "TensorIOMode.INPUT": ALWAYS,
}
"""Name -> the first version that has it, and the first that has it no more (checked in 8.6.0, 8.6.1, 10.3, 10.7, 10.13,
11.0 and 11.4)."""

TENSORRT_GUARDS = {
    "IProgressMonitor": 'hasattr(trt, "IProgressMonitor")',
    "IBuilderConfig.progress_monitor": 'hasattr(trt, "IProgressMonitor")',
    "BuilderFlag.FP16": "major < STRONGLY_TYPED_FROM",
    "BuilderFlag.INT8": "major < STRONGLY_TYPED_FROM",
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH": "major < 10",
    "NetworkDefinitionCreationFlag.STRONGLY_TYPED": "major >= STRONGLY_TYPED_FROM",
}
"""What the code asks before it uses a name that not every version has."""

JETSON_UTILS = ("videoSource", "videoSource.Capture", "videoSource.Close", "videoSource.GetFrameRate", "cudaToNumpy",
                "cudaDeviceSynchronize")
"""In both versions of jetson_utils, and in the bare jetson_utils_python."""

JETSON_INFERENCE = ("detectNet", "detectNet.Detect", "detectNet.GetClassDesc")
