"""The books: journal, transfers, escrow holds, deposits, payouts. Knows no task."""
