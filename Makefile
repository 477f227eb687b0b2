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
# Every target but lab and fresh needs more: what the tests need, a hub, the website or the book.
test class-test notebooks screenshot bench soak: EXTRA = [site,test]
hub: EXTRA = [hub]
site: EXTRA = [site]
slides book: EXTRA = [book]
WHO = $(or $(patsubst [%],the % needs,$(filter [hub] [site] [book],$(EXTRA))),the tests need)

help:
	@echo 'make lab        open your own copy of the chapters, work/, in JupyterLab'
	@echo 'make fresh CHAPTER=03   put a fresh copy of a chapter beside yours'
	@echo 'make test       run every test, and every notebook against its stored outputs'
	@echo 'make notebooks  run the notebooks anew and save them in place'
	@echo 'make screenshot take the picture in README.md anew'
	@echo 'make site       make the website from the stored outputs: site/build/html/index.html'
	@echo 'make slides     make slides of the chapters: site/build/slides/index.html'
	@echo 'make book       make the book: named-pipes.pdf and named-pipes.epub in site/build/book'
	@echo 'make bench      print what the helpers cost, as ratios'
	@echo 'make hub        start a JupyterHub for a class: see classroom/README.md'
	@echo 'make class-test test a hub with two learners: as root, some minutes'
	@echo 'make soak N=100 run the notebooks N times, every second time on busy processors'
	@echo 'make lock       renew requirements.lock, the versions that are installed (needs uv)'
	@echo 'make clean      remove what was set up and what the tests left'
	@echo 'Options: PYTHON=python3.12 at the first call; ARGS="…" for JupyterLab or pytest,'
	@echo '         e.g. make lab ARGS="--port 9999"; NEWEST=1 for the newest versions;'
	@echo '         UV= for pip where uv is installed'

lab: setup
	@exec .venv/bin/python -m pipe_helpers.chapters lab $(ARGS)

fresh: setup
	@.venv/bin/python -m pipe_helpers.chapters fresh '$(CHAPTER)' $(ARGS)

test: setup
	@.venv/bin/python -m pytest $(ARGS)

# It makes a clone and users of its own; what can't be done here fails, and is not skipped.
class-test: setup
	@KIT_CLASS=1 KIT_REQUIRE_BROWSER=1 .venv/bin/python -m pytest --numprocesses=0 \
	    tests/test_classroom.py $(ARGS)

# The hub has an environment of its own, of which learners need none; its proxy is of Node.js.
# Modules are compiled here, since learners can't write here.
HUB_STAMP = { pwd -P; cat requirements.lock classroom/package-lock.json | cksum; }
hub: setup
	@stop() { echo "$$1" >&2; exit 1; }; \
	for name in node npm; do \
	    command -v $$name >/dev/null || \
	        stop "The proxy of JupyterHub needs $$name: on Debian or Ubuntu, apt install npm"; \
	done; \
	[ "$$($(HUB_STAMP))" = "$$(cat classroom/.venv/ready 2>/dev/null)" ] || { \
	    echo 'Setting up the hub in classroom/.venv: once, a minute'; \
	    rm -rf classroom/.venv; \
	    .venv/bin/python -m venv classroom/.venv && \
	    $(LOCKED) PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 \
	    classroom/.venv/bin/python -m pip install --quiet jupyterhub jupyterhub-idle-culler && \
	    npm ci --prefix classroom --silent --no-audit --no-fund || \
	        stop 'The hub could not be installed: is there a network? Then try again'; \
	    $(HUB_STAMP) >classroom/.venv/ready; \
	}; \
	.venv/bin/python -m compileall -q pipe_helpers; \
	exec classroom/.venv/bin/jupyterhub --config classroom/jupyterhub_config.py $(ARGS)

notebooks: setup
	@.venv/bin/python tests/tools/save_notebooks.py $(ARGS)

screenshot: setup
	@.venv/bin/python tests/tools/screenshot.py $(ARGS)

# A link that leads nowhere is a warning, and fails.
site: setup
	@.venv/bin/python -m sphinx --quiet --write-all --fail-on-warning --keep-going site site/build/html $(ARGS)
	@echo 'The website is in site/build/html: open site/build/html/index.html'

slides book: setup
	@.venv/bin/python site/$@.py $(ARGS)

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
	rm -rf .venv classroom/.venv classroom/node_modules site/build site/notebooks .pytest_cache .hypothesis .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# .venv/ready and .venv/ready[site,test] hold the stamp under which each part was installed. What the
# tests need is added to the learner's part, and while that goes on nothing counts as ready.
setup:
	@stop() { echo "$$1" >&2; exit 1; }; \
	ready() { [ "$$($(STAMP))" = "$$(cat ".venv/ready$$1" 2>/dev/null)" ]; }; \
	packages() { ls -l .venv/lib/python*/site-packages; }; \
	trap 'exit 130' INT; trap 'exit 143' TERM; \
	if ready '' && .venv/bin/python -I -c 'import pipe_helpers' 2>&1; then \
	    ! ready '$(EXTRA)' || exit 0; \
	    echo "Adding what $(WHO) to .venv: once, a minute or two"; \
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

.PHONY: help lab fresh test class-test hub notebooks screenshot site slides book bench soak lock clean setup
