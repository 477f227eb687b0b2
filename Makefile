# Needs Python 3.10 or newer, GNU make (3.81, as on macOS, will do) and sh. Everything it installs
# goes into .venv.
# PYTHON=/path/to/python3  picks the Python that .venv is made with.
# ARGS="…"                 is passed on: make lab ARGS="--port 9999", make test ARGS="-k console".
# NEWEST=1                 installs the newest versions, not those of requirements.lock.
# UV=                      has pip install, also where uv is.

ifneq (,$(filter Windows_NT MINGW% MSYS% CYGWIN%,$(OS) $(shell uname -s)))
$(error Windows has no POSIX named pipes: run "wsl --install", then make in the Linux it installs)
endif

# A module path or home of another Python must not reach the environment.
unexport PYTHONPATH PYTHONHOME

# In the C locale Python reads UTF-8 all the same, unless LC_ALL forbids it (PEP 538).
ifneq (,$(filter C POSIX,$(LC_ALL)))
unexport LC_ALL
endif

# Set-up is redone when pyproject.toml or the lock has changed or the clone has moved. (No path is
# written outside quotes, and none is a make target: the clone's path may contain spaces. The .pth
# file by which Python finds the clone gets a relative path: with LC_ALL=C, Python 3.11 and 3.12 would
# not start if one that is not ASCII stood there.)
STAMP = { pwd -P; cat pyproject.toml requirements.lock | cksum; echo $(if $(NEWEST),newest,locked); }

# The lock constrains the versions only; what is installed pyproject.toml says. Of the two variables
# for builds, which are made apart, an older pip heeds the first. (No hashes: with those, pip would
# want one for the clone as well.)
ifeq (,$(NEWEST))
LOCKED = PIP_CONSTRAINT=requirements.lock PIP_BUILD_CONSTRAINT=requirements.lock \
    UV_CONSTRAINT=requirements.lock UV_BUILD_CONSTRAINT=requirements.lock
endif

UV = uv
# Every target but lab and fresh needs what the tests need.
test notebooks screenshot bench soak: EXTRA = [test]

help:
	@echo 'make lab        open your own copy of the chapters, work/, in JupyterLab'
	@echo 'make fresh CHAPTER=03   put a fresh copy of a chapter beside yours'
	@echo 'make test       run every test, and every notebook against its stored outputs'
	@echo 'make notebooks  run the notebooks anew and save them in place'
	@echo 'make screenshot take the picture in README.md anew'
	@echo 'make bench      print what the helpers cost, as ratios'
	@echo 'make soak N=100 run the notebooks N times, every second time on busy processors'
	@echo 'make lock       renew requirements.lock, the versions that are installed (needs uv)'
	@echo 'make clean      remove .venv and what the tests left'
	@echo 'Options: PYTHON=python3.12 at the first call; ARGS="…" for JupyterLab or pytest,'
	@echo '         e.g. make lab ARGS="--port 9999"; NEWEST=1 for the newest versions;'
	@echo '         UV= for pip where uv is installed'

lab: setup
	@exec .venv/bin/python -m pipe_helpers.chapters lab $(ARGS)

fresh: setup
	@.venv/bin/python -m pipe_helpers.chapters fresh '$(CHAPTER)' $(ARGS)

test: setup
	@.venv/bin/python -m pytest $(ARGS)

notebooks: setup
	@.venv/bin/python tests/tools/save_notebooks.py $(ARGS)

screenshot: setup
	@.venv/bin/python tests/tools/screenshot.py $(ARGS)

bench: setup
	@.venv/bin/python tests/tools/bench.py $(ARGS)

soak: setup
	@.venv/bin/python tests/tools/soak.py $(N)

lock:
	@command -v '$(UV)' >/dev/null || { echo 'make lock needs uv: pip install uv' >&2; exit 1; }
	@echo hatchling | '$(UV)' pip compile --quiet --universal --python-version 3.10 \
	    --no-python-downloads --all-extras --upgrade --no-annotate \
	    --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml -

clean:
	rm -rf .venv .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# .venv/ready and .venv/ready[test] hold the stamp under which each part was installed. What the
# tests need is added to the learner's part, and while that goes on nothing counts as ready.
setup:
	@stop() { echo "$$1" >&2; exit 1; }; \
	ready() { [ "$$($(STAMP))" = "$$(cat ".venv/ready$$1" 2>/dev/null)" ]; }; \
	packages() { ls -l .venv/lib/python*/site-packages; }; \
	trap 'exit 130' INT; trap 'exit 143' TERM; \
	if ready '' && .venv/bin/python -I -c 'import pipe_helpers' 2>&1; then \
	    ! ready '$(EXTRA)' || exit 0; \
	    echo "Adding what the tests need to .venv: once, a minute or two"; \
	    rm -f .venv/ready 2>/dev/null || stop ".venv can't be changed: is this clone another user's?"; \
	    before=$$(packages); \
	    trap '[ "$$before" != "$$(packages)" ] || $(STAMP) >.venv/ready' EXIT; \
	else \
	    case $$PYTHON in \
	    '') set -- python3 python3.14 python3.13 python3.12 python3.11 python3.10 python;; \
	    *)  set -- "$$PYTHON";; \
	    esac; \
	    python=; \
	    for name do \
	        "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
	        && { python=$$name; break; }; \
	    done; \
	    [ "$$python" ] || stop \
	        "No Python 3.10 or newer ($$*): install one, or name it: make PYTHON=/path/to/python3"; \
	    "$$python" -c 'import venv, ensurepip' 2>/dev/null || \
	        stop "$$python has no venv module: on Debian or Ubuntu, apt install python3-venv"; \
	    echo "Setting up .venv with $$("$$python" -V): once, a minute or two"; \
	    trap 'rm -rf .venv' EXIT; \
	    rm -rf .venv; \
	    "$$python" -m venv .venv || stop "$$python could not make .venv in this folder"; \
	fi; \
	if command -v '$(UV)' >/dev/null; then \
	    $(LOCKED) '$(UV)' pip install --quiet --python .venv/bin/python --compile-bytecode \
	        --editable '.$(EXTRA)' || \
	        stop "uv could not install what the kit needs: is there a network? Or try UV= for pip"; \
	else \
	    $(LOCKED) PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 \
	    .venv/bin/python -m pip install --quiet --editable '.$(EXTRA)' || \
	        stop "pip could not install what the kit needs: is there a network? Then try again"; \
	fi; \
	for file in .venv/lib/python*/site-packages/*.pth; do \
	    [ "$$(cat "$$file")" != "$$(pwd -P)" ] || echo ../../../.. >"$$file"; \
	done; \
	for part in '' '$(EXTRA)'; do $(STAMP) >".venv/ready$$part"; done; \
	trap - EXIT

.PHONY: help lab fresh test notebooks screenshot bench soak lock clean setup
