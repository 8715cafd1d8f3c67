# `make demo` and `make test` install what they need into .venv first; nothing has to be run before them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# MONAI Label's environment: `make test-label LABEL_MONAI=VERSION`, and LABEL_ENV=full for what its users install.
LABEL_ENV ?= lean
LABEL_MONAI ?= 1.6.1
LABEL_VENV := .venv-label-$(LABEL_ENV)-$(LABEL_MONAI)
LABEL_BIN := $(LABEL_VENV)/bin
LABEL_STAMP := $(LABEL_VENV)/.installed
LABEL_PACKAGES := $(LABEL_VENV)/.packages
# nnU-Net's environment, for grids that compare with it: `make nnunet-env NNUNET_VENV=FOLDER`.
NNUNET_VENV ?= .venv-nnunet
NNUNET_BIN := $(NNUNET_VENV)/bin
# As many files of tests at a time, one core each.
TEST_WORKERS ?= 2
# The wheel's environment lies outside the checkout; `make test-wheel WHEEL_VENV=folder` keeps it for the next time.
WHEEL_VENV ?=

.DEFAULT_GOAL := help
.PHONY: help install demo demo-brats demo-hippocampus demo-myops demo-organoids demo-omics demo-pretraining demo-fusion test browser test-label label-packages nnunet-env wheel test-wheel lint docs docs-check results clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## create .venv with the pinned versions of constraints.txt

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "cladeseg needs Python 3.10 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1)." \
	       "Name another one: make install PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e ".[cluster,dev,dicom,docs,fusion,omics,onnx]"
	@touch $@

demo: install  ## phantoms, training with few fine labels, evaluation, table (at most 15 min on 2 cores)
	$(BIN)/cladeseg demo --output demo

demo-brats: install  ## the same with brains and tumours, four modalities
	$(BIN)/cladeseg demo --output demo-brats --bundle brats

demo-hippocampus: install  ## the same with hippocampi
	$(BIN)/cladeseg demo --output demo-hippocampus --bundle hippocampus

demo-myops: install  ## the same with infarcts, three sequences of few slices
	$(BIN)/cladeseg demo --output demo-myops --bundle myops

demo-organoids: install  ## phantoms of unseen kinds are clustered; ends in a contact sheet (at most 5 min on 2 cores)
	$(BIN)/cladeseg demo --output demo-organoids --bundle organoid_clustering

demo-fusion: install  ## tiles and expression of phantoms, each of which tells other classes apart (at most 5 min on 2 cores)
	$(BIN)/cladeseg demo --output demo-fusion --bundle histology

demo-omics: install  ## omics phantoms with planted informativeness: table and page (at most 5 min on 2 cores)
	$(BIN)/cladeseg demo --output demo-omics --bundle omics

demo-pretraining: install  ## pre-train on phantoms without labels, then one fine case beside scratch (at most 10 min on 2 cores)
	$(BIN)/cladeseg demo --output demo-pretraining --bundle pretraining

test: install  ## the test suite, and whether it covers what pyproject.toml asks for
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --cov -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder

# Node.js is needed for npm alone; where chromium is missing, Debian's package is what the tests start.
browser: install  ## what the tests of pages need: chromium and axe-core (the tests skip without)
	command -v chromium || apt-get install -y --no-install-recommends chromium
	mkdir -p $(VENV)/axe-core
	cd $(VENV)/axe-core && npm pack --silent axe-core@4.14.1 && tar -xzf axe-core-4.14.1.tgz --strip-components=1 package/axe.min.js
	$(BIN)/python -m pytest tests/segmentation/pages

test-label: $(LABEL_STAMP)  ## the contract with MONAI Label over HTTP, in an environment of its own
	$(LABEL_BIN)/python -m pytest -m monailabel tests/segmentation/label

$(LABEL_STAMP): pyproject.toml tests/segmentation/label/lean/lean_torchvision.py $(LABEL_PACKAGES)
	$(MAKE) install-label-$(LABEL_ENV)
	@touch $@

