"""Inputs that take what they say and nothing else; outputs that cost little."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.plumbing import ResolvedComponent
from rest_framework import serializers
from rest_framework.fields import empty

from core import money

BIGINT = 2**63 - 1


# The docstring of an input or output describes it in OpenAPI; these two have none, or all would.


# An input: an object with these fields and no other.
class Strict(serializers.Serializer[Any]):
    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, Any] = {}
        if isinstance(data, Mapping):
            unknown = [key for key in data if key not in self.fields]
            said = _("There is no such field.")
            errors = {str(k): serializers.ErrorDetail(str(said), "unknown_field") for k in unknown}
        try:
            value = super().to_internal_value(data)
        except serializers.ValidationError as error:
            if not errors or not isinstance(error.detail, dict):
                raise
            errors |= error.detail
        if errors:
            raise serializers.ValidationError(errors)
        return value


# An output. Its fields are made once a class, not once an answer: they are never changed.
class Shape(serializers.Serializer[Any]):
    _made: ClassVar[dict[type, Any]] = {}

    @cached_property
    def fields(self) -> Any:
        made = Shape._made.get(type(self))
        if made is None:
            made = Shape._made[type(self)] = super().fields
        return made


# --- fields of inputs: JSON's own types, no conversion ---------------------------------------


class Text(serializers.CharField):
    """A string; DRF's own would take numbers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"trim_whitespace": False, "allow_blank": True} | options))

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Whole(serializers.IntegerField):
    """A whole number; DRF's own would take "5", 5.0 and true."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"min_value": -BIGINT, "max_value": BIGINT} | options))

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """True or false; DRF's own would take "yes" and 1."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Choice(serializers.ChoiceField):
    """One of an enumeration, described once by its name."""

    def __init__(self, enum: type[models.TextChoices], **options: Any) -> None:
        super().__init__(choices=enum.choices, **options)
        self.name, self.values = enum.__name__, list(enum.values)


class Json(serializers.Field[Any, Any, Any, Any]):
    """Any JSON, as it is: whether it can be stored is for the service to say."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


# --- money -----------------------------------------------------------------------------------


class Money(serializers.Field[int, Any, dict[str, str], Any]):
    """Micros inside; {"amount": "0.05", "currency": "USD"} outside.

    Coming in, whole cents only, unless `exact`: a price with its fee may be fractions of a cent.
    """

    default_error_messages: ClassVar[dict[str, Any]] = {
        "not_money": _(
            "Give an object of “amount”, a decimal text such as “0.05”, and “currency”."
        ),
        "wrong_currency": _("The only currency here is {currency}."),
    }

    def __init__(self, *, exact: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.parse = money.parse if exact else money.parse_cents

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, Mapping) or set(data) != {"amount", "currency"}:
            self.fail("not_money")
        if data["currency"] != settings.CURRENCY:
            self.fail("wrong_currency", currency=settings.CURRENCY)
        return parsed(data["amount"], self.parse)

    def to_representation(self, value: int) -> dict[str, str]:
        return money.as_json(value)


class Cents(serializers.CharField):
    """An amount in a query: whole cents as a decimal text, micros inside."""

    def run_validation(self, data: Any = empty) -> Any:
        text = super().run_validation(data)
        return parsed(text, money.parse_cents) if isinstance(text, str) and text else None


def parsed(text: Any, parse: Callable[[Any], int]) -> int:
    """Micros of an amount, its refusal as an input's."""
    try:
        return parse(text)
    except DjangoValidationError as error:
        raise serializers.ValidationError(error.messages[0], code=error.code) from error


# --- how they are described ------------------------------------------------------------------


class _Named(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A field whose schema is a component of its own."""

    def component(self, name: str, schema: dict[str, Any], auto_schema: Any) -> dict[str, Any]:
        made = ResolvedComponent(  # type: ignore[no-untyped-call]
            name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=name
        )
        auto_schema.registry.register_on_missing(made)
        ref: dict[str, Any] = made.ref
        return ref


class ChoiceSchema(_Named):  # type: ignore[no-untyped-call]
    target_class = Choice

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        schema = {"type": "string", "enum": self.target.values}
        return self.component(self.target.name, schema, auto_schema)


class JsonSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    target_class = Json

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return {}


class MoneySchema(_Named):  # type: ignore[no-untyped-call]
    target_class = Money

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        schema = {
            "type": "object",
            "properties": {
                "amount": {
                    "type": "string",
                    "pattern": r"^-?\d{1,12}(\.\d{1,6})?$",
                    "examples": ["0.05"],
                    "description": "An exact decimal. Coming in: whole cents.",
                },
                "currency": {"type": "string", "examples": ["USD"]},
            },
            "required": ["amount", "currency"],
            "additionalProperties": False,
        }
        return self.component("Money", schema, auto_schema)
