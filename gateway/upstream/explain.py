"""Why a connection could not be made, in words that help."""

import os
import socket
import ssl

from gateway.upstream.http2.connection import ClosedEarly
from gateway.upstream.tls import Tls

EXPIRED = 10
WRONG_NAME = (62, 64)
"""OpenSSL's verify codes: X509_V_ERR_CERT_HAS_EXPIRED; _HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH."""
NOT_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")
"""OpenSSL's reasons for what is no TLS record."""


def explained(problem: Exception | None, tls: Tls | None) -> str:
    """What is likely to be wrong and what to do about it, as far as that is known.

    `problem` is what connecting has raised; None when it would work by now.
    """
    if problem is None:
        return "it was unavailable for a moment"
    cause, raised = likely_cause(problem, tls), described(problem)
    return f"{cause}: {raised}" if cause else raised


def described(problem: Exception) -> str:
    """What was raised, in a few words."""
    if isinstance(problem, socket.gaierror):
        return f"DNS: {problem.strerror}"
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"TLS: {problem.verify_message}"
    if isinstance(problem, ssl.SSLError):
        return f"TLS: {problem.reason or problem}"
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    if isinstance(problem, OSError) and problem.errno:
        return os.strerror(problem.errno)
    return str(problem) or type(problem).__name__


def likely_cause(problem: Exception, tls: Tls | None) -> str:
    """What is likely to be wrong: `its certificate has expired`. Empty if that is not known."""
    if isinstance(problem, ssl.SSLCertVerificationError) and tls is not None:
        if problem.verify_code == EXPIRED:
            return "its certificate has expired"
        if problem.verify_code in WRONG_NAME:
            return "its certificate is for another name than the one in CUEBOT_ENDPOINT"
        if tls.roots is not None:
            return "its certificate is not signed by a CA in CUEBOT_CA_FILE"
        return "its certificate is not signed by a public CA; set CUEBOT_CA_FILE to its own CA"
    if isinstance(problem, ssl.SSLError) and problem.reason in NOT_TLS:
        return "it does not speak TLS, but CUEBOT_TLS is true"
    if not isinstance(problem, (ssl.SSLError, ConnectionResetError, ClosedEarly)):
        return ""
    if tls is None:
        return "it closes the connection; if it expects TLS, set CUEBOT_TLS=true"
    if tls.certificate is not None:
        return "it closes the connection; it may not trust CUEBOT_CERT_FILE"
    return (
        "it closes the connection; if it requires a client certificate, set CUEBOT_CERT_FILE and"
        " CUEBOT_KEY_FILE"
    )
