"""The login in front of a cluster's UI: nginx as deploy/proxy configures it, a certificate and two passwords."""

import shutil
import subprocess

from deploy.celery.layout import CHECKOUT, Layout

_CONFIGURATION = CHECKOUT / "deploy" / "proxy" / "nginx.conf"


def program() -> str:
    return shutil.which("nginx") or "/usr/sbin/nginx"  # which a user's path leaves out on Debian


def command(layout: Layout) -> list[str]:
    return [program(), "-p", str(layout.home / "proxy"), "-c", "nginx.conf", "-g", "daemon off;"]


def make(layout: Layout) -> None:
    """Its folder. It listens on loopback alone: of the head, or of this machine."""
    folder = layout.home / "proxy"
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    text = _CONFIGURATION.read_text()
    for usual, port in ((8443, layout.inner_door), (8444, layout.inner_door + 1)):
        text = text.replace(f"listen {usual}", f"listen 127.0.0.1:{port}")
    (folder / "nginx.conf").write_text(text)
    if not (folder / "certificate.pem").exists():
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "825", "-subj", "/CN=localhost"]
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
        subprocess.run([*request, *names, *files], capture_output=True, check=True)
    for door, login in (("operators", "operator"), ("readers", "reader")):
        hash_it, secret = ["openssl", "passwd", "-apr1", "-stdin"], layout.passwords()[login]
        hashed = subprocess.run(hash_it, input=secret, capture_output=True, text=True, check=True).stdout.strip()
        (folder / f"{door}.htpasswd").write_text(f"{login}:{hashed}\n")
