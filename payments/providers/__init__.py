"""Where money leaves: the payment providers, each behind the same few calls."""
