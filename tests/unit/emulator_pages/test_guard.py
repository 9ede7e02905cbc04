"""Who gets an answer from the page: its own reader, and no other website in the reader's browser."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.responses import PlainTextResponse

from azureml_emulator.pages.guard import Guard

PORT = 8123


async def _get(headers: dict[str, str], method: str = "GET") -> httpx.Response:
    guard = Guard(PlainTextResponse("secret"), PORT)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=guard), base_url=f"http://127.0.0.1:{PORT}") as one:
        return await one.request(method, "/", headers=headers)


def get(**headers: str) -> httpx.Response:
    return asyncio.run(_get({name.replace("_", "-"): value for name, value in headers.items()}))


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"LOCALHOST:{PORT}"])
def test_it_answers_at_its_own_address(host: str) -> None:
    assert get(host=host).text == "secret"


@pytest.mark.parametrize(
    "host", ["", "evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", f"127.0.0.1.evil.example:{PORT}"]
)
def test_it_answers_to_no_other_name(host: str) -> None:
    answer = get(host=host)
    assert answer.status_code == 421
    assert "secret" not in answer.text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    ("mode", "dest"), [("cors", "empty"), ("no-cors", "script"), ("no-cors", "image"), ("navigate", "iframe")]
)
def test_another_site_gets_nothing(site: str, mode: str, dest: str) -> None:
    answer = get(sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=dest)
    assert answer.status_code == 403
    assert "secret" not in answer.text


def test_a_link_on_another_site_may_open_the_page() -> None:
    assert get(sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="document").text == "secret"


@pytest.mark.parametrize("headers", [{}, {"sec_fetch_site": "cross-site"}, {"host": "evil.example"}])
def test_every_answer_says_what_it_may_do(headers: dict[str, str]) -> None:
    answer = get(**headers, origin="https://evil.example")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in answer.headers if name.startswith("access-control")]