label-packages: $(LABEL_PACKAGES)  ## the lean environment's packages from elsewhere, which need no checkout of their own

$(LABEL_PACKAGES): tests/segmentation/label/lean/requirements.txt
	$(PYTHON) -m venv $(LABEL_VENV)
	test $(LABEL_ENV) != lean || $(LABEL_BIN)/python -m pip install -r $< monai==$(LABEL_MONAI)
	@touch $@

# Without the packages of gigabytes that serving a bundle does not touch.
install-label-lean:
	$(LABEL_BIN)/python -m pip install -r tests/segmentation/label/lean/requirements.txt monai==$(LABEL_MONAI) -e .
	$(LABEL_BIN)/python -m pip install --no-deps monailabel==0.8.5 pydicom-seg==0.4.1 torchvision==0.28.0
	packages=$$($(LABEL_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  cp tests/segmentation/label/lean/lean_torchvision.py "$$packages" && \
	  echo 'import lean_torchvision' > "$$packages/lean_torchvision.pth"

# sam2's build would fetch CUDA unless PyTorch is pinned for it too.
install-label-full:
	echo 'torch==2.13.0' > $(LABEL_VENV)/constraints.txt
	PIP_CONSTRAINT=$$PWD/$(LABEL_VENV)/constraints.txt SAM2_BUILD_CUDA=0 $(LABEL_BIN)/python -m pip install \
	  torch==2.13.0 monai==$(LABEL_MONAI) "pytest>=8,<10" "pytest-timeout>=2.3,<3" -e ".[label]"

# Its torchvision is the CUDA build beside a PyTorch for CPUs, as in MONAI Label's lean environment.
nnunet-env:  ## nnU-Net v2 for `cladeseg benchmark labels --nnunet-env .venv-nnunet`
	$(PYTHON) -m venv $(NNUNET_VENV)
	$(NNUNET_BIN)/python -m pip install -c tests/benchmark/nnunet/environment/constraints.txt nnunetv2
	packages=$$($(NNUNET_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  cp tests/segmentation/label/lean/lean_torchvision.py "$$packages" && \
	  echo 'import lean_torchvision' > "$$packages/lean_torchvision.pth"

wheel: install  ## build the wheel, with the bundles, into dist/
	rm -rf dist
	$(BIN)/python -m pip wheel --no-deps --no-build-isolation -w dist .

# Whatever is not declared, or not in the wheel, is missing there.
test-wheel: wheel  ## new-bundle, train, evaluate, predict and demo with the installed wheel alone (about 4 min)
	venv="$(WHEEL_VENV)"; \
	if [ -z "$$venv" ]; then venv=$$(mktemp -d) && trap 'rm -rf "$$venv"' EXIT; fi; \
	$(PYTHON) -m venv "$$venv" && \
	"$$venv/bin/python" -m pip uninstall -q -y cladeseg && \
	"$$venv/bin/python" -m pip install -q -c constraints.txt dist/*.whl && \
	CLADESEG_WHEEL_PYTHON="$$(cd "$$venv" && pwd)/bin/python" $(BIN)/python -m pytest -m wheel tests/packaging

lint: install  ## formatting, lint rules, types and the Dockerfile
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

docs: install  ## serve the docs site at http://127.0.0.1:8000
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

docs-check: install  ## build the docs site; a broken link or a missing reference is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build -q

results: install  ## write every results page, and their list, from the records of runs in bundles/*/docs/results/records
	$(BIN)/python docs/_site/results_pages.py

clean:  ## remove .venv, caches and the demo's output
	rm -rf $(VENV) .venv-label* .venv-nnunet build dist src/*.egg-info .mypy_cache .ruff_cache .pytest_cache .coverage demo demo-brats demo-hippocampus demo-myops demo-organoids demo-omics demo-pretraining demo-fusion
	find src tests -type d -name __pycache__ -exec rm -rf {} +
