# Needs Python 3.10 or newer, GNU make (3.81, as on macOS, will do) and sh. Everything it installs
# goes into .venv.
# PYTHON=/path/to/python3  picks the Python that .venv is made with.
# ARGS="…"                 is passed on: make lab ARGS="--port 9999", make test ARGS="-k console".

ifneq (,$(filter Windows_NT MINGW% MSYS% CYGWIN%,$(OS) $(shell uname -s)))
$(error Windows has no POSIX named pipes: run "wsl --install", then make in the Linux it installs)
endif

# A module path or home of another Python must not reach the environment.
unexport PYTHONPATH PYTHONHOME

# In the C locale Python reads UTF-8 all the same, unless LC_ALL forbids it (PEP 538).
ifneq (,$(filter C POSIX,$(LC_ALL)))
unexport LC_ALL
endif

# Set-up is redone when pyproject.toml has changed or the clone has moved. (No path is written
# outside quotes, and none is a make target: the clone's path may contain spaces. The .pth file by
# which Python finds the clone gets a relative path: with LC_ALL=C, Python 3.11 and 3.12 would not
# start if one that is not ASCII stood there.)
STAMP = { pwd -P; cksum <pyproject.toml; }

help:
	@echo 'make lab        open JupyterLab at the first chapter'
	@echo 'make test       run every test, and every notebook against its stored outputs'
	@echo 'make notebooks  run the notebooks anew and save them in place'
	@echo 'make screenshot take the picture in README.md anew'
	@echo 'make bench      print what the helpers cost, as ratios'
	@echo 'make soak N=100 run the notebooks N times, every second time on busy processors'
	@echo 'make clean      remove .venv and what the tests left'
	@echo 'Options: PYTHON=python3.12 at the first call; ARGS="…" for JupyterLab or pytest,'
	@echo '         e.g. make lab ARGS="--port 9999"'

lab: setup
	@if ! { [ -d "$$HOME" ] && [ -w "$$HOME" ]; }; then \
	    echo "Your home folder, $$HOME, can't be written: Jupyter uses .venv/home instead" >&2; \
	    HOME="$$(pwd -P)/.venv/home"; export HOME; mkdir -p "$$HOME" || exit; \
	fi; \
	PATH="$$(pwd -P)/.venv/bin:$$PATH" VIRTUAL_ENV="$$(pwd -P)/.venv" JUPYTER_PREFER_ENV_PATH=1 \
	exec .venv/bin/python -m jupyterlab \
	    --config "$$(pwd -P)/notebooks/.jupyter/jupyter_lab_config.py" $(ARGS)

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

clean:
	rm -rf .venv .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

setup:
	@if [ "$$($(STAMP))" = "$$(cat .venv/ready 2>/dev/null)" ] && .venv/bin/python -c '' 2>&1; \
	then exit 0; fi; \
	stop() { echo "$$1" >&2; exit 1; }; \
	case $$PYTHON in \
	'') set -- python3 python3.14 python3.13 python3.12 python3.11 python3.10 python;; \
	*)  set -- "$$PYTHON";; \
	esac; \
	python=; \
	for name do \
	    "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
	    && { python=$$name; break; }; \
	done; \
	[ "$$python" ] || \
	    stop "No Python 3.10 or newer ($$*): install one, or name it: make PYTHON=/path/to/python3"; \
	"$$python" -c 'import venv, ensurepip' 2>/dev/null || \
	    stop "$$python has no venv module: on Debian or Ubuntu, apt install python3-venv"; \
	echo "Setting up .venv with $$("$$python" -V): once, a minute or two"; \
	trap 'rm -rf .venv' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	rm -rf .venv; \
	"$$python" -m venv .venv || stop "$$python could not make .venv in this folder"; \
	PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 \
	.venv/bin/python -m pip install --quiet --editable '.[test]' || \
	    stop "pip could not install what the kit needs: is there a network? Then try again"; \
	for file in .venv/lib/python*/site-packages/*.pth; do \
	    [ "$$(cat "$$file")" != "$$(pwd -P)" ] || echo ../../../.. >"$$file"; \
	done; \
	$(STAMP) >.venv/ready; \
	trap - EXIT

.PHONY: help lab test notebooks screenshot bench soak clean setup
