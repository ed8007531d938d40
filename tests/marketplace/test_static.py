"""The style sheets: small, the same in both reading directions, nothing from elsewhere."""

import gzip
import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[2] / "marketplace" / "static" / "css"
SHEETS = sorted(CSS.glob("*.css"))


def test_what_a_task_loads_weighs_no_more_than_8_kb() -> None:
    assert len(gzip.compress((CSS / "app.css").read_bytes())) <= 8_000


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_no_side_of_the_screen_is_named(sheet: Path) -> None:
    rules = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    assert re.findall(r"[a-z-]*\b(?:left|right)\b[a-z-]*", rules) == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_nothing_is_loaded_by_a_style_sheet(sheet: Path) -> None:
    assert re.search(r"@import|url\(|@font-face", sheet.read_text()) is None
