"""A certificate authority for this emulator alone, and one certificate with every Azure host name it answers for."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import trustme

from .settings import BLOB_SUFFIX, GITHUB_OIDC_HOST, LOGIN_HOST

HOSTS = ("management.azure.com", LOGIN_HOST, "*.azureml.ms", "*.api.azureml.ms", f"*.{BLOB_SUFFIX}", GITHUB_OIDC_HOST)


def certify(folder: Path) -> None:
    """Write `server.pem` (key and chain apart), the authority as `ca.pem`, and `bundle.pem` unless they are there.

    Only the server's key is kept: an authority without its key can certify nothing else.
    """
    if not (folder / "server.key").exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority = trustme.CA(organization_name="azureml-emulator")
        server = authority.issue_cert(*HOSTS, "localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        (folder / "server.pem").write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
        # The key comes last and in one piece: a start that was killed in the middle begins anew.
        key = folder / "server.key.part"
        key.touch(mode=0o600)
        server.private_key_pem.write_to_path(key)
        key.replace(folder / "server.key")
    # The variables that name a CA file replace the usual authorities, so the file must hold the machine's own too.
    (folder / "bundle.pem").write_text(_machine_authorities() + (folder / "ca.pem").read_text())


def _machine_authorities() -> str:
    paths = ssl.get_default_verify_paths()
    candidates = (os.environ.get("REQUESTS_CA_BUNDLE"), os.environ.get("SSL_CERT_FILE"), paths.cafile)
    for candidate in (*candidates, paths.openssl_cafile, "/etc/ssl/certs/ca-certificates.crt"):
        if candidate and Path(candidate).is_file():
            return Path(candidate).read_text().rstrip() + "\n"
    return ""
