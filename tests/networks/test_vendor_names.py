"""What edge_lpr asks of NVIDIA's libraries is there: in the table, in the fakes, and in the real bindings."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = ROOT / "edge_lpr" / "networks"
FAKES = ROOT / "tests" / "fakes"
OWNERS = {"builder": "Builder", "network": "INetworkDefinition", "parser": "OnnxParser", "config": "IBuilderConfig",
          "profile": "IOptimizationProfile", "cache": "ITimingCache", "kept": "ITimingCache", "first": "ITensor",
          "_runtime": "Runtime", "_engine": "ICudaEngine", "_context": "IExecutionContext"}
"""Variables of engine.py and tensorrt.py that hold TensorRT's objects."""
BINDINGS = {"8.6.1": "tensorrt-bindings", "10.3.0": "tensorrt-cu12-bindings", "10.7.0": "tensorrt-cu12-bindings",
            "10.13.3.9": "tensorrt-cu12-bindings", "11.0.0.114": "tensorrt-cu12-bindings",
            "11.4.0.106": "tensorrt-cu12-bindings"}
LOOK = """
import importlib, json, sys
module, names = importlib.import_module(sys.argv[1]), json.loads(sys.argv[2])
def there(name):
    at = module
    for part in name.split("."):
        if not hasattr(at, part):
            return False
        at = getattr(at, part)
    return True
print(json.dumps([name for name in names if not there(name)]))
"""


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FAKES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


names = load("vendor_names")


def used_of_tensorrt(path: Path) -> Iterator[str]:
    """Names of TensorRT in a module, as `Class.member` or `Enum.value`; of nested accesses only the longest."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        parts, at = [node.attr], node.value
        while isinstance(at, ast.Attribute) and not (isinstance(at.value, ast.Name) and at.value.id == "self"):
            parts.insert(0, at.attr)
            at = at.value
        if isinstance(at, ast.Name) and at.id == "trt":
            if id(node) not in inner or parts[-1].startswith("__"):
                yield ".".join(one for one in parts if one != "__init__")
            continue
        owner = at.attr if isinstance(at, ast.Attribute) else at.id if isinstance(at, ast.Name) else ""
        if owner in OWNERS and len(parts) == 1:
            yield f"{OWNERS[owner]}.{parts[0]}"


def of_version(version: str) -> set[str]:
    """The table's names that a version has."""
    at = tuple(map(int, version.split(".")[:2]))
    return {name for name, (first, gone) in names.TENSORRT.items() if first <= at < gone}


def test_the_table_holds_what_the_code_uses_and_nothing_else() -> None:
    used = {name for file in ("engine.py", "tensorrt.py") for name in used_of_tensorrt(NETWORKS / file)}
    assert used == set(names.TENSORRT)


def test_the_walk_sees_names(tmp_path: Path) -> None:
    module = tmp_path / "m.py"
    module.write_text("def f(builder, self):\n    builder.a(trt.X.Y)\n    self._context.b = trt.Z(self._engine)\n")
    assert set(used_of_tensorrt(module)) == {"Builder.a", "X.Y", "IExecutionContext.b", "Z"}


def test_what_not_every_version_has_is_asked_for_first() -> None:
    source = (NETWORKS / "engine.py").read_text(encoding="utf-8")
    partly = {name for name, span in names.TENSORRT.items() if span != names.ALWAYS}
    assert partly == set(names.TENSORRT_GUARDS)
    assert [guard for guard in names.TENSORRT_GUARDS.values() if guard not in source] == []


def test_the_fakes_have_what_their_version_has_and_lack_the_rest(engine_module: ModuleType) -> None:
    trt = engine_module.trt
    expected = of_version(trt.__version__)
    plain = {name for name in names.TENSORRT if name.split(".")[0] not in
             ("ICudaEngine", "IExecutionContext", "INetworkDefinition", "ITensor")}

    def there(name: str) -> bool:
        at = trt
        for part in name.split("."):
            if not hasattr(at, part):
                return False
            at = getattr(at, part)
        return True

    assert {name for name in plain if there(name)} == expected & plain


def test_names_of_the_jetsons_libraries(fake_jetson: ModuleType) -> None:
    """In the table, in the code and in the fakes: the same."""
    import jetson_inference

    source = (ROOT / "edge_lpr" / "capture" / "jetson.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    capital = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
               and (re.match(r"(cuda|video|detect)?[A-Z]", node.attr))}
    table = {name.split(".")[-1] for name in (*names.JETSON_UTILS, *names.JETSON_INFERENCE)}
    assert capital - {"ClassID", "IGNORECASE"} == table
    for module, some in ((fake_jetson, names.JETSON_UTILS), (jetson_inference, names.JETSON_INFERENCE)):
        for name in some:
            at = module
            for part in name.split("."):
                at = getattr(at, part)


