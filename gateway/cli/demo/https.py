"""HTTPS for the demo, with a certificate authority whose key never touches the disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.errors import ConfigurationError
from gateway.server.certificate import Certificate, empty_context

NAMES = ("localhost", "127.0.0.1", "::1")


@contextmanager
def temporary_certificate(host: str) -> Iterator[tuple[Certificate, Path]]:
    """A certificate for this machine (and `host`), and a file with the CA that signed it.

    The file is deleted at the end of the context. Raises ConfigurationError without trustme.
    """
    try:
        import trustme
    except ImportError:
        raise ConfigurationError(
            "--tls needs the package trustme; pip install 'cuebot-gateway[demo]'"
        ) from None
    authority = trustme.CA(organization_name="cuebot-gateway demo")
    context = empty_context()
    authority.issue_cert(*dict.fromkeys((*NAMES, host))).configure_cert(context)
    with TemporaryDirectory(prefix="cuebot-gateway-demo-") as directory:
        ca_file = Path(directory) / "ca.pem"
        authority.cert_pem.write_to_path(ca_file)
        yield Certificate(context), ca_file
