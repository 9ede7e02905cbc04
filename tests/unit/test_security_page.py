"""The page on security names tests that exist."""

from __future__ import annotations

import re

from sandbox.paths import ROOT

PAGE = ROOT / "docs" / "security.md"


def test_what_the_page_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE.read_text())
    relative = [link for link in links if "://" not in link]
    assert len(relative) > 10
    assert [link for link in relative if not (PAGE.parent / link).exists()] == []


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/security.md)" in (ROOT / "README.md").read_text()
