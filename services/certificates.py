"""A certificate authority of one server's own, so that clients can be made to check who answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.service import HOST

_VALID_FOR: Final = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of a server that speaks TLS.

    Attributes:
        folder: they are all in it.
    """

    folder: Path

    @property
    def authority(self) -> Path:
        """The certificate by which clients check the server's."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """The server's certificate, for `localhost` and the loopback address."""
        return self.folder / "server-cert.pem"

    @property
    def key(self) -> Path:
        """The server's private key."""
        return self.folder / "server-key.pem"

    def make(self) -> None:
        """Make them where they are missing."""
        if self.folder.is_dir():
            return
        making = Certificates(self.folder.with_name(f"{self.folder.name}.new"))
        making.folder.mkdir(mode=0o700, exist_ok=True)
        authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        authority = _sign("iact test authority", authority_key, "iact test authority", authority_key)
        server = _sign("localhost", server_key, "iact test authority", authority_key)
        making.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        making.certificate.write_bytes(server.public_bytes(serialization.Encoding.PEM))
        making.key.write_bytes(
            server_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        making.folder.rename(self.folder)


def _sign(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    is_authority = key is issuer_key
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if is_authority:
        builder = builder.add_extension(_may_sign_certificates(), critical=True)
    else:
        names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address(HOST))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _may_sign_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
