"""Certificates that nobody but who is told so vouches for."""

import subprocess
from pathlib import Path

_KIND = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30"


def self_signed(folder: Path, *names: str) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and `names`, which is its own authority, and its key."""
    folder.mkdir(exist_ok=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    for_whom = ",".join(["IP:127.0.0.1", *(f"DNS:{name}" for name in names)])
    subject = ["-subj", "/CN=a test's", "-addext", f"subjectAltName={for_whom}"]
    subprocess.run(
        ["openssl", *_KIND.split(), *subject, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return certificate, key
