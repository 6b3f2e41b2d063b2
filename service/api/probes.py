"""Where somebody only asks how the service does, in every dialect: answered first, and logged only if it fails."""

PROBES = frozenset({"/livez", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready"})
