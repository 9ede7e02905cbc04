"""Cuts off shared objects what only linkers and debuggers read, which is most of some: elf.py FOLDER.

The dynamic linker goes by the program headers alone; the sections, and the table of them at the end, are there for
others (System V ABI, chapter 4: "Files used during program execution must have a program header table", and may have a
section header table). What no segment covers is cut off; no other byte moves, as it would when a linker wrote anew.
"""

from __future__ import annotations

import struct
import sys
from pathlib import Path

_MAGIC = b"\x7fELF\x02\x01"  # of 64 bits and little-endian; others are left as they are
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")


def loaded(content: bytes) -> bytes:
    """What is loaded of a shared object; anything else as it is."""
    if not content.startswith(_MAGIC):
        return content
    *start, programs, _sections, flags, size, entry_size, entries, section_size, _section_entries, _names = (
        _HEADER.unpack_from(content)
    )
    segments = [_SEGMENT.unpack_from(content, programs + entry_size * number) for number in range(entries)]
    end = max((offset + length for _, _, offset, _, _, length, _, _ in segments), default=len(content))
    header = _HEADER.pack(*start, programs, 0, flags, size, entry_size, entries, section_size, 0, 0)
    return header + content[len(header) : end]


def main(folder: Path) -> int:
    """Cut all shared objects in a folder; how many bytes that frees."""
    freed = 0
    for file in folder.rglob("*.so*"):
        if file.is_file() and not file.is_symlink():
            content = file.read_bytes()
            rest = loaded(content)
            freed += len(content) - len(rest)
            if rest != content:
                mode = file.stat().st_mode
                # A file anew: this one may be another's, too, by a hard link.
                file.unlink()
                file.write_bytes(rest)
                file.chmod(mode)
    return freed


if __name__ == "__main__":
    print(f"{main(Path(sys.argv[1])) / 1e6:.1f} MB are not taken along for debuggers")  # noqa: T201
