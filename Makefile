# What a developer types. Everything is made inside this folder; `make` alone lists the targets.
#
# What is installed is pinned in requirements/dev.txt. Plain requirement files, because the pip that comes with
# Python 3.10 does not know dependency groups; requirements/pin.py keeps them equal to pyproject.toml.

PYTHON ?= python3
VENV ?= .venv
TEST_VENV ?= .test-venv
AUDIT_VENV ?= .venv-audit
AUDITOR := pip-audit==2.10.1
# Server tests start processes of their own: more workers than this gain little.
WORKERS ?= 2
# More words for pytest: make quick ARGS="-k naming -x"
ARGS ?=
# Where `make serve` stores, and more words for it: make serve DIR=/srv/in SERVE="--port 9000"
DIR ?= uploads
SERVE ?=
# What random faults are drawn from, and the page to write the counts into: make faults SEED=7 TABLE=docs/reference/fault-runs.md
SEED ?= draw
TABLE ?=
# For how long each fuzzing target runs, and which (all): make fuzz MINUTES=60 TARGETS="forms names"
BENCH_VENV ?= .venv-bench
FUZZ_VENV ?= .venv-fuzz
MINUTES ?= 5
TARGETS ?=

PINS := requirements/dev.txt
PIP := -m pip --disable-pip-version-check --no-input
# One worker takes a whole module, so that a server which a module starts is started once.
PARALLEL := -n $(WORKERS) --dist loadscope
SLOW := slow or servers or browser or corpora or stores or full
# Folders with hardly anything else: to import them takes seconds.
NEVER_QUICK := browser clients fuzz ietf object_store tus

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
unexport PYTHONPATH

.PHONY: help serve test quick check full faults fuzz audit bench clean system gunicorns

help:
	@echo 'make serve   a page to upload to, on a streaming server at http://127.0.0.1:8000, storing into ./$(DIR)'
	@echo 'make quick   the tests that need no server, browser or patience: under a minute'
	@echo 'make check   formatting, lint and types'
	@echo 'make test    everything: check, then all tests against the built wheel, with coverage'
	@echo 'make full    what make test leaves out: minutes and gigabytes'
	@echo 'make faults  the fault tests at their full counts, and the table of them: about an hour'
	@echo 'make fuzz    random input for every parser: MINUTES ($(MINUTES)) for each; needs Python 3.11 to 3.13'
	@echo 'make audit   what is known to be wrong with the pinned versions: asks PyPI'
	@echo 'make bench   speed, processor time and memory beside other upload servers: twenty minutes on an idle machine'
	@echo 'make clean   remove what the others made, except $(VENV) and uploads'

# ---- virtualenvs ---------------------------------------------------------------------------------------------------

# $(call venv,DIR): a virtualenv with pip in it, made unless it is there. Debian without python3-venv leaves a half-made
# one behind, which must not pass for a virtualenv next time.
define venv
@test -f $(1)/pyvenv.cfg || { \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo 'ajaxupload needs Python 3.10 or newer: make PYTHON=/path/to/python3' >&2; exit 1; }; \
	$(PYTHON) -m venv $(1) \
		|| { rm -rf $(1); echo 'No virtualenv could be made. On Debian: apt-get install python3-venv' >&2; exit 1; }; \
	echo "made $(1) with $$($(1)/bin/python --version)"; }
@$(1)/bin/python $(PIP) --version >/dev/null \
	|| { echo '$(1) has no pip: remove it, and make builds a new one' >&2; exit 1; }
endef

