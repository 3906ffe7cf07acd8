# make demo            the whole pipeline on embedded defaults, results page at the end
# make demo MOTION=DIR the same on the BVH files below DIR
# make pretrained      data, training and card of the network that comes with the program (hours)
# make test            linter, type checker and all tests
SHELL := /bin/bash
PYTHON := .venv/bin/python
WORK ?= work/demo$(if $(MOTION),-$(notdir $(abspath $(MOTION))))

.PHONY: setup demo pretrained test lint format lock clean

setup: .venv/.ready

.venv/.ready: requirements.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh

demo: setup
	@.venv/bin/mviper demo --work="$(WORK)" $(if $(MOTION),--motion="$(MOTION)") $(if $(SEED),--seed=$(SEED))

pretrained: setup
	.venv/bin/mviper bench accuracy --config=small --accuracy_seeds=0 --accuracy_out=work/accuracy
	$(PYTHON) -m tools.pretrained_model work/accuracy

test: lint
	$(PYTHON) -m pytest

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

format: setup
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

# Resolves anew; run it after a change of pyproject.toml's dependencies.
lock:
	uv pip compile pyproject.toml --extra dev --python-version 3.11 --python-platform x86_64-manylinux_2_36 \
	    --generate-hashes --no-annotate --no-emit-index-url --quiet -o requirements.lock

clean:
	rm -rf work .pytest_cache .mypy_cache .ruff_cache
