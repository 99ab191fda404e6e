"""The local authority: made once, kept, renewed before it ends, replaced when damaged."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from emulator.certificates import LIFETIME, RENEW_BEFORE, ensure_certificates
from emulator.clock import Clock


def test_a_second_start_keeps_the_certificates(tmp_path: Path) -> None:
    """Clients that hold the authority's file must go on trusting the front door after a restart."""
    first = ensure_certificates(tmp_path, Clock()).leaf.read_bytes()

    assert ensure_certificates(tmp_path, Clock()).leaf.read_bytes() == first


def test_a_certificate_about_to_end_is_renewed(tmp_path: Path) -> None:
    clock = Clock()
    first = ensure_certificates(tmp_path, clock).leaf.read_bytes()
    clock.advance((LIFETIME - RENEW_BEFORE + timedelta(hours=1)).total_seconds())

    assert ensure_certificates(tmp_path, clock).leaf.read_bytes() != first


@pytest.mark.parametrize("name", ["ca.pem", "leaf.pem", "leaf.key", "bundle.pem"])
def test_a_damaged_or_missing_file_is_cured(tmp_path: Path, name: str) -> None:
    made = ensure_certificates(tmp_path, Clock())
    if name == "bundle.pem":
        made.bundle.unlink()
    else:
        (tmp_path / name).write_text("damaged")

    cured = ensure_certificates(tmp_path, Clock())

    context = ssl.create_default_context(cafile=str(cured.bundle))
    context.load_cert_chain(cured.leaf, cured.leaf_key)


def test_strict_verification_accepts_the_chain(tmp_path: Path) -> None:
    """Python 3.13 verifies strictly by default: the extensions it asks for must be there."""
    made = ensure_certificates(tmp_path, Clock())
    leaf = x509.load_pem_x509_certificate(made.leaf.read_bytes())
    ca = x509.load_pem_x509_certificate(made.ca.read_bytes())

    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert {str(name) for name in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1"}
    assert leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert ca.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_private_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path, Clock())

    assert made.leaf_key.stat().st_mode & 0o077 == 0
