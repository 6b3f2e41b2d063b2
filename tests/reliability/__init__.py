"""What the service and the training withstand, each with a pass line; run by `make reliability`."""
