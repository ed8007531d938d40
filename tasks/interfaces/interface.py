"""An interface ready for use: shows a task, reads and judges answers. Made by `parse`."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from tasks.interfaces.json_values import check_json, check_size, storable
from tasks.interfaces.nodes import ControlTag, Json, ObjectTag, ShownTag, Tag
from tasks.interfaces.page import Page
from tasks.interfaces.problems import Problem
from tasks.interfaces.variables import check as check_variable

# Label Studio numbers in this order; beyond nine there is no key.
DIGITS = "123456789"
ITEM_KEYS = {"id", "from_name", "to_name", "type", "value"}
MAX_ID = 64
# Of the problems of one result: an answer full of nonsense isn't answered with a longer list.
MAX_PROBLEMS = 100


@dataclass(frozen=True)
class Interface:
    """A parsed interface. Immutable, so it can be cached and shared."""

    source: str
    root: ShownTag

    @cached_property
    def objects(self) -> dict[str, ObjectTag]:
        """What is shown and judged, by name."""
        return {tag.name: tag for tag in self.root.walk() if isinstance(tag, ObjectTag)}

    @cached_property
    def controls(self) -> dict[str, ControlTag]:
        """What is asked, by name, in the order of the document."""
        return {tag.name: tag for tag in self.root.walk() if isinstance(tag, ControlTag)}

    @cached_property
    def variables(self) -> dict[str, str]:
        """The kind (`text`, `image`) of each value that a task must have, by name without `$`."""
        found: dict[str, str] = {}
        for tag in self.root.walk():
            for template in tag.templates():
                for name in template.names:
                    found.setdefault(name, template.kind)
        return found

    @cached_property
    def hotkeys(self) -> list[tuple[Tag, str]]:
        """The hotkeys that are written in the XML, with their tags."""
        keyed = [(tag, str(getattr(tag, "hotkey", ""))) for tag in self.root.walk()]
        return [(tag, key) for tag, key in keyed if key]

    def check_payload(self, payload: Any) -> list[Problem]:
        """What keeps `payload` (any JSON) from being a task of this interface."""
        if not isinstance(payload, dict):
            message = _("A task must be an object with a value for each variable.")
            return [Problem("not_an_object", message)]
        return list(check_json(payload)) or [
            problem
            for name, kind in self.variables.items()
            for problem in check_variable(name, kind, payload)
        ]

    def render(
        self,
        payload: Mapping[str, Any],
        *,
        answer: list[Json] | None = None,
        problems: list[Problem] | None = None,
        image_url: Callable[[str], str],
        id_prefix: str = "",
    ) -> SafeString:
        """The task as HTML form fields (the form around them is the caller's).

        `answer` None shows the defaults, a list (as from `read_form`, or a draft; it may be
        wrong) exactly what it has. `problems` appear at their controls, others at the top.
        `image_url` turns the UUID of a `media:` reference into an address. Several interfaces on
        one page need different values of `id_prefix`. A payload that lacks values is shown with
        the names of the variables in their place: a preview.
        """
        by_control: dict[str, list[Problem]] = {}
        for problem in problems or []:
            name = problem.name if problem.name in self.controls else ""
            by_control.setdefault(name, []).append(problem)
        taken = {key for _tag, key in self.hotkeys}
        page = Page(
            payload=payload,
            answers=None if answer is None else _values_by_control(answer),
            problems=by_control,
            image_url=image_url,
            id_prefix=id_prefix,
            free_hotkeys=(key for key in DIGITS if key not in taken),
        )
        context = {"content": self.root.render(page), "problems": by_control.get("", [])}
        html = render_to_string("tasks/interface/interface.html", context)
        # The templates escaped everything; replacing single characters keeps it so.
        return mark_safe(storable(html))

    def read_form(self, data: QueryDict) -> list[Json]:
        """The posted form as Label Studio result items; the same form gives the same ids.

        What can't be read as a value stays in the result as it was typed, for `check_result` to
        name and `render` to show again.
        """
        return [
            {
                "id": sha256(f"{control.name}:{number}".encode()).hexdigest()[:10],
                "from_name": control.name,
                "to_name": control.to_name,
                "type": control.result_type,
                "value": value,
            }
            for control in self.controls.values()
            for number, value in enumerate(control.read_form(data))
        ]

    def check_result(self, result: Any, payload: Mapping[str, Any]) -> list[Problem]:
        """What keeps `result` (any JSON) from being an answer to the task with `payload`.

        Items are judged one by one, then each control's answer as a whole; MAX_PROBLEMS are told.
        """
        if not isinstance(result, list):
            return [Problem("not_a_list", _("An answer must be a list of result items."))]
        general = list(check_json(result)) or list(check_size(result))
        if general:
            return general
        problems: list[Problem] = []
        values: dict[str, list[Json]] = {name: [] for name in self.controls}
        for number, item in enumerate(result, start=1):
            found = list(self._check_item(number, item))
            problems += found
            if not found:
                values[item["from_name"]].append(item["value"])
        # An item with a problem may be the answer that would otherwise be missing.
        answered = {problem.name for problem in problems}
        for name, control in self.controls.items():
            if values[name]:
                problems += control.check_answer(values[name])
            elif control.required and name not in answered:
                problems.append(control.missing())
        return problems[:MAX_PROBLEMS]

    def canonical(self, result: list[Json]) -> str:
        """JSON that is equal for equal answers: without ids and order, texts in one spelling.

        Only for results without problems.
        """
        values = _values_by_control(result)
        answer = {name: self.controls[name].canonical(found) for name, found in values.items()}
        return json.dumps(answer, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def result_schema(self) -> Json:
        """JSON Schema of a result. Necessary, not sufficient: `check_result` knows more."""
        items = [_item_schema(control) for control in self.controls.values()]
        return {"type": "array", "items": {"oneOf": items}}

    def _check_item(self, number: int, item: Any) -> Iterator[Problem]:
        """The form of one result item; its value is the control's to judge."""
        if not isinstance(item, dict) or set(item) != ITEM_KEYS:
            message = format_lazy(
                _("Result item {number} must be an object with exactly these keys: {keys}."),
                number=number,
                keys=", ".join(sorted(ITEM_KEYS)),
            )
            yield Problem("bad_item", message)
            return
        name = item["from_name"]
        control = self.controls.get(name) if isinstance(name, str) else None
        if control is None:
            message = format_lazy(
                _("Result item {number}: from_name must be one of: {names}."),
                number=number,
                names=", ".join(self.controls),
            )
            yield Problem("unknown_name", message)
            return
        expected = [
            ("to_name", control.to_name, "wrong_to_name"),
            ("type", control.result_type, "wrong_item_type"),
        ]
        for key, value, code in expected:
            if item[key] != value:
                message = _("Result item {number}: {key} must be “{value}”.")
                message = format_lazy(message, number=number, key=key, value=value)
                yield control.answer_problem(code, message)
        if not isinstance(item["id"], str) or not 1 <= len(item["id"]) <= MAX_ID:
            message = _("Result item {number}: id must be a string of 1 to {limit} characters.")
            message = format_lazy(message, number=number, limit=MAX_ID)
            yield control.answer_problem("bad_id", message)
        if not isinstance(item["value"], dict):
            message = _("Result item {number}: value must be an object.")
            yield control.answer_problem("wrong_type", format_lazy(message, number=number))


def _values_by_control(result: list[Json]) -> dict[str, list[Json]]:
    """The `value` objects by control. Items that are none (in a draft) have nothing to show."""
    values: dict[str, list[Json]] = {}
    for item in result:
        match item:
            case {"from_name": str(name), "value": dict(value)}:
                values.setdefault(name, []).append(value)
    return values


def _item_schema(control: ControlTag) -> Json:
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "minLength": 1, "maxLength": MAX_ID},
            "from_name": {"const": control.name},
            "to_name": {"const": control.to_name},
            "type": {"const": control.result_type},
            "value": control.value_schema(),
        },
        "required": sorted(ITEM_KEYS),
        "additionalProperties": False,
    }
