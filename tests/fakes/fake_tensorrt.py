"""TensorRT 8.6 to 11 as far as edge_lpr uses it, strictly, with ONNX Runtime behind: `make("10.3.0")` gives the module.

It refuses what the real one refuses: names and flags that a generation lacks, attributes that a class lacks, a network
without its explicit batch, Q/DQ without the INT8 flag or INT8 without Q/DQ, a free axis without a profile, shapes
outside it, buffers that CUDA did not give out, a run with an address missing, a plan of another version. Results appear
only when the stream is synchronised: it computes on the fake CUDA of cuda.c.

FAKE_TRT: words separated by commas, for what goes wrong: nobuilder, crash, hang, nobuild, badcache, nocontext, norun,
wrong (results), rubbish (results that are no numbers), graphdiff (a recorded run differs), openoutput, twoinputs,
noprofile.
"""

from __future__ import annotations

import ctypes
import enum
import json
import os
import signal
import time
import types

import numpy as np
import onnx
import onnxruntime

MAGIC = b"FAKEPLAN"
WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def told(word: str) -> bool:
    return word in os.environ.get("FAKE_TRT", "").split(",")


class ILogger:
    class Severity(enum.IntEnum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2
        INFO = 3
        VERBOSE = 4

    def __init__(self) -> None:
        self._made = True

    def log(self, severity: object, msg: str) -> None:
        raise NotImplementedError


def checked(logger: object) -> ILogger:
    if not isinstance(logger, ILogger) or not getattr(logger, "_made", False):
        raise TypeError("the logger is no ILogger, or its __init__ does not call ILogger.__init__")
    return logger


class TensorIOMode(enum.IntEnum):
    NONE = 0
    INPUT = 1
    OUTPUT = 2


class MemoryPoolType(enum.IntEnum):
    WORKSPACE = 0
    DLA_MANAGED_SRAM = 1


class DeviceType(enum.IntEnum):
    GPU = 0
    DLA = 1


class DataType(enum.IntEnum):
    FLOAT = 0
    INT32 = 3
    INT64 = 8


TYPES = {DataType.FLOAT: np.float32, DataType.INT32: np.int32, DataType.INT64: np.int64}
BY_ONNX = {onnx.TensorProto.FLOAT: DataType.FLOAT, onnx.TensorProto.INT32: DataType.INT32,
           onnx.TensorProto.INT64: DataType.INT64}


def nptype(kind: DataType) -> type:
    return TYPES[kind]


class IHostMemory(bytearray):
    @property
    def nbytes(self) -> int:
        return len(self)


class IOptimizationProfile:
    __slots__ = ("shapes",)

    def __init__(self) -> None:
        self.shapes: dict[str, tuple[tuple[int, ...], ...]] = {}

    def set_shape(self, input: str, min: tuple, opt: tuple, max: tuple) -> None:
        for low, usual, high in zip(min, opt, max, strict=True):
            if not 0 < low <= usual <= high:
                raise ValueError("a profile needs min <= opt <= max")
        self.shapes[input] = tuple(min), tuple(opt), tuple(max)


class ITimingCache:
    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content

    def serialize(self) -> IHostMemory:
        return IHostMemory(self.content or b"TIMINGS")


class ITensor:
    __slots__ = ("name", "shape")

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.name, self.shape = name, shape


def shape_of(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    return tuple(axis.dim_value if axis.HasField("dim_value") else -1 for axis in value.type.tensor_type.shape.dim)


class INetworkDefinition:
    __slots__ = ("flags", "model")

    def __init__(self, flags: int) -> None:
        self.flags, self.model = flags, None

    def get_input(self, index: int) -> ITensor:
        value = self.model.graph.input[index]
        return ITensor(value.name, shape_of(value))


def quantised(model: onnx.ModelProto) -> bool:
    return any(node.op_type == "DequantizeLinear" for node in model.graph.node)


class Generation:
    """What one version of TensorRT has, and how it behaves."""

    def __init__(self, version: str) -> None:
        self.version, self.major = version, int(version.split(".")[0])
        flags = ["GPU_FALLBACK", "TF32"] + (["INT8", "FP16"] if self.major < 11 else [])
        self.BuilderFlag = enum.IntEnum("BuilderFlag", flags, start=0)
        self.builder_flags = frozenset(self.BuilderFlag)
        bits = {} if self.major >= 11 else {"EXPLICIT_BATCH": 0}
        bits |= {"STRONGLY_TYPED": 1} if self.major >= 10 else {}
        self.NetworkDefinitionCreationFlag = enum.IntEnum("NetworkDefinitionCreationFlag", bits)
        self.cuda = ctypes.CDLL(os.environ["FAKE_CUDA_LIB"])
        self.cuda.fake_enqueue.argtypes = (ctypes.c_void_p, WORK, ctypes.c_void_p)
        self.cuda.fake_is_memory.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
        self.cuda.fake_is_capturing.argtypes = (ctypes.c_void_p,)
        self.classes = {one.__name__: one for one in (
            ILogger, TensorIOMode, MemoryPoolType, DeviceType, DataType, IOptimizationProfile, ITimingCache,
            IHostMemory)}
        self.classes |= {"BuilderFlag": self.BuilderFlag,
                         "NetworkDefinitionCreationFlag": self.NetworkDefinitionCreationFlag}
        for define in (self._monitor, self._config, self._builder, self._parser, self._runtime):
            define()

    def _monitor(self) -> None:
        if self.major < 10:
            return

        class IProgressMonitor:
            def __init__(self) -> None:
                self._made = True

        self.classes["IProgressMonitor"] = IProgressMonitor

    def _config(self) -> None:
        here = self
        names = ["flags", "pools", "profiles", "cache", "builder_optimization_level", "default_device_type", "DLA_core"]

        class IBuilderConfig:
            __slots__ = tuple(names + (["progress_monitor"] if here.major >= 10 else []))

            def __init__(self) -> None:
                self.flags, self.pools, self.profiles, self.cache = set(), {}, [], None
                self.default_device_type, self.DLA_core = DeviceType.GPU, -1

            def set_flag(self, flag: object) -> None:
                if flag not in here.builder_flags or not isinstance(flag, here.BuilderFlag):
                    raise TypeError("not a BuilderFlag of this version")
                self.flags.add(flag)

            def set_memory_pool_limit(self, pool: MemoryPoolType, pool_size: int) -> None:
                self.pools[MemoryPoolType(pool)] = int(pool_size)

            def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
                if told("noprofile"):
                    return -1
                self.profiles.append(profile)
                return len(self.profiles) - 1

            def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache | None:
                if told("badcache") and serialized_timing_cache:
                    return None
                return ITimingCache(bytes(serialized_timing_cache))

            def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
                if cache.content not in (b"", b"TIMINGS"):
                    return False
                self.cache = cache
                return True

            def get_timing_cache(self) -> ITimingCache | None:
                return self.cache

        self.classes["IBuilderConfig"] = IBuilderConfig

    def _builder(self) -> None:
        here, config_class = self, self.classes["IBuilderConfig"]

        class Builder:
            __slots__ = ("logger",)

            def __init__(self, logger: ILogger) -> None:
                self.logger = checked(logger)
                if told("nobuilder"):
                    raise TypeError("pybind11::init(): factory function returned nullptr")

            @property
            def num_DLA_cores(self) -> int:
                return 2

            def create_network(self, flags: int = 0) -> INetworkDefinition:
                if flags & ~sum(1 << int(flag) for flag in here.NetworkDefinitionCreationFlag):
                    raise ValueError("a network flag that this version lacks")
                return INetworkDefinition(flags)

            def create_builder_config(self) -> object:
                return config_class()

            def create_optimization_profile(self) -> IOptimizationProfile:
                return IOptimizationProfile()

            def build_serialized_network(self, network: INetworkDefinition, config: object) -> IHostMemory | None:
                if not isinstance(network, INetworkDefinition) or not isinstance(config, config_class):
                    raise TypeError("incompatible function arguments")
                fault = here.build_fault(network, config)
                if fault or told("nobuild"):
                    fault = fault or "Could not find any implementation for node /c/Conv"
                    self.logger.log(ILogger.Severity.ERROR, fault)
                    return None
                here.run_monitor(getattr(config, "progress_monitor", None))
                return here.plan(network, config)

        self.classes["Builder"] = Builder

    def build_fault(self, network: INetworkDefinition, config: object) -> str:
        if told("crash"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if told("hang"):
            time.sleep(1000)
        if network.model is None:
            return "the network is empty"
        if MemoryPoolType.WORKSPACE not in config.pools:
            return "no workspace"
        is_quantised = quantised(network.model)
        int8 = self.major >= 11 or self.BuilderFlag["INT8"] in config.flags
        if is_quantised and not int8:
            return "Q/DQ nodes need the builder flag INT8"
        if self.major < 11 and int8 and not is_quantised:
            return "INT8 without Q/DQ needs a calibrator"
        shape = shape_of(network.model.graph.input[0])
        if min(shape) < 0:
            profiles = [profile.shapes.get(network.model.graph.input[0].name) for profile in config.profiles]
            if not profiles or profiles[0] is None:
                return "Network has dynamic inputs, but no optimization profile has been defined"
            sides = zip(shape, profiles[0][0], profiles[0][2], strict=True)
            if any(fixed > 0 and (low, high) != (fixed, fixed) for fixed, low, high in sides):
                return "the profile does not fit the network's fixed axes"
        elif config.profiles:
            return "a profile for a network without free axes"
        if config.default_device_type == DeviceType.DLA and self.BuilderFlag.GPU_FALLBACK not in config.flags:
            return "DLA cannot run Resize, and GPU_FALLBACK is not set"
        return ""

    def run_monitor(self, monitor: object) -> None:
        if monitor is None:
            return
        if not getattr(monitor, "_made", False):
            raise TypeError("IProgressMonitor.__init__ was not called")
        monitor.phase_start("Building Engine", None, 20)
        for step in range(20):
            assert monitor.step_complete("Building Engine", step) is True, "that would cancel the build"
        monitor.phase_finish("Building Engine")

    def plan(self, network: INetworkDefinition, config: object) -> IHostMemory:
        profile = config.profiles[0].shapes[network.model.graph.input[0].name] if config.profiles else None
        head = json.dumps({"version": self.version, "profile": profile}).encode()
        model = network.model.SerializeToString()
        return IHostMemory(MAGIC + len(head).to_bytes(4, "little") + head + model)

    def _parser(self) -> None:
        here = self

        class OnnxParser:
            __slots__ = ("errors", "network")

            def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
                checked(logger)
                if here.major < 10 and not network.flags & 1:
                    raise RuntimeError("the ONNX parser needs a network with EXPLICIT_BATCH")
                self.network, self.errors = network, []

            def parse_from_file(self, model: str) -> bool:
                try:
                    loaded = onnx.load(model)
                    onnx.checker.check_model(loaded)
                except Exception as error:
                    self.errors.append(f"In node -1: INVALID_GRAPH: {error}")
                    return False
                self.network.model = loaded
                return True

            @property
            def num_errors(self) -> int:
                return len(self.errors)

            def get_error(self, index: int) -> str:
                return self.errors[index]

        self.classes["OnnxParser"] = OnnxParser

    def _runtime(self) -> None:
        here = self

        class Runtime:
            __slots__ = ("logger",)

            def __init__(self, logger: ILogger) -> None:
                self.logger = checked(logger)

            def deserialize_cuda_engine(self, serialized_engine: bytes) -> FakeEngine | None:
                size = int.from_bytes(serialized_engine[8:12], "little")
                try:
                    head = json.loads(serialized_engine[12 : 12 + size])
                except ValueError:
                    head = {}
                if not serialized_engine.startswith(MAGIC) or head.get("version") != here.version:
                    self.logger.log(ILogger.Severity.ERROR, "Serialization assertion: Version tag does not match")
                    return None
                return FakeEngine(here, serialized_engine[12 + size :], head["profile"])

        self.classes["Runtime"] = Runtime


class FakeEngine:
    __slots__ = ("generation", "model", "profile", "session")

    def __init__(self, generation: Generation, content: bytes, profile: list | None) -> None:
        self.generation, self.profile = generation, profile
        self.model = onnx.load_from_string(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def _tensor(self, name: str) -> onnx.ValueInfoProto:
        return next(one for one in (*self.model.graph.input, *self.model.graph.output) if one.name == name)

    @property
    def num_io_tensors(self) -> int:
        return len(self.model.graph.input) + len(self.model.graph.output)

    def get_tensor_name(self, index: int) -> str:
        return (*self.model.graph.input, *self.model.graph.output)[index].name

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        if told("twoinputs"):
            return TensorIOMode.INPUT
        return TensorIOMode.INPUT if name == self.model.graph.input[0].name else TensorIOMode.OUTPUT

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return shape_of(self._tensor(name))

    def get_tensor_dtype(self, name: str) -> DataType:
        return BY_ONNX[self._tensor(name).type.tensor_type.elem_type]

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[tuple[int, ...]]:
        if profile_index or self.profile is None:
            raise RuntimeError("no such profile")
        return [tuple(shape) for shape in self.profile]

    def create_execution_context(self) -> FakeContext | None:
        return None if told("nocontext") else FakeContext(self)


class FakeContext:
    __slots__ = ("addresses", "engine", "kept", "shape", "sizes")

    def __init__(self, engine: FakeEngine) -> None:
        self.engine, self.addresses, self.sizes, self.kept = engine, {}, {}, []
        self.shape: tuple[int, ...] | None = None

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        fixed = shape_of(self.engine._tensor(name))
        low, _, high = self.engine.profile or (fixed, fixed, fixed)
        if len(shape) != len(low) or not all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True)):
            return False
        self.shape, self.sizes = tuple(shape), {}
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if self.shape is None or told("openoutput"):
            return (-1,)
        if not self.sizes:
            feed = {self.engine.model.graph.input[0].name: np.zeros(self.shape, np.float32)}
            names = [one.name for one in self.engine.model.graph.output]
            values = self.engine.session.run(names, feed)
            self.sizes = {one: value.shape for one, value in zip(names, values, strict=True)}
        return self.sizes[name]

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self.engine._tensor(name)
        if not self.engine.generation.cuda.fake_is_memory(memory, 4):
            return False
        self.addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        names = [self.engine.get_tensor_name(at) for at in range(self.engine.num_io_tensors)]
        if told("norun") or self.shape is None or set(self.addresses) != set(names):
            return False
        cuda = self.engine.generation.cuda
        recorded = cuda.fake_is_capturing(stream_handle) == 1
        shape, addresses = self.shape, dict(self.addresses)

        def compute(_: object) -> None:
            batch = view(addresses[names[0]], shape, np.float32).copy()
            for name, value in zip(names[1:], self.engine.session.run(names[1:], {names[0]: batch}), strict=True):
                size = value.nbytes
                assert cuda.fake_is_memory(addresses[name], size), f"the buffer of {name} is too small"
                wild = told("wrong") or (recorded and told("graphdiff"))
                value = np.roll(value, 1, axis=-1) + 1 if wild else value
                value = np.full_like(value, np.nan) if told("rubbish") and value.dtype.kind == "f" else value
                view(addresses[name], value.shape, value.dtype)[...] = value

        self.kept.append(WORK(compute))
        return cuda.fake_enqueue(stream_handle, self.kept[-1], None) == 0


def view(address: int, shape: tuple[int, ...], dtype: object) -> np.ndarray:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_uint8 * size).from_address(address), dtype).reshape(shape)


def make(version: str) -> types.ModuleType:
    """The module `tensorrt` of a version."""
    module = types.ModuleType("tensorrt", f"TensorRT {version}, a strict fake")
    generation = Generation(version)
    for name, one in generation.classes.items():
        setattr(module, name, one)
    module.nptype, module.__version__ = nptype, version
    return module