@pytest.fixture
def fake_jetson(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    pytest.importorskip("av", reason="PyAV is not installed (extra `cpu`)")
    monkeypatch.syspath_prepend(str(FAKES / "jetson"))
    yield importlib.import_module("jetson_utils_python")
    for name in ("jetson_utils_python", "jetson_inference"):
        sys.modules.pop(name, None)


def make_stubs(library: Path, folder: Path) -> None:
    """Shared objects with the names that a binding links to, and nothing behind them: enough to import it."""
    tools = [shutil.which(tool) for tool in ("readelf", "nm", "cc")]
    if None in tools:
        pytest.skip("binutils and a C compiler are needed")
    needed = re.findall(r"\[(libnv[^\]]+)\]", subprocess.run([tools[0], "-d", library], capture_output=True, text=True,
                                                            check=True).stdout)
    listing = subprocess.run([tools[1], "-D", "--undefined-only", library], capture_output=True, text=True, check=True)
    lacking = [line.split()[1] for line in listing.stdout.splitlines()
               if line.split()[0] == "U" and "@" not in line and not line.split()[1].startswith(("Py", "_Py"))]
    code = "".join(f'void *s{at}(void) __asm__("{name}"); void *s{at}(void) {{ return 0; }}\n'
                   for at, name in enumerate(lacking))
    folder.mkdir()
    for at, name in enumerate(needed):
        source = folder / f"{at}.c"
        source.write_text(code if at == 0 else "")
        command = [tools[2], "-shared", "-fPIC", f"-Wl,-soname,{name}", "-o", str(folder / name), str(source)]
        subprocess.run(command, check=True)


@pytest.mark.skipif(not os.environ.get("EDGE_LPR_TEST_BINDINGS"),
                    reason="EDGE_LPR_TEST_BINDINGS=1 fetches TensorRT's real Python bindings (1 MB each) to look at")
@pytest.mark.parametrize("version", sorted(BINDINGS))
def test_the_real_bindings_have_the_names(version: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest",
               str(tmp_path), f"{BINDINGS[version]}=={version}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"{version} cannot be had for this Python: {done.stderr.strip()[-200:]}")
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "wheel")
    make_stubs(next((tmp_path / "wheel").rglob("tensorrt.so")), tmp_path / "stubs")
    missing = look([sys.executable], "tensorrt_bindings", {"PYTHONPATH": str(tmp_path / "wheel"),
                                                           "LD_LIBRARY_PATH": str(tmp_path / "stubs")})
    assert set(names.TENSORRT) - set(missing) == of_version(version)


REAL = os.environ.get("EDGE_LPR_TENSORRT_PYTHON", "")
needs_real = pytest.mark.skipif(
    not REAL, reason="EDGE_LPR_TENSORRT_PYTHON names a Python with a real tensorrt (8.6.0 for 3.10 is on the index)"
)


@needs_real
def test_a_real_tensorrt_has_the_names() -> None:
    version = python("import tensorrt; print(tensorrt.__version__)").stdout.strip()
    assert set(names.TENSORRT) - set(look([REAL], "tensorrt", {})) == of_version(version)


@needs_real
def test_our_logger_suits_a_real_tensorrt_which_dies_without_a_driver_where_we_ask_first() -> None:
    """On a machine without an NVIDIA driver."""
    from edge_lpr.errors import BackendUnavailable
    from edge_lpr.networks.cuda import probe

    try:
        probe()
        pytest.skip("there is a GPU here")
    except BackendUnavailable:
        pass
    prelude = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nfrom edge_lpr.networks.tensorrt import Voice, trt\n"
    assert python(f"{prelude}Voice(); print('made')").stdout.strip() == "made"
    assert python(f"{prelude}trt.Runtime(Voice())").returncode != 0, "this is why the driver is asked first"
    asked = python(f"{prelude}from edge_lpr.networks.engine import here\nhere()")
    assert asked.returncode == 1 and "BackendUnavailable: no NVIDIA driver" in asked.stderr


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([REAL, "-c", code], capture_output=True, text=True, timeout=300, check=False)


def look(interpreter: list[str], module: str, environment: dict[str, str]) -> list[str]:
    """The table's names that a module lacks."""
    done = subprocess.run([*interpreter, "-c", LOOK, module, json.dumps(sorted(names.TENSORRT))], capture_output=True,
                          text=True, timeout=300, env={**os.environ, **environment}, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_install_is_a_fixture_of_every_generation(install_tensorrt: Callable[[str], ModuleType]) -> None:
    for version in ("8.6.2", "10.3.0", "10.13.3", "11.4.0"):
        assert install_tensorrt(version).trt.__version__ == version
