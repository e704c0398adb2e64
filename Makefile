# `make run` and `make test` set everything up themselves; a second call starts at once.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
OUT    ?= out/demo
# A Jetson's TensorRT and jetson_utils are packages of the system: its virtual environment must see them.
VENV_ARGS ?= $(if $(wildcard /etc/nv_tegra_release),--system-site-packages)

.PHONY: run test test-system test-gpu soak lint venv clean

run: $(VENV)/.installed
	$(BIN)/edge-lpr demo --out $(OUT)

test: $(VENV)/.installed
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# The installed service under a real systemd: takes root, debootstrap, systemd-container, and about a quarter of an hour.
test-system: $(VENV)/.installed
	EDGE_LPR_SYSTEM=1 $(BIN)/python -m pytest tests/system -s $(PYTEST_ARGS)

# Hours' worth of frames with faults drawn from a seed; a chart and a table of what grew in out/soak.
soak: $(VENV)/.installed
	$(BIN)/python -m tests.system.soak --out out/soak $(SOAK_ARGS)

# On a Jetson, or any machine with an NVIDIA GPU: what only it can show. GPU_ARGS='--camera csi://0' for the camera.
test-gpu: $(VENV)/.installed
	$(BIN)/python -m tests.hardware $(GPU_ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff check edge_lpr tests setup.py
	$(BIN)/mypy

venv: $(VENV)/.installed

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "edge_lpr needs Python 3.10 or newer; name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV_ARGS) $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.created setup.py pyproject.toml
	$(BIN)/python -m pip install --quiet -e '.[cpu,dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist out *.egg-info
