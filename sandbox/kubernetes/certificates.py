"""The cluster's certificate authority, a certificate for each of its programs, and the kubeconfigs that carry them."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.kubernetes import layout

VALIDITY = datetime.timedelta(days=365)
_API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
_API_ADDRESSES = ("127.0.0.1", layout.API_SERVICE_IP, layout.NODE_IP)


@dataclass(frozen=True)
class Authority:
    """Signs certificates; its own is `ca.crt` in `folder`."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def create(cls, folder: Path) -> Authority:
        """A new authority, written to `folder`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mlops-sandbox Kubernetes CA")])
        usage = _key_usage(key_cert_sign=True, crl_sign=True)
        certificate = (
            _builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        _write(folder / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM))
        _write(folder / "ca.key", _private_pem(key))
        return cls(folder, key, certificate)

    def issue(
        self, file: str, name: str, group: str | None = None, *, dns: tuple[str, ...] = (), ips: tuple[str, ...] = ()
    ) -> None:
        """A certificate and its key as `<file>.crt` and `<file>.key`; RBAC sees the user `name` in `group`."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
        if group is not None:
            attributes.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = (
            _builder(x509.Name(attributes), self.certificate.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if dns or ips:
            names: list[x509.GeneralName] = [x509.DNSName(d) for d in dns]
            names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ips]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        _write(self.folder / f"{file}.crt", certificate.public_bytes(serialization.Encoding.PEM))
        _write(self.folder / f"{file}.key", _private_pem(key))


def ensure_certificates() -> Path:
    """The folder of all keys and certificates, made unless it is complete."""
    folder = layout.state() / "pki"
    complete = folder / "complete"
    if complete.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    authority = Authority.create(folder)
    authority.issue("apiserver", "kube-apiserver", dns=_API_NAMES, ips=_API_ADDRESSES)
    authority.issue("apiserver-kubelet-client", "apiserver-kubelet-client", "system:masters")
    authority.issue("kubelet", f"system:node:{layout.NODE}", "system:nodes", dns=(layout.NODE,), ips=(layout.NODE_IP,))
    authority.issue("admin", "admin", "system:masters")
    for program in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
        authority.issue(program, f"system:{program}")
    _service_account_key(folder)
    for user in ("kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy"):
        _kubeconfig(user, folder, host=layout.NODE_IP)
    _kubeconfig("admin", folder, host="127.0.0.1")
    complete.touch()
    return folder


def _service_account_key(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write(folder / "sa.key", _private_pem(key))
    _write(folder / "sa.pub", public)


def _kubeconfig(user: str, pki: Path, *, host: str) -> None:
    def embedded(file: str) -> str:
        return base64.b64encode((pki / file).read_bytes()).decode()

    server = f"https://{host}:{layout.API_PORT}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": "sandbox", "cluster": {"server": server, "certificate-authority-data": embedded("ca.crt")}}
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": embedded(f"{user}.crt"),
                    "client-key-data": embedded(f"{user}.key"),
                },
            }
        ],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user}}],
        "current-context": "sandbox",
    }
    _write(layout.kubeconfig(user), yaml.safe_dump(document, sort_keys=False).encode())


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + VALIDITY)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(file: Path, content: bytes) -> None:
    """Readable by its owner alone from the first byte on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
