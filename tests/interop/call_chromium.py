"""The offering side of a call, made of headless Chromium: opens a channel of every kind and exchanges messages.

Usage: call_chromium.py MESSAGES SECONDS          (a channel; after SECONDS it ends, whatever is missing)
Out: {"offer": SDP}. In: {"answer": SDP}. Out, when all was said and heard, what `exchange` in call.js says.
"""
import base64
import json
import pathlib
import sys

import call_messages as m
import call_window as w
from chromium_peer import browser

SCRIPT = (pathlib.Path(__file__).parent / "call.js").read_text()


def plan(messages: int, seconds: int) -> dict:
    return {
        "messages": messages,
        "seconds": seconds,
        "channels": {label: {"options": options, "ordered": ordered, "reliable": reliable}
                     for label, (options, ordered, reliable) in m.CHANNELS.items()},
        "account": m.ACCOUNT,
        "sizes": [m.size_of(n) for n in range(messages)],
        "head": m.HEAD, "longest": m.LONGEST, "step": m.STEP,
        "text": m.TEXT, "binary": base64.b64encode(m.BINARY).decode(),
        "window": w.WINDOW, "most": w.MOST, "reportMs": w.REPORT_MS, "patience": w.PATIENCE,
    }


def main(messages: int, seconds: int):
    with browser(script_seconds=seconds + 30) as driver:
        offer = driver.execute_async_script(SCRIPT + "offer(...arguments);", plan(messages, seconds))
        print(json.dumps({"offer": offer}), flush=True)
        answer = json.loads(sys.stdin.readline())["answer"]
        print(json.dumps(driver.execute_async_script("window.exchange(...arguments);", answer)), flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
