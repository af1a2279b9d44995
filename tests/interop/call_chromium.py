"""The offering side of a call, made of headless Chromium: opens a channel of every kind and exchanges messages.

Usage: call_chromium.py MESSAGES
Out: a line {"offer": SDP}. In: a line {"answer": SDP}. Out, when every channel has sent and heard enough: {"received": {label: [...]}}.
"""
import json
import sys
import tempfile

from call_messages import LABELS, SIZES
from chromium_peer import browser

OFFER = """
const [labels, done] = arguments;
window.pc = new RTCPeerConnection();
window.channels = Object.fromEntries(Object.entries(labels).map(([label, options]) => {
  const c = pc.createDataChannel(label, options);
  c.binaryType = "arraybuffer";
  return [label, c];
}));
(async () => {
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise(ok => pc.iceGatheringState === "complete" ? ok() : pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && ok());
  done(pc.localDescription.sdp);
})();
"""

EXCHANGE = """
const [answer, messages, sizes, done] = arguments;
const make = n => {
  const wanted = sizes[n % sizes.length], size = n % 100 === 7 || wanted <= 1200 ? wanted : 200;
  if (n % 3 === 0) return n.toString(16).padStart(8, "0") + "x".repeat(size);
  const bytes = new Uint8Array(4 + size).fill(n & 255);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
};
const same = (a, b) => typeof a === "string" ? a === b : typeof b !== "string" && a.byteLength === b.length && new Uint8Array(a).every((v, i) => v === b[i]);
const ledgers = {}, waits = [];
for (const [label, c] of Object.entries(channels)) {
  const l = ledgers[label] = { count: 0, doubled: 0, late: 0, wrong: 0 }, seen = new Set();
  let highest = -1;
  waits.push(new Promise(ok => c.onmessage = e => {
    const n = typeof e.data === "string" ? parseInt(e.data.slice(0, 8), 16) : new DataView(e.data).getUint32(0);
    l.count++; l.doubled += seen.has(n); l.late += n < highest; l.wrong += !same(e.data, make(n));
    highest = Math.max(highest, n); seen.add(n);
    if (l.count >= messages) ok();
  }));
}
const send = async c => {
  if (c.readyState !== "open") await new Promise(ok => c.onopen = ok);
  for (let n = 0; n < messages; n++) {
    while (c.bufferedAmount > 1 << 20) await new Promise(ok => setTimeout(ok, 5));
    c.send(make(n));
  }
};
(async () => {
  await pc.setRemoteDescription({ type: "answer", sdp: answer });
  const limit = new Promise(ok => setTimeout(ok, 40000));
  Object.values(channels).forEach(send);
  await Promise.race([Promise.all(waits), limit]);
  done(ledgers);
})();
"""


def main(messages: int):
    with tempfile.TemporaryDirectory(prefix="dcmf-chromium-") as profile:
        driver = browser(profile)
        try:
            driver.set_script_timeout(60)
            driver.get("about:blank")
            offer = driver.execute_async_script(OFFER, {label: kind[0] for label, kind in LABELS.items()})
            print(json.dumps({"offer": offer}), flush=True)
            answer = json.loads(sys.stdin.readline())["answer"]
            received = driver.execute_async_script(EXCHANGE, answer, messages, SIZES)
            print(json.dumps({"received": received}), flush=True)
            sys.stdin.readline()
        finally:
            driver.quit()


if __name__ == "__main__":
    main(int(sys.argv[1]))
