"""load.py: dcmf-load against a gateway, and what it reports. Standard library only."""
import json
import os
import subprocess
import tempfile


class Load:
    """One run of a scenario, with the gateway's socket and metrics; `words` are its options. Ended by the end of `with`."""

    def __init__(self, program, gateway, *words, scenario="bootstrap"):
        self.json = tempfile.NamedTemporaryFile(prefix="dcmf-load-", suffix=".json")
        command = [program, scenario, "--quiet", "--socket", gateway.socket,
                   "--metrics", "http://%s/metrics" % gateway.admin, "--json", self.json.name, *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @property
    def part(self):
        """What its one scenario did."""
        return self.report["parts"][0]

    def finish(self, patience):
        """Waits for the end; self.status, self.said, self.complained and self.report tell of it."""
        self.said, self.complained = self.process.communicate(timeout=patience)
        self.status = self.process.returncode
        self.report = json.load(self.json) if os.path.getsize(self.json.name) > 0 else None
        return self

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.json.close()
