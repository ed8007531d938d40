from importlib import import_module

from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "delivery"

    def ready(self) -> None:
        """Handlers listen from the start of every process."""
        import_module("delivery.handlers")
