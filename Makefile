# Each target builds what it needs. With Python 3.11 or newer, its venv module and make, `make run` and `make test`
# are the only two commands you need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEV := $(VENV)/.installed-dev

# What `make install` installs: below DESTDIR if it is set (for a package, say). Then this system is not changed.
DESTDIR ?=
# A folder of wheels, where there is no network: `make wheels` makes it.
WHEELS ?=
APP := $(DESTDIR)/opt/reeld
UNITS := $(DESTDIR)/etc/systemd/system
PAGES := $(addprefix usr/local/share/,man/man8/reeld.8 man/man5/reeld.toml.5 bash-completion/completions/reeld \
  zsh/site-functions/_reeld) etc/fish/completions/reeld.fish
INSTALLER = $(PYTHON) systemd/install.py

HAS_PYTHON = command -v $(PYTHON) >/dev/null || { echo "there is no $(PYTHON): reeld needs Python 3.11 or newer;" \
  "make $@ PYTHON=/usr/bin/python3.13 names another" >&2; exit 1; }
OLD_ENOUGH := 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "reeld needs Python 3.11 or newer")'
STARTABLE := 'import os, sys; path = os.path.realpath(sys.executable); sys.exit(None if path.startswith("/usr/") else \
  f"the service may start nothing but what lies in /usr, and {path} does not: make install PYTHON=/usr/bin/python3")'

.PHONY: run test check accuracy media bench soak clean install wheels uninstall man completion test-systemd

# Run the daemon in the foreground: with config.toml, or on one folder with `make run LIBRARY=/some/path`.
run: $(INSTALLED)
	$(BIN)/reeld --config config.toml run $(if $(LIBRARY),--library "$(LIBRARY)")

# Run the whole test suite; `make test ARGS="-k settle"` runs a part of it. More processes than cores: the tests of the
# real daemon mostly wait. The tests of one file stay together, since they share a daemon. The longest files run first.
test: $(DEV)
	$(BIN)/pytest -n 5 --dist loadfile --no-loadscope-reorder $(ARGS)

# Check format, lint, types, and the direction of the imports.
check: $(DEV)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/pytest tests/test_architecture.py

# Run the benchmarks, and print ratios to yardsticks of the same run.
bench: $(DEV)
	$(BIN)/python daemon/bench/run.py $(ARGS)

# Print how many names of the project's corpus are accepted and read correctly, beside the goals.
accuracy: $(DEV)
	$(BIN)/python -m tests.identify.accuracy $(ARGS)

# Make videos with the tools that are installed (ffmpeg, mkvtoolnix, atomicparsley; `pip install imageio-ffmpeg` for a
# newer ffmpeg), and print which are read rightly. `make media ARGS=late.mkv` makes only these.
media: $(DEV)
	$(BIN)/python -m tests.media.check $(ARGS)

# Compare catalogue and disk during hours of mixed changes; `make soak ARGS="--minutes 60 --seed 7"`.
soak: $(DEV)
	$(BIN)/pytest -m soak
	$(BIN)/python -m tests.model.soak $(ARGS)

# As root: install reeld as a system service, or upgrade it. An existing configuration stays as it is, and a running
# reeld is restarted. An install that fails changes nothing. With WHEELS=DIR it needs no network.
install:
	@$(HAS_PYTHON)
	@$(PYTHON) -c $(OLD_ENOUGH)
ifeq ($(DESTDIR),)
	@$(PYTHON) -c $(STARTABLE)
endif
	@$(INSTALLER) install --destdir="$(DESTDIR)" --wheels="$(WHEELS)"

# Fill the folder WHEELS with all that `make install WHEELS=DIR` needs on a machine with the same Python.
wheels:
	@$(HAS_PYTHON)
	@$(PYTHON) -c $(OLD_ENOUGH)
	@$(INSTALLER) wheels --wheels="$(WHEELS)"

# As root: remove what `make install` installed, also half of it. It needs no Python. The catalogue (/var/lib/reeld), the
# configuration, your own drop-ins and the user account stay.
uninstall:
ifeq ($(DESTDIR),)
	@test "$$(id -u)" = 0 || { echo "make uninstall: it removes files of /opt and /etc, which needs root:" \
	  "sudo make uninstall" >&2; exit 1; }
	test ! -e $(UNITS)/reeld.service || systemctl disable --now reeld.service
endif
	rm -f $(UNITS)/reeld.service $(UNITS)/reeld.service.d/backoff.conf $(DESTDIR)/etc/sysusers.d/reeld.conf
	rm -f $(UNITS)/.reeld.service.new $(UNITS)/reeld.service.d/.backoff.conf.new $(DESTDIR)/etc/reeld/.config.toml.new
	rm -f $(DESTDIR)/etc/sysusers.d/.reeld.conf.new
	rm -f $(DESTDIR)/usr/local/bin/reeld $(DESTDIR)/usr/local/bin/.reeld.new
	for page in $(PAGES); do rm -f $(DESTDIR)/$$page $(DESTDIR)/$${page%/*}/.$${page##*/}.new; done
	rm -rf $(APP).new $(APP).old
	test ! -e $(APP)/pyvenv.cfg -a ! -e $(APP)/bin/reeld || rm -rf $(APP)
ifeq ($(DESTDIR),)
	systemctl daemon-reload
	@{ command -v mandb >/dev/null && mandb --quiet /usr/local/man:/usr/local/share/man; } || true
	@echo "removed reeld; /etc/reeld, /var/lib/reeld, your drop-ins and the user reeld stay"
endif

# Write the manual pages to build/man; `man -l build/man/man8/reeld.8` shows one.
man: $(INSTALLED)
	$(BIN)/python daemon/man/write.py build/man

# Write the completions of bash, zsh and fish below build.
completion: $(INSTALLED)
	$(BIN)/python daemon/completion/write.py build

# Boot a systemd of its own on a copy of this system, follow "Run it as a service" of README.md there, and write the
# results to daemon/SYSTEMD.md. As root, with systemd-nspawn (Debian package systemd-container).
test-systemd: $(DEV)
	$(BIN)/pytest --exitfirst tests/systemd/booted.py tests/systemd/trouble.py $(ARGS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .bench

$(INSTALLED): pyproject.toml daemon/reeld/__init__.py
	@$(PYTHON) -c $(OLD_ENOUGH)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(DEV): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@
