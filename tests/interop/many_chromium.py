"""A UE made of headless Chromium: opens channels by the hundred, asks for something on each, closes many and opens others.

Usage: many_chromium.py CONTROL_SOCKET CHANNELS ROUNDS
Prints one JSON object: how many channels opened, how many were answered with 200, how many closed, and the highest id.
"""
import json
import sys

from chromium_peer import browser
from lab import Control, bootstrap

OFFER = """
const [count, done] = arguments;
window.pc = new RTCPeerConnection();
window.tally = { opened: 0, answered: 0, closed: 0, highest: 0 };
window.open_one = () => {
  const channel = pc.createDataChannel("one of many", { protocol: "http" });
  channel.binaryType = "arraybuffer";
  channel.answered = new Promise((ok, bad) => {
    setTimeout(() => bad(`channel ${channel.id} is ${channel.readyState} and silent`), 60000);
    channel.onopen = () => {
      tally.opened++;
      tally.highest = Math.max(tally.highest, channel.id);
      channel.send(new TextEncoder().encode("GET /applicationlist?begin-index=0&app-num=1 HTTP/1.1\\r\\n\\r\\n"));
    };
    channel.onmessage = e => {
      if (new TextDecoder().decode(e.data).startsWith("HTTP/1.1 200")) { tally.answered++; ok(); }
    };
  });
  channel.gone = new Promise(ok => { channel.onclose = () => { tally.closed++; ok(); }; });
  return channel;
};
window.channels = Array.from({ length: count }, open_one);
(async () => {
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise(ok => pc.iceGatheringState === "complete" ? ok() : pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && ok());
  done(pc.localDescription.sdp);
})();
"""

TALK = """
const [answer, rounds, done] = arguments;
(async () => {
  try {
    await pc.setRemoteDescription({ type: "answer", sdp: answer });
    for (let round = 0; ; round++) {
      await Promise.all(channels.map(c => c.answered));
      if (round === rounds) break;
      const half = channels.filter((_, i) => i % 2 === round % 2);
      half.forEach(c => c.close());
      await Promise.all(half.map(c => c.gone));
      window.channels = channels.filter(c => c.readyState === "open").concat(half.map(open_one));
    }
    done(tally);
  } catch (e) { done({ error: String(e), ...tally }); }
})();
"""


def main(path: str, channels: int, rounds: int):
    control = Control(path)
    with browser(script_seconds=200) as driver:
        offer = driver.execute_async_script(OFFER, channels)
        answer = control.call("sdp.terminate", sdp=offer, dcMedia=bootstrap("dcep"))
        result = driver.execute_async_script(TALK, answer["sdp"], rounds)
        driver.execute_script("pc.close()")
        control.call("context.delete", contextId=answer["contextId"])
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
