"""Headers for browsers: what an answer may do there, and which other sites' pages may read it (CORS)."""

from collections.abc import Mapping, Sequence

Headers = list[tuple[bytes, bytes]]

_SECURITY: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
_REQUEST_HEADERS = (
    b"Authorization, Content-Type, X-API-Key, X-Request-ID, X-Request-Timeout, Inference-Header-Content-Length, "
    b"traceparent, tracestate"
)
_EXPOSED_HEADERS = b"X-Request-ID, Server-Timing, Retry-After, Inference-Header-Content-Length"
# Two hours, the longest time that browsers accept.
_PREFLIGHT_MAX_AGE_S = b"7200"


def with_security_headers(headers: Headers) -> Headers:
    """The headers of an answer, and those of the security headers that it does not set itself."""
    own = {name.lower() for name, _ in headers}
    return headers + [header for header in _SECURITY if header[0] not in own]


def is_preflight(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser asks if a page of another site may send a request."""
    return method == "OPTIONS" and b"access-control-request-method" in headers


def preflight_headers() -> Headers:
    """What a page of an allowed site may send."""
    return [
        (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
        (b"access-control-allow-headers", _REQUEST_HEADERS),
        (b"access-control-max-age", _PREFLIGHT_MAX_AGE_S),
    ]


def cross_origin_headers(allowed: Sequence[str], origin: bytes | None) -> Headers:
    """Whether a page of `origin` may read the answer, and which of its headers."""
    vary = [(b"vary", b"Origin")]
    if "*" in allowed:
        return [*vary, (b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", _EXPOSED_HEADERS)]
    if origin is None or origin.decode("latin-1") not in allowed:
        return vary
    return [*vary, (b"access-control-allow-origin", origin), (b"access-control-expose-headers", _EXPOSED_HEADERS)]
