"""What is told of requests: metrics, log lines, traces, and the timings in answers."""
