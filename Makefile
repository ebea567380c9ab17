# What a developer runs. Every target works from a clean clone with Go and git;
# what else is needed is installed on Debian and named elsewhere.

GO ?= go

# The version is the tag of this commit without its "v", else 0.0.0+commit; see
# packaging/version.
export VERSION GO

# Where `make install` puts things; see packaging/install for more.
PREFIX ?= /usr/local
DESTDIR ?=

# What `make packages` builds for, this machine when empty: amd64 arm64.
ARCH ?=

# The demo and its sound server: pulseaudio or pipewire. A desktop that has
# only PipeWire is spared another sound server.
SERVER ?= $(shell command -v pulseaudio >/dev/null || ! command -v pipewire-pulse >/dev/null && echo pulseaudio || echo pipewire)

# Further flags of the benchmark.
BENCHFLAGS ?=

# Further flags of the desktops' table.
DESKTOPSFLAGS ?=

# Further flags of go test, and when one package counts as stuck: most need
# seconds and none four minutes, but a machine may be busy with other things.
TESTFLAGS ?=
TESTTIMEOUT ?= 20m

# The time each fuzz target gets, and the packages to look for targets in.
FUZZTIME ?= 30s
FUZZ ?= ./...

# How often `make starts` starts each player, and which.
STARTS ?= 100
PLAYERS ?= paplay newcomer mpv gst-launch pw-play firefox chromium

# How long `make soak` lasts.
SOAK ?= 10m

# Where `make soak` and `make starts` run: here, or in another Debian of
# packaging/desktop-roots, as ROOT=sid.
ROOT ?=

.PHONY: all build test lint demo bench desktops fuzz soak starts clean packages install uninstall release-check pictures need-go ready test-slow long test-more fresh

all: build

# What Go is missing is said before anything else.
build test lint demo bench desktops fuzz soak starts packages release-check pictures ready test-slow long test-more: need-go
need-go:
	@packaging/need-go

# patoggle-x11keys is the one program with cgo: it links libX11.
build:
	@packaging/debian-setup build
	packaging/compile patoggle patoggle
	packaging/compile patoggle-top patoggle-top
	packaging/compile patoggled patoggled
	packaging/compile patoggle-x11keys patoggle-x11keys

# The packages that are tested apart from the rest, in groups that follow each
# other: before it cmd/patoggle, which takes longest, beside one that waits more;
# after it those that hold programs to their timeouts, and the last of these alone.
FIRST = ./cmd/patoggle ./pulse
TIMED = ./internal/daemon ./internal/soak
ALONE = ./internal/hostile

# What tests need is fetched and compiled before them: no test waits for it. What
# vet finds out is kept with it.
ready:
	@packaging/debian-setup build test
	@packaging/tools nfpm
	@echo 'setup: compiling the tests and what they run'
	@CGO_ENABLED=0 $(GO) build ./...
	@$(GO) build ./cmd/...
	@$(GO) list -race -test -export -f '{{with .Error}}{{.}}{{end}}' ./...
	@$(GO) run ./internal/lab/programs
	@for p in patoggle patoggle-top patoggled patoggle-x11keys; do packaging/compile $$p build/ready/$$p || exit; done
	@$(GO) vet ./...

# Everything runs under the race detector: most tests wait for other programs
# anyhow, so that it costs little.
test: ready
	$(GO) vet ./...
	@status=0; \
	rest=$$($(GO) list ./... | grep -vxF "$$($(GO) list $(FIRST) $(TIMED) $(ALONE))"); \
	for group in '$(FIRST)' "$$rest" '$(TIMED)' '$(ALONE)'; do \
		$(GO) test -race -timeout $(TESTTIMEOUT) $(TESTFLAGS) $$group || status=1; \
	done; \
	exit $$status

# The same on a machine that is SLOW times slower; what is fetched and compiled
# beforehand is not slowed. It needs root.
SLOW ?= 4
test-slow: ready
	packaging/slowly $(SLOW) $(MAKE) --no-print-directory test

# The packages with tests that do the same many times, with all of their rounds:
# `make test` does a part of them. See internal/lab/long. An hour.
long: ready
	PATOGGLE_LONG=1 $(GO) test -race -count=1 -timeout 2h -p 1 $$($(GO) list -f '{{.ImportPath}}{{range .TestImports}} {{.}}{{end}}' ./... | sed -n 's,^\([^ ]*\) .*/internal/lab/long.*,\1,p')

