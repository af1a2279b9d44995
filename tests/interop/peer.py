"""A peer program in the UE's namespace that speaks JSON lines."""
import json
import pathlib
import subprocess
import sys
import threading

from lab import Lab

HERE = pathlib.Path(__file__).parent


class Peer:
    """Peer(lab, "call_aiortc.py", "100"): the program lives until end(), and nobody that it started lives longer."""

    def __init__(self, lab: Lab, program: str, *words: str):
        self.program = program
        self.process = subprocess.Popen(lab.ue_words([sys.executable, str(HERE / program), *words]),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=lab.environment())

    def tell(self, **what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()

    def hear(self, seconds: int = 60) -> dict:
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise RuntimeError(f"{self.program} said nothing for {seconds} s, or ended: {self.process.wait()}")
        return json.loads(line)

    def ask(self, **what) -> dict:
        self.tell(**what)
        return self.hear()

    def part(self):
        """In peace, when all was said."""
        self.tell(end=True)
        self.process.wait(20)

    def end(self):
        """Whatever state it is in."""
        self.process.kill()
        self.process.wait()
        try:
            self.process.stdin.close()
        except BrokenPipeError:  # what was told last was never read
            pass
        self.process.stdout.close()
