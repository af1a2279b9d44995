"""A UE made of headless Chromium: sets up a bootstrap channel through the gateway and fetches what it is told to.

Usage: chromium_peer.py CONTROL_SOCKET negotiated|dcep TARGET ...
Prints one JSON object: the answer's setup role and, a target each, status, length and CRC-32 of the body.
"""
import contextlib
import json
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from lab import Control, bootstrap

OFFER = """
const [how, done] = arguments;
window.pc = new RTCPeerConnection();
const options = how === "negotiated" ? { negotiated: true, id: 0, protocol: "http" } : { protocol: "http" };
window.channel = pc.createDataChannel("bootstrap", options);
channel.binaryType = "arraybuffer";
(async () => {
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise(ok => pc.iceGatheringState === "complete" ? ok() : pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && ok());
  done(pc.localDescription.sdp);
})();
"""

FETCH = """
const [answer, targets, done] = arguments;
const table = new Uint32Array(256).map((_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1; return n; });
const crc32 = bytes => { let c = ~0; for (const b of bytes) c = table[(c ^ b) & 255] ^ (c >>> 8); return ~c >>> 0; };
let received = new Uint8Array(0), news = () => {};
const until = async complete => { while (!complete()) await new Promise((ok, bad) => { news = ok; setTimeout(() => bad("silence for 30 s"), 30000); }); };
const chunks = []; let waiting = 0;
const gather = () => {
  const all = new Uint8Array(received.length + waiting); all.set(received); let at = received.length;
  for (const c of chunks) { all.set(c, at); at += c.length; }
  chunks.length = 0; waiting = 0; received = all;
};
const headEnd = () => { for (let i = 0; i + 3 < received.length; i++) if (received[i] === 13 && received[i+1] === 10 && received[i+2] === 13 && received[i+3] === 10) return i; return -1; };
const get = async target => {
  channel.send(new TextEncoder().encode(`GET ${target} HTTP/1.1\\r\\n\\r\\n`));
  await until(() => { gather(); return headEnd() >= 0; });
  const end = headEnd(), lines = new TextDecoder().decode(received.slice(0, end)).split("\\r\\n");
  const fields = Object.fromEntries(lines.slice(1).map(l => [l.slice(0, l.indexOf(":")).trim().toLowerCase(), l.slice(l.indexOf(":") + 1).trim()]));
  const length = Number(fields["content-length"]);
  received = received.slice(end + 4);
  await until(() => received.length + waiting >= length);
  gather();
  const body = received.slice(0, length); received = received.slice(length);
  return { status: Number(lines[0].split(" ")[1]), etag: fields.etag ?? null, length: body.length, crc: crc32(body) };
};
(async () => {
  try {
    channel.onmessage = e => { const c = new Uint8Array(e.data); chunks.push(c); waiting += c.length; news(); };
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
    if (channel.readyState !== "open") await new Promise((ok, bad) => { channel.onopen = ok; setTimeout(() => bad("the channel did not open in 30 s"), 30000); });
    const replies = [];
    for (const t of targets) replies.push(await get(t));
    done({ replies });
  } catch (e) { done({ error: String(e) }); }
})();
"""


@contextlib.contextmanager
def browser(script_seconds: int):
    """A browser with a blank page, whose scripts may take so long; gone after the `with`."""
    with tempfile.TemporaryDirectory(prefix="dcmf-chromium-") as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for word in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                     "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", f"--user-data-dir={profile}"):
            options.add_argument(word)
        driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        try:
            driver.set_script_timeout(script_seconds)
            driver.get("about:blank")
            yield driver
        finally:
            driver.quit()


def main(path: str, how: str, targets: list[str]):
    control = Control(path)
    with browser(script_seconds=120) as driver:
        offer = driver.execute_async_script(OFFER, how)
        answer = control.call("sdp.terminate", sdp=offer, dcMedia=bootstrap(how))
        result = driver.execute_async_script(FETCH, answer["sdp"], targets)
        if "error" in result:
            raise RuntimeError(result["error"])
        shown = control.call("context.get", contextId=answer["contextId"])
        driver.execute_script("pc.close()")
        control.call("context.delete", contextId=answer["contextId"])
    setup = next(line for line in answer["sdp"].splitlines() if line.startswith("a=setup:"))
    print(json.dumps({"setup": setup.removeprefix("a=setup:"), "replies": result["replies"],
                      "status": shown["terminations"][0]["medias"][0]["dcmf"]["status"]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
