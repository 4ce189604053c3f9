# Each target builds what it needs. With Python 3.11 or newer, its venv module and make, `make run` and `make test`
# are the only two commands you need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEV := $(VENV)/.installed-dev

# What `make install` installs: below DESTDIR if it is set (for a package, say). Then this system is not changed.
DESTDIR ?=
APP := $(DESTDIR)/opt/reeld
UNITS := $(DESTDIR)/etc/systemd/system
MAN := $(DESTDIR)/usr/local/share/man
COMMAND := $(DESTDIR)/usr/local/bin/reeld

OLD_ENOUGH := 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "reeld needs Python 3.11 or newer")'
STARTABLE := 'import os, sys; path = os.path.realpath(sys.executable); sys.exit(None if path.startswith("/usr/") else \
  f"the service may start nothing but what lies in /usr, and {path} does not: make install PYTHON=/usr/bin/python3")'

.PHONY: run test check accuracy media bench soak clean install uninstall man completion test-systemd

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

# As root: install reeld as a system service. An existing configuration stays as it is. A new one names the catalogue's
# path, so that commands find it without systemd. A running reeld is restarted.
install:
	@$(PYTHON) -c $(OLD_ENOUGH)
ifeq ($(DESTDIR),)
	@$(PYTHON) -c $(STARTABLE)
endif
	umask 022; $(PYTHON) -m venv $(APP)
	umask 022; $(APP)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade .
	sed -i '1s|#!$(DESTDIR)|#!|' $(APP)/bin/reeld
	install -d $(dir $(COMMAND)) $(UNITS)/reeld.service.d $(DESTDIR)/etc/reeld $(DESTDIR)/etc/sysusers.d
	ln -sfn /opt/reeld/bin/reeld $(COMMAND)
	test -e $(DESTDIR)/etc/reeld/config.toml || sed 's|^path = ""|path = "/var/lib/reeld/reeld.db"|' config.toml \
	  | install -m 644 /dev/stdin $(DESTDIR)/etc/reeld/config.toml
	install -m 644 systemd/reeld.service $(UNITS)/reeld.service
	install -m 644 systemd/sysusers.conf $(DESTDIR)/etc/sysusers.d/reeld.conf
	umask 022; $(APP)/bin/python -B daemon/man/write.py $(MAN)
ifeq ($(DESTDIR),)
	test "$$(systemctl --version | sed -n 's/^systemd \([0-9]*\).*/\1/p')" -lt 254 \
	  || install -m 644 systemd/backoff.conf $(UNITS)/reeld.service.d/backoff.conf
	systemd-sysusers /etc/sysusers.d/reeld.conf
	systemctl daemon-reload
	systemctl try-restart reeld.service
endif

# As root: remove what `make install` installed. The catalogue (/var/lib/reeld), the configuration, your own drop-ins
# and the user account stay.
uninstall:
ifeq ($(DESTDIR),)
	test ! -e $(UNITS)/reeld.service || systemctl disable --now reeld.service
endif
	rm -f $(UNITS)/reeld.service $(UNITS)/reeld.service.d/backoff.conf $(DESTDIR)/etc/sysusers.d/reeld.conf
	rm -f $(COMMAND) $(MAN)/man8/reeld.8 $(MAN)/man5/reeld.toml.5
	test ! -e $(APP)/bin/reeld || rm -rf $(APP)
ifeq ($(DESTDIR),)
	systemctl daemon-reload
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
	$(BIN)/pytest --exitfirst tests/systemd/booted.py $(ARGS)

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
