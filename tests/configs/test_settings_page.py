"""The reference page of all settings is the one that their definition gives."""

from __future__ import annotations

from pathlib import Path

from cladeseg.segmentation.workflow.settings import settings_page

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_up_to_date() -> None:
    """Else write it anew: ``cladeseg settings --markdown > docs/settings.md``."""
    assert PAGE.read_text(encoding="utf-8") == settings_page()


def test_the_page_of_pre_training_is_up_to_date() -> None:
    """Else write it anew: ``cladeseg settings --markdown --pretraining > docs/settings-pretraining.md``."""
    from cladeseg.pretraining.workflow import pretraining_settings_page

    page = PAGE.with_name("settings-pretraining.md")
    assert page.read_text(encoding="utf-8") == pretraining_settings_page()
