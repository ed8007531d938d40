"""The work: batches, tasks, places, assignments, answers and their interfaces."""
