"""Pages of work. Workers: `work`. Clients: `batches`, `drafts`, `reviews`, `results`."""
