from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

from mlops_actions.kube.smoke import multipart


def test_form_holds_the_file_byte_by_byte(tmp_path: Path) -> None:
    file = tmp_path / 'a "cat".jpg'
    file.write_bytes(bytes(range(256)) + b"\r\n--")
    body, content_type = multipart(file)
    (part,) = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body).get_payload()
    assert part.get_param("name", header="content-disposition") == "file"
    assert part.get_filename() == file.name
    assert part.get_content_type() == "image/jpeg"
    assert bytes(range(256)) + b"\r\n--" in body
