"""The recorded crowds: their tasks, what each person answered, and the truth where it is known."""

import csv
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
SEED = 20260302


@dataclass(frozen=True)
class Crowd:
    """A batch to post and the people who will do it.

    `answer(worker, external_id)` is what person number `worker` says; `truth` maps names of tasks
    to the right answer, where there is one.
    """

    name: str
    batch: dict[str, Any]
    tasks: list[dict[str, str]]
    workers: int
    answer: Callable[[int, str], str]
    truth: dict[str, str]
    control: str

    @property
    def wanted(self) -> int:
        return len(self.tasks) * int(self.batch["overlap"])


def load(name: str, *, limit: int | None, error_rate: float) -> Crowd:
    """One of `CROWDS`, cut to the first `limit` tasks. Raises KeyError for another name."""
    return CROWDS[name](limit, error_rate)


def bluebirds(limit: int | None, _error_rate: float) -> Crowd:
    """39 people on 108 photographs (Welinder et al., NIPS 2010). A text stands for each picture."""
    labels = {0: "other", 1: "bunting"}
    answers: dict[tuple[int, str], str] = {}
    with (DATA / "bluebirds_answers.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            answers[int(row["worker"]), f"photo-{row['task']}"] = labels[int(row["label"])]
    with (DATA / "bluebirds_truth.csv").open(newline="") as file:
        truth = {f"photo-{r['task']}": labels[int(r["label"])] for r in csv.DictReader(file)}
    names = list(truth)[:limit]
    people = sorted({worker for worker, _name in answers})
    return Crowd(
        name="bluebirds",
        batch=_batch(
            title="Indigo bunting or not?",
            instructions="Each task stands for a photograph of a bird. Is it an **indigo bunting**"
            " (small, all blue, a conical bill) or another blue bird?",
            criterion="The species in the photograph decides, not the quality of the picture.",
            example=("A small all-blue bird with a conical bill", "bunting", "Both marks fit."),
            question="Is this an indigo bunting?",
            choices=("bunting", "other"),
            overlap=len(people),
            reward="0.05",
            seconds=8,
        ),
        tasks=[_task(name, f"Photograph {name[6:]} of a bird") for name in names],
        workers=len(people),
        answer=lambda worker, name: answers[people[worker], name],
        truth={name: truth[name] for name in names},
        control="answer",
    )


def sentences(limit: int | None, error_rate: float) -> Crowd:
    """3,000 review sentences with their sentiment (Kotzias et al., KDD 2015), overlap 3.

    The twelve workers are synthetic: each errs at `error_rate`, always the same way.
    """
    rows = _jsonl("sentences.jsonl")[:limit]
    truth = {row["external_id"]: row["truth"] for row in rows}
    other = {"positive": "negative", "negative": "positive"}

    def answer(worker: int, name: str) -> str:
        errs = random.Random(f"{SEED}:{worker}:{name}").random() < error_rate
        return other[truth[name]] if errs else truth[name]

    return Crowd(
        name="sentences",
        batch=_batch(
            title="Is this sentence positive or negative?",
            instructions="Read the sentence from a review. Did its writer **like** the thing?",
            criterion="What the writer feels about the thing reviewed decides.",
            example=("The battery died within a week.", "negative", "The writer is let down."),
            question="What does the writer feel?",
            choices=("positive", "negative"),
            overlap=3,
            reward="0.05",
            seconds=8,
        ),
        tasks=[_task(row["external_id"], row["text"]) for row in rows],
        workers=12,
        answer=answer,
        truth=truth,
        control="answer",
    )


def words(limit: int | None, _error_rate: float) -> Crowd:
    """7,520 words rated by ten people from -4 to 4 (Hutto & Gilbert, ICWSM 2014). No truth."""
    rows = _jsonl("word_ratings.jsonl")[:limit]
    ratings = {row["external_id"]: row["ratings"] for row in rows}
    return Crowd(
        name="words",
        batch=_batch(
            title="How good or bad does this word feel?",
            instructions="Rate the word or emoticon from **-4** (extremely negative) to **4**"
            " (extremely positive). 0 is neutral.",
            criterion="Rate the word alone, as most readers would feel it.",
            example=("wonderful", "4", "Hardly a word is more positive."),
            question="How does it feel?",
            choices=tuple(str(n) for n in range(-4, 5)),
            overlap=10,
            reward="0.02",
            seconds=4,
        ),
        tasks=[_task(row["external_id"], row["text"]) for row in rows],
        workers=10,
        answer=lambda worker, name: str(ratings[name][worker]),
        truth={},
        control="answer",
    )


CROWDS: dict[str, Callable[[int | None, float], Crowd]] = {
    "bluebirds": bluebirds,
    "sentences": sentences,
    "words": words,
}


def _task(name: str, text: str) -> dict[str, str]:
    """`name` stands in the payload too: it tells a worker whose recorded answer is asked for."""
    return {"external_id": name, "name": name, "text": text}


def _jsonl(name: str) -> list[dict[str, Any]]:
    with (DATA / name).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _batch(
    *,
    title: str,
    instructions: str,
    criterion: str,
    example: tuple[str, str, str],
    question: str,
    choices: tuple[str, ...],
    overlap: int,
    reward: str,
    seconds: int,
) -> dict[str, Any]:
    options = "".join(f'<Choice value="{choice}"/>' for choice in choices)
    return {
        "title": title,
        "instructions": instructions,
        "criteria": [criterion],
        "examples": [dict(zip(("task", "answer", "why"), example, strict=True))],
        "interface": f'<View><Text name="text" value="$text"/><Header value="{question}" size="5"/>'
        f'<Choices name="answer" toName="text" choice="single" required="true">{options}'
        "</Choices></View>",
        "reward": {"amount": reward, "currency": "USD"},
        "overlap": overlap,
        "declared_seconds": seconds,
        "languages": ["en"],
    }
