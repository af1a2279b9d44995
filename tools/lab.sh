# shellcheck shell=bash
# lab.sh: what the scripts share that load a gateway of their own: build, start, stop. To be sourced, in the top folder.
step() { echo "== $*"; }
fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

lab_build() {
  step "packages"
  tools/install-deps || fail "the packages above could not be installed"
  step "build in build/"
  if [ ! -f build/build.ninja ]; then
    rm -rf build
    meson setup build -Dbuildtype=release >/dev/null || fail "meson setup failed; see build/meson-logs/meson-log.txt"
  fi
  ninja -C build >build/ninja.log 2>&1 || { grep -E 'error|FAILED' build/ninja.log | head -20 >&2; fail "the build failed; see build/ninja.log"; }
}

# Another gateway may run here already: the usual port for admin pages where it is free, else any.
lab_admin() {
  python3 - <<'PY'
import socket
for port in (9650, 0):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
        print("127.0.0.1:%d" % s.getsockname()[1])
        break
PY
}

lab_stop() {
  if [ -n "$gateway" ] && kill -0 "$gateway" 2>/dev/null; then
    kill -TERM "$gateway"
    wait "$gateway" || true
  fi
  rm -rf "$run"
}

lab_ready() { curl -fs --noproxy '*' "http://$admin/readyz" >/dev/null 2>&1; }

# Starts a gateway with the configuration on stdin and a socket of its own. Sets run (its folder), gateway (its pid), admin.
lab_start() {
  run=$(mktemp -d "${TMPDIR:-/tmp}/dcmf-$(basename "$0").XXXXXX")
  gateway=
  trap lab_stop EXIT
  admin=$(lab_admin)
  [ -n "$admin" ] || fail "no port on 127.0.0.1 is free for the admin pages"
  { printf 'control: { socket: %s/control.sock }\nadmin: { listen: %s }\n' "$run" "$admin"; cat; } >"$run/dcmf.yaml"
  step "start the gateway (log: $run/dcmf.log)"
  build/dcmf/dcmf -c "$run/dcmf.yaml" >"$run/dcmf.log" 2>&1 &
  gateway=$!
  for _ in $(seq 100); do
    lab_ready && return
    kill -0 "$gateway" 2>/dev/null || { tail -n 5 "$run/dcmf.log" >&2; gateway=; fail "the gateway did not start"; }
    sleep 0.1
  done
  tail -n 5 "$run/dcmf.log" >&2
  fail "the gateway is not ready after 10 s"
}
