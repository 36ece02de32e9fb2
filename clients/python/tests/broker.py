"""A broker that tests may stop, kill and starve: `scripts/rabbitmq` of this repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "rabbitmq"


class Broker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tls = folder / "tls"
        self.tls.mkdir()
        self._certificates()

    def start(self) -> str:
        """Starts it, with what it had before, and returns its address."""
        return self._run("start")

    def stop(self) -> None:
        self._run("stop")

    def kill(self) -> None:
        self._run("kill")

    def ctl(self, *arguments: str) -> str:
        return self._run("ctl", *arguments)

    def tls_url(self) -> str:
        return (self.folder / "tls-url").read_text().strip()

    def _certificates(self) -> None:
        """A certificate authority, and a certificate for the broker, in PEM."""
        key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        (self.tls / "extensions").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        for arguments in (
            f"req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=ca "
            "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign",
            f"req {key} -keyout key.pem -out cert.csr -subj /CN=broker",
            "x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions "
            "-out cert.pem",
        ):
            subprocess.run(["openssl", *arguments.split()], cwd=self.tls, check=True, capture_output=True)

    def _run(self, command: str, *arguments: str) -> str:
        # What stays running would keep a pipe open, so the output goes to a file.
        output = self.folder / "output"
        with open(output, "w") as file:
            done = subprocess.run(
                [SCRIPT, command, self.folder, *arguments],
                env={**os.environ, "BUREAUCRAT_RABBITMQ_TLS": str(self.tls)},
                stdout=file,
                stderr=file,
                check=False,
            )
        assert done.returncode == 0, output.read_text()
        return output.read_text().strip()
