"""Every text for people is there in every language, and what is shown is what was translated."""

import gettext
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).parent.parent
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != "en"]
SOURCES = ("accounts", "core", "delivery", "disputes", "marketplace", "payments", "tasks")
TOOLS = shutil.which("xgettext") and shutil.which("msgfmt")


def shown(path: Path) -> dict[object, str]:
    with path.open("rb") as file:
        catalog: dict[object, str] = dict(gettext.GNUTranslations(file)._catalog)
    return {key: text for key, text in catalog.items() if key != ""}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalog_is_shipped_with_its_compiled_form(language: str) -> None:
    folder = ROOT / "locale" / language / "LC_MESSAGES"
    assert len(shown(folder / "django.mo")) > 1_500


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogs brought up to date with the sources, in a copy of them."""
    if not TOOLS:
        warnings.warn("no gettext here: translations are not checked", UserWarning, stacklevel=1)
        pytest.skip("gettext is missing: on Debian, apt-get install gettext")
    copy = tmp_path_factory.mktemp("texts")
    for name in (*SOURCES, "templates", "locale"):
        shutil.copytree(
            ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "static")
        )
    shutil.copy(ROOT / "manage.py", copy)
    languages = [f"--locale={language}" for language in LANGUAGES]
    command = [sys.executable, "manage.py", "makemessages", *languages]
    subprocess.run(
        [*command, "--no-obsolete", "--add-location=file"],
        cwd=copy,
        check=True,
        capture_output=True,
    )
    return copy


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str, gathered: Path, tmp_path: Path) -> None:
    source = gathered / "locale" / language / "LC_MESSAGES" / "django.po"
    made = tmp_path / "django.mo"
    done = subprocess.run(
        ["msgfmt", "--check-format", "--statistics", "-o", str(made), str(source)],
        env={"LC_ALL": "C", "PATH": str(Path(str(shutil.which("msgfmt"))).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    # No word of untranslated or doubtful ones.
    assert re.fullmatch(r"\d+ translated messages\.\n", done.stderr), done.stderr
    shipped = ROOT / "locale" / language / "LC_MESSAGES" / "django.mo"
    assert shown(made) == shown(shipped)
