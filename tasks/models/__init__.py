"""Work: batches, their tasks and places, and what workers do with them.

Places and assignments are written on the hot path: they carry no foreign key constraint to rows
that are updated too (each insert would lock them). The claim function makes what they name, and
`tasks.selectors.audit` proves it. Django wants all models here.
"""

from tasks.models.batches import Batch, BatchQuerySet, Media, Place, Task
from tasks.models.records import BatchFigures, ClientRecord, Operation
from tasks.models.review import (
    Erasure,
    Exclusion,
    Gold,
    GoldCheck,
    Opening,
    SampleCount,
    Sampled,
)
from tasks.models.work import (
    Answer,
    Archived,
    Assignment,
    AssignmentQuerySet,
    Cursor,
    Draft,
    Workbench,
)

__all__ = [
    "Answer",
    "Archived",
    "Assignment",
    "AssignmentQuerySet",
    "Batch",
    "BatchFigures",
    "BatchQuerySet",
    "ClientRecord",
    "Cursor",
    "Draft",
    "Erasure",
    "Exclusion",
    "Gold",
    "GoldCheck",
    "Media",
    "Opening",
    "Operation",
    "Place",
    "SampleCount",
    "Sampled",
    "Task",
    "Workbench",
]
