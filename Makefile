# Two commands set everything up: `make run` and `make test`. The others are parts of them.

# target/debug/jabiru as the Rust tests built it: a plain `cargo build` has other features of tokio and would build half the crates again.
BINARY = cargo test --locked --test it --no-run

.PHONY: run test build client lint rust-test client-test wire-test browser-test guard services bench bench-peers bench-curves browser-bench screenshots

# Builds everything and starts Jabiru, embedded, on its sample canvases. ARGS passes flags: make run ARGS='--listen 127.0.0.1:9000'
run: build
	./target/release/jabiru serve $(ARGS)

build: client
	cargo build --release --locked

# The web client is embedded into the binary, so it is built first.
client: web-client/node_modules/.package-lock.json
	cd web-client && npm run --silent build

# Installs what the tests need and runs them all.
test: services lint client rust-test client-test wire-test browser-test guard

services:
	tests/services

lint: web-client/node_modules/.package-lock.json tests/node_modules/.package-lock.json
	cargo fmt --check
	cd web-client && npm run --silent lint && npm run --silent types
	cargo clippy --all-targets --locked -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked --quiet

rust-test: client services
	cargo test --locked

client-test: client
	cd web-client && npm test && npm run --silent size

# Stock yjs and y-websocket clients against the real binary.
wire-test: tests/node_modules/.package-lock.json
	$(BINARY)
	cd tests && npm run --silent clients

# Two people in Chromium against the real binary.
browser-test: client tests/node_modules/.package-lock.json services
	$(BINARY)
	cd tests && npm run --silent e2e

# Counts the instructions of the paths that edits take and fails if one takes more than benches/instructions.json says. ARGS=--update accepts.
guard: client services
	cargo bench --locked --quiet --profile test --config benches/instructions/build.toml --bench instructions -- $(ARGS)

bench:
	cargo bench

# Jabiru, other y-websocket servers and a bare relay, one after the other on this machine; writes the table of docs/performance.md.
# Installs the others once, outside the checkout. 40 minutes; see benches/peers/main.mjs for ARGS.
bench-peers: client
	node benches/peers/main.mjs $(ARGS)

# What clients, rooms, documents and connections cost as they grow; writes the tables and plots of docs/performance.md. 25 minutes.
bench-curves: client
	node benches/curves/main.mjs $(ARGS)

# Frame times and opening times of the page in Chromium, against the release build.
browser-bench: build tests/node_modules/.package-lock.json services
	node benches/browser/main.mjs

# Every page and state, light and dark, at three widths, as pictures in target/screenshots.
screenshots: client tests/node_modules/.package-lock.json services
	$(BINARY)
	cd tests && node e2e/screenshots.mjs

# npm writes this file last, so a broken install is repeated.
%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
