"""A certificate authority that nobody trusts who is not told to, and a server's certificate from it."""

import subprocess
from pathlib import Path
from typing import NamedTuple

_NEW = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]


class Certified(NamedTuple):
    """Files in PEM: whom to trust, and what the server shows and keeps."""

    authority: Path
    certificate: Path
    key: Path


def certified(folder: Path, *names: str) -> Certified:
    """An authority of its own, and from it a certificate for 127.0.0.1 and `names`."""
    folder.mkdir(exist_ok=True)
    made = Certified(folder / "authority.pem", folder / "certificate.pem", folder / "key.pem")
    authority_key = folder / "authority-key.pem"
    _openssl(*_NEW, "-subj", "/CN=a test's authority", "-keyout", authority_key, "-out", made.authority)
    for_whom = ",".join(["IP:127.0.0.1", *(f"DNS:{name}" for name in names)])
    extensions = ("-addext", f"subjectAltName={for_whom}", "-addext", "basicConstraints=critical,CA:FALSE")
    signed = ("-CA", made.authority, "-CAkey", authority_key)
    _openssl(*_NEW, "-subj", "/CN=a test's", *extensions, *signed, "-keyout", made.key, "-out", made.certificate)
    return made


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
