# Lineations: every command of the workbook. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# The first Python that is new enough and can make a virtual environment;
# `make workbook PYTHON=/path/to/python3.11` names another.
CAN := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
	$$p -c "$(CAN)" 2>/dev/null && { echo $$p; break; }; done)

BIN := .venv/bin
INSTALLED := .venv/.installed
LAB_SETTINGS := .venv/share/jupyter/lab/settings
NO_NEWS := {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
KERNEL_SETTINGS := .venv/etc/ipython
# each figure finds its margins itself, so that no notebook draws it twice to cut them
DRAWN_ONCE := {"InlineBackend": {"print_figure_kwargs": {"bbox_inches": null}, \
	"rc": {"figure.constrained_layout.use": true}}}
NBVAL := --nbval-lax --nbval-current-env --nbval-sanitize-with tests/nbval_sanitize.cfg
# two files of tests at once, in the order written (notebooks take longest, so they come first),
# each process with one thread
ONE_THREAD := OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest -ra --durations=15 -n 2 --dist loadfile --no-loadscope-reorder \
	$(NBVAL)

unexport MPLBACKEND

.PHONY: help demo compare workbook test test-all test-rest lab map figures site student fuzz train lint bench \
	data clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: $(INSTALLED) ## a first map: one small real survey, its lines, what they show
	@$(BIN)/python tools/make_demo.py

workbook: export LMA_LEFT_OUT := $(CURDIR)/build/left_out.txt
workbook: $(INSTALLED) ## run all notebooks into build/, redraw the figures, print the scores
	@rm -f $(LMA_LEFT_OUT)
	$(BIN)/python tools/run_notebooks.py
	$(BIN)/python tools/make_figures.py
	$(BIN)/python tools/print_scores.py
	@$(BIN)/python -c "from helpers import data; print(data.left_out() or 'Nothing was left out.')"

test: $(INSTALLED) lint ## lint, unit tests, notebooks 00 to 05, a figure of each kind, a browser
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || command -v chromium-browser >/dev/null || \
		echo "No chromium on this machine (Debian: apt-get install chromium): no browser test."
	$(PYTEST) -m "not rest" notebooks tests

test-rest: $(INSTALLED) ## what test-all adds: notebooks A and S, training, all figures, all browser
	$(PYTEST) -m rest notebooks tests

test-all: test test-rest ## everything

# as root, as in a container, Jupyter asks for --allow-root; LAB="--no-browser --port=8890" adds more
ROOTLY := $(shell test "$$(id -u)" = 0 && echo --allow-root)
lab: $(INSTALLED) ## open JupyterLab on notebooks/
	$(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" $(ROOTLY) $(LAB) \
		--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb

# What is written behind make map reaches the tool as it stands, through the environment (as
# MAP_TRACKS and so on): neither make nor the shell reads it. What the environment itself holds under
# these names, such as the COLUMNS of a terminal, does not count.
MAP_OPTIONS := TRACKS GRID BOX NAME SPACING COLUMNS VARIABLE CRS UNITS PRIOR PICKS
$(foreach option,$(MAP_OPTIONS),$(if $(filter command line,$(origin $(option))),\
	$(eval override $(option) := $$(value $(option))) \
	$(eval export MAP_$(option) := $$(value $(option)))))
map: $(INSTALLED) ## lines of your own tracks: make map TRACKS=folder/ BOX="W E S N"
	@$(BIN)/python tools/make_map.py --as-make

compare: $(INSTALLED) ## judge a map: make compare TRACKS=folder/ PICKS=file.gmt BOX="W E S N"
	@$(BIN)/python tools/make_compare.py --as-make

figures: $(INSTALLED) ## redraw figures/ and its index, without Jupyter
	$(BIN)/python tools/make_figures.py

site: $(INSTALLED) ## render all notebooks as web pages into build/site/
	$(BIN)/python tools/make_site.py

student: $(INSTALLED) ## the version for students, without solutions, into build/student/
	$(BIN)/python tools/make_student.py

fuzz: $(INSTALLED) ## read 20,000 files damaged at random: none may be read wrong or end the program
	$(BIN)/python tools/fuzz.py

train: $(INSTALLED) ## train the models again; writes data/models/ and data/results/
	$(BIN)/python tools/train.py

lint: $(INSTALLED) ## ruff
	$(BIN)/ruff check .

bench: $(INSTALLED) ## measure speed, memory, real data (PART=real is one part); writes data/results/
	$(BIN)/python -m studies.bench $(PART)

data: $(INSTALLED) ## make the embedded data again (needs network)
	$(BIN)/python tools/make_data.py

clean: ## remove what the commands made, but not .venv
	rm -rf build .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

# .venv holds the exact versions of requirements.lock and the project itself (editable)
$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" && "$(PYTHON)" -c "$(CAN)" 2>/dev/null || { \
		echo "Python 3.11 to 3.13 with its venv module is needed, and none was found." >&2; \
		echo "Debian, Ubuntu: apt-get install python3 python3-venv" >&2; exit 1; }
	@echo "Installing the packages into .venv, once; this takes some minutes without a word ..."
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation -e .
	@mkdir -p $(LAB_SETTINGS) && echo '$(NO_NEWS)' > $(LAB_SETTINGS)/overrides.json
	@mkdir -p $(KERNEL_SETTINGS) && echo '$(DRAWN_ONCE)' > $(KERNEL_SETTINGS)/ipython_kernel_config.json
	@touch $@