# For developing: every tool, and the source tree itself.
$(VENV)/dev.stamp: pyproject.toml $(PINS)
	$(call venv,$(VENV))
	$(VENV)/bin/python $(PIP) install --quiet -r $(PINS)
	$(VENV)/bin/python $(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# For serving: only what serving needs.
$(VENV)/serve.stamp: pyproject.toml $(PINS)
	$(call venv,$(VENV))
	$(VENV)/bin/python $(PIP) install --quiet --constraint $(PINS) --editable '.[serve]'
	@touch $@

# For `make test`: the tools without the source tree; the wheel follows each time it is built.
$(TEST_VENV)/tools.stamp: $(PINS)
	$(call venv,$(TEST_VENV))
	$(TEST_VENV)/bin/python $(PIP) install --quiet -r $(PINS)
	@touch $@

# For `make fuzz`: atheris, and the parsers that ours is compared with.
$(FUZZ_VENV)/fuzz.stamp: pyproject.toml $(PINS) requirements/fuzz.txt
	$(call venv,$(FUZZ_VENV))
	@$(FUZZ_VENV)/bin/python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { rm -rf $(FUZZ_VENV); \
		echo 'atheris is there for Python 3.11 to 3.13: make fuzz PYTHON=/path/to/one' >&2; exit 1; }
	$(FUZZ_VENV)/bin/python $(PIP) install --quiet --only-binary atheris --constraint $(PINS) -r requirements/fuzz.txt \
		--editable '.[django,images]'
	@touch $@

# For `make bench`: the peers beside the tools. One that cannot be installed is left out, and the results say so.
$(BENCH_VENV)/bench.stamp: pyproject.toml $(PINS) requirements/bench.txt
	$(call venv,$(BENCH_VENV))
	$(BENCH_VENV)/bin/python $(PIP) install --quiet -r $(PINS)
	$(BENCH_VENV)/bin/python $(PIP) install --quiet --no-deps --no-build-isolation --editable .
	$(BENCH_VENV)/bin/python $(PIP) install --quiet -r requirements/bench.txt && touch $@ \
		|| echo '*** NOT INSTALLED: requirements/bench.txt. Peers of it will be missing.' >&2
benchmarks/node_modules/.stamp: benchmarks/package.json | $(BENCH_VENV)/bench.stamp
	PATH="$(abspath $(BENCH_VENV))/bin:$$PATH" npm install --prefix benchmarks --no-package-lock --ignore-scripts --no-audit \
		--no-fund --loglevel=error && touch $@ \
		|| echo '*** NOT INSTALLED: benchmarks/package.json. Peers of Node.js will be missing.' >&2

# For the widget's tests (eslint, tsc, axe), Azure's stand-in, and tus-js-client. No lock file: package.json pins, and a lock would record download addresses.
JS := tests/js/node_modules/.stamp tests/object_store/node_modules/.stamp tests/ietf/node_modules/.stamp tests/clients/node_modules/.stamp \
	tests/tus/node_modules/.stamp
%/node_modules/.stamp: %/package.json | $(VENV)/dev.stamp
	PATH="$(abspath $(VENV))/bin:$$PATH" npm install --prefix $* --no-package-lock --ignore-scripts --no-audit --no-fund \
		--loglevel=error
	@touch $@

# The gunicorns that are supported beside the newest, whose insides are looked at when a body is received.
GUNICORNS := 23.0.0 24.1.1 25.3.0 26.2.0
OLDER := $(GUNICORNS:%=.gunicorns/%/.stamp)
.gunicorns/%/.stamp: | $(VENV)/dev.stamp
	$(VENV)/bin/python $(PIP) install --quiet --no-deps --upgrade --target $(@D) gunicorn==$*
	@touch $@

# ---- targets -------------------------------------------------------------------------------------------------------

serve: $(VENV)/serve.stamp
	$(VENV)/bin/ajaxupload serve '$(DIR)' $(SERVE)

# AJAXUPLOAD_QUICK: property tests draw 20 examples instead of 100. PYTHONMALLOC, here and in `make test`: dev mode's
# checks and warnings, without the allocator that fills and guards each block, which takes a seventh of the time.
quick: $(VENV)/dev.stamp
	CI= AJAXUPLOAD_QUICK=1 PYTHONDEVMODE=1 PYTHONMALLOC=pymalloc $(VENV)/bin/python -m pytest $(PARALLEL) \
		-m 'not ($(SLOW))' $(addprefix --ignore tests/,$(NEVER_QUICK)) $(ARGS)

check: $(VENV)/dev.stamp
	$(VENV)/bin/python -m ruff format --check
	$(VENV)/bin/python -m ruff check
	$(VENV)/bin/python -m mypy

# Programs that some tests need and pip cannot install; a CI machine gets them here, a developer's is told.
system:
	@bash .ci/system '$(PYTHON)'

gunicorns: $(OLDER)

# The wheel is built from the source distribution, so that both are known to be whole.
test: system check $(TEST_VENV)/tools.stamp $(JS) $(OLDER)
	rm -rf build .coverage .coverage.* .pytest_cache
	mkdir build
	$(VENV)/bin/python -m build --no-isolation --outdir build/dist . >build/log 2>&1 || { cat build/log >&2; exit 1; }
	$(TEST_VENV)/bin/python $(PIP) uninstall --quiet --yes ajaxupload
	$(TEST_VENV)/bin/python $(PIP) install --quiet --constraint $(PINS) "$$(echo build/dist/ajaxupload-*.whl)[all]"
	$(TEST_VENV)/bin/python $(PIP) check
	export PATH="$(abspath $(TEST_VENV))/bin:$$PATH" AJAXUPLOAD_EXPECT_WHEEL=1 PYTHONDEVMODE=1 PYTHONMALLOC=pymalloc; \
	$(TEST_VENV)/bin/python -m coverage run -m pytest $(PARALLEL) --durations=10 -m 'not full' --junitxml=build/junit.xml $(ARGS) \
		|| $(TEST_VENV)/bin/python tests/second_try.py $$? build/junit.xml
	$(TEST_VENV)/bin/python -m coverage combine --quiet
	$(TEST_VENV)/bin/python -m coverage report --skip-covered
	$(TEST_VENV)/bin/python -m coverage json --quiet -o build/coverage.json
	$(TEST_VENV)/bin/python tests/coverage_gate.py build/coverage.json

# What takes minutes or gigabytes each; one after the other.
full: system $(VENV)/dev.stamp $(JS) $(OLDER)
	PATH="$(abspath $(VENV))/bin:$$PATH" $(VENV)/bin/python -m pytest -o faulthandler_timeout=3600 -m full $(ARGS)

# Ours and its peers on the same work, side by side. `make bench ARGS="--only raw --size 64MiB --rounds 1"` is a minute;
# ARGS=--help lists the words. Results: benchmarks/RESULTS.md, or below build/ where they are not to be published.
bench: $(BENCH_VENV)/bench.stamp benchmarks/node_modules/.stamp
	PATH="$(abspath $(BENCH_VENV))/bin:$$PATH:/usr/sbin:/sbin" $(BENCH_VENV)/bin/python -m benchmarks $(ARGS)

# What is of interest is kept in .fuzz, and the next run begins there; so is an input that fails.
fuzz: $(FUZZ_VENV)/fuzz.stamp
	$(FUZZ_VENV)/bin/python -W ignore::DeprecationWarning -m tests.fuzz.run --minutes $(MINUTES) $(TARGETS)

# Each fault as often as the documents say, part of what `make full` runs. What measures time or memory comes second,
# with nothing beside it; the table at the end is of both.
FAULTS = PATH="$(abspath $(VENV))/bin:$$PATH" $(VENV)/bin/python -m pytest -o faulthandler_timeout=3600 --durations=10 \
	--faults-table=build/faults.md --faults-seed=$$(cat build/faults.seed)
faults: system $(VENV)/dev.stamp $(JS) $(OLDER)
	@bash .ci/system '$(PYTHON)' faults
	mkdir -p build
	rm -f build/faults.md
	test -z '$(TABLE)' || cp '$(TABLE)' build/faults.md || true
	$(if $(SEED:draw=),echo '$(SEED)',$(PYTHON) -c 'import random; print(random.randrange(1, 1000000))') >build/faults.seed
	$(FAULTS) $(PARALLEL) -m 'faults and not alone' $(ARGS) || test $$? = 5  # nothing of that kind was chosen
	$(FAULTS) -m 'faults and alone' $(ARGS) || test $$? = 5
	test -s build/faults.md
	test -z '$(TABLE)' || cp build/faults.md '$(TABLE)'

# Faults that are known of the pinned versions, those for this Python: by the advisories that PyPI keeps, asked for over
# the network, and so no part of `make test`. Nothing of what is looked up is installed for it.
$(AUDIT_VENV)/audit.stamp:
	$(call venv,$(AUDIT_VENV))
	$(AUDIT_VENV)/bin/python $(PIP) install --quiet $(AUDITOR)
	@touch $@

audit: $(AUDIT_VENV)/audit.stamp
	$(AUDIT_VENV)/bin/pip-audit --requirement $(PINS) --no-deps --disable-pip --strict --progress-spinner off $(ARGS) \
		|| { echo 'Of a package with a fault take the version that mends it: CONTRIBUTING.md, Dependencies.' >&2; exit 1; }

clean:
	rm -rf $(TEST_VENV) $(AUDIT_VENV) $(BENCH_VENV) $(FUZZ_VENV) .fuzz .gunicorns tests/*/node_modules benchmarks/node_modules build dist .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find $(wildcard src tests benchmarks examples requirements) -name __pycache__ -prune -exec rm -rf {} +
