"""The private certificate authority of Local Azure, made at first start, and the front door's certificate."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from emulator.clock import Clock

LIFETIME = timedelta(days=397)
RENEW_BEFORE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files. *bundle* holds the public authorities too, for programs that take one file only."""

    ca: Path
    bundle: Path
    leaf: Path
    leaf_key: Path


def ensure_certificates(folder: Path, clock: Clock) -> Certificates:
    """Return the certificates in *folder*; made anew when missing, damaged or about to end."""
    found = Certificates(*(folder / name for name in ("ca.pem", "bundle.pem", "leaf.pem", "leaf.key")))
    if not _usable(found, clock.now()):
        folder.mkdir(parents=True, exist_ok=True)
        _make(found, clock.now())
    return found


def _usable(found: Certificates, now: datetime) -> bool:
    paths = (found.ca, found.bundle, found.leaf, found.leaf_key)
    if not all(path.exists() for path in paths):
        return False
    try:
        leaf = x509.load_pem_x509_certificate(found.leaf.read_bytes())
        ca = x509.load_pem_x509_certificate(found.ca.read_bytes())
        key = serialization.load_pem_private_key(found.leaf_key.read_bytes(), None)
        leaf.verify_directly_issued_by(ca)
    except Exception:  # noqa: BLE001 - whatever is wrong with a cached certificate, a new one cures it
        return False
    return key.public_key() == leaf.public_key() and leaf.not_valid_after_utc - now > RENEW_BEFORE


def _make(paths: Certificates, now: datetime) -> None:
    ca_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Relaydeck Local Azure CA")])
    leaf_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    ca = (
        _builder(ca_name, ca_name, ca_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    leaf = (
        _builder(leaf_name, ca_name, leaf_key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    paths.leaf_key.touch(mode=0o600)
    paths.leaf_key.write_bytes(
        leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    ca_pem = ca.public_bytes(serialization.Encoding.PEM)
    paths.leaf.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    paths.ca.write_bytes(ca_pem)
    paths.bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + ca_pem)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