# Tests with a real Flatpak and a real Wine, which are not installed beside a
# desktop: in a Debian 12 of their own, built once (3 GB), without a network.
# Needs root.
test-more:
	@packaging/debian-setup build desktops
	@packaging/desktop-roots build more
	packaging/test-more

# What the README says, from a clean clone on bare Debian 12 and 13, as root and
# as a user with sudo, and the same packages and services afterwards. An hour and
# more; needs root and the network.
fresh:
	@packaging/debian-setup desktops
	@packaging/desktop-roots build bare12 bare13
	@set -e; for root in bare12 bare13; do packaging/fresh $$root; packaging/fresh -u $$root; done

lint:
	@packaging/tools staticcheck
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l) && \
		if [ -n "$$unformatted" ]; then echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	build/tools/staticcheck ./...

demo:
	@packaging/debian-setup demo-$(SERVER)
	@mkdir -p build
	@[ -e build/demo ] || echo 'setup: compiling the demo and patoggle'
	@CGO_ENABLED=0 $(GO) build -buildvcs=false -o build/demo ./internal/lab/demo
	@build/demo -server $(SERVER)

# Seven minutes of measuring, side by side with what people use instead. It is
# a table and no test: see internal/bench. BENCHFLAGS="-rest 0" leaves a minute
# out, and "-help" lists the rest.
bench:
	@packaging/debian-setup build bench
	@mkdir -p build/bench
	@packaging/compile patoggle build/bench/patoggle
	@packaging/compile patoggled build/bench/patoggled
	@packaging/compile patoggle-x11keys build/bench/patoggle-x11keys
	@CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o build/bench/limit ./internal/bench/limit
	@CGO_ENABLED=0 $(GO) build -buildvcs=false -o build/bench/bench ./internal/bench
	@build/bench/bench $(BENCHFLAGS)

# Real compositors without a screen, those of Debian 12, 13 and today's, each
# in a system of its own that is built once: some 8 GB and a quarter of an hour.
# DESKTOPSFLAGS="-only sid/kwin -case native" runs a part, "-times 60" measures
# the one-shot beside X11 instead; needs root.
desktops:
	@packaging/debian-setup desktops
	@packaging/desktop-roots build bookworm trixie sid
	@mkdir -p build
	@CGO_ENABLED=0 $(GO) build -buildvcs=false -o build/run-desktops ./internal/desktops
	@build/run-desktops -table build/desktops.md $(DESKTOPSFLAGS)

# Each target on its own, since go test -fuzz takes one at a time.
fuzz:
	@set -e; for package in $$($(GO) list $(FUZZ)); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

# Everything comes and goes while presses arrive, and sinks beside rules: see
# internal/soak.
soak:
	@packaging/debian-setup build test
	$(if $(ROOT),packaging/tests-in $(ROOT) ./internal/soak -test.v -test.run '^Test(Lasting)?Soak$$' -soak=$(SOAK),$(GO) test -race -count=1 -timeout 24h -v -run '^Test(Lasting)?Soak$$' ./internal/soak -args -soak=$(SOAK))

# What is heard of players on the sink where the server would start them, before
# a rule has them on its own: some 40 minutes.
starts: export PATOGGLE_STARTS = $(STARTS)
starts: export PATOGGLE_PLAYERS = $(PLAYERS)
starts:
	@packaging/debian-setup build test starts
	$(if $(ROOT),packaging/tests-in $(ROOT) ./internal/daemon -test.v -test.run '^TestNoStartEndsOnTheWrongSink$$',$(GO) test -count=1 -timeout 24h -v -run '^TestNoStartEndsOnTheWrongSink$$' ./internal/daemon)

clean:
	rm -rf build dist patoggle patoggle-top patoggled patoggle-x11keys

# .deb, .rpm, Arch Linux's and .apk of the programs, in dist.
packages:
	@packaging/debian-setup build packages
	packaging/packages $(ARCH)

# What `make` has built; the two undo each other.
install:
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' packaging/install install
uninstall:
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' packaging/install uninstall

# What a release does, without publishing: packages for amd64 and arm64, built
# from a clean clone, installed and tried.
release-check:
	@packaging/debian-setup build packages release
	packaging/release-check

# The pictures of the README, taken from a real run.
pictures:
	@packaging/debian-setup build pictures
	$(GO) run ./packaging/pictures
