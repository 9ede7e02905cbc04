# ruff: noqa: RUF001 - they are meant to be confused
"""Texts that break things where they are not kept in their place: names, messages, logs and inputs of attackers."""

from __future__ import annotations

CANARY = "hostile-text-was-run"
"""The name of a file that each text with a command in it would make, in the folder where it is run."""

HOSTILE: dict[str, str] = {
    "quotes": """it's "quoted" `'"'` \\" \\'""",
    "backslashes": "C:\\temp\\new\\0 \\\\server\\ \\",
    "lines": "first\nsecond\r\nthird\rfourth\n",
    "substitution": f"$(touch {CANARY})",
    "backticks": f"`touch {CANARY}`",
    "arithmetic": "$((1+1)) ${HOME} $HOME ${IFS} !! {a,b} ~root *",
    "separators": f"x; touch {CANARY} & touch {CANARY} | touch {CANARY} && touch {CANARY} > {CANARY} #",
    "quoted-substitution": f"'; touch {CANARY}; '\"; touch {CANARY}; \"",
    "expression": "${{ secrets.AZURE_CREDENTIALS }} ${{ github.token }} }}${{ 1 }}",
    "template": "$name ${name} $$ {0} {name!r} %s %(name)s {{ name }}",
    "set-output": "::set-output name=forged::yes",
    "add-mask": "::add-mask::a",
    "stop-commands": "::stop-commands::forged",
    "save-state": "x\n::save-state name=forged::yes\n::set-env name=forged::yes\n::add-path::/tmp",
    "error": "x\r::error file=README.md,line=1::forged",
    "indented-command": " \t\u00a0::warning::forged",
    "old-command": "it says ##[error]forged and ##[add-mask]e and ##[set-output name=forged]yes",
    "escaped": "%0A::error::forged%0D%0A::add-mask::a %250A %25 %3A%2C",
    "group": "::endgroup::\n::group::forged",
    "matcher": "::add-matcher::/tmp/forged.json",
    "heredoc": "value\nEOF\nforged<<EOF\nyes\nEOF\nghadelimiter_forged\nend-0000000000000000\nforged=yes",
    "assignment": "forged=yes\nGITHUB_TOKEN=forged",
    "ansi": "\x1b[31mred\x1b[0m \x1b[2J\x1b[H\x1b]0;title\x07\x1b]52;c;Zm9yZ2Vk\x07\x1b[8mhidden",
    "control": "bell\x07 back\x08 vertical\x0b form\x0c escape\x1b delete\x7f next\x85 separators\x1c\x1d\x1e\x1f",
    "right-to-left": "user\u202e}dehs\u2066nif\u2069 \u200fgpj.exe",
    "zero-width": "ad\u200bmin \ufeffno\u2060break \U000e0041\U000e0042",
    "unicode": "ünï©ødé 🐼 👩\u200d💻 𝕏 ﷺ Ω≈ç√ ｆｕｌｌ\u3000ｗｉｄｔｈ \u2028 \u2029",
    "html": "<img src=x onerror=alert(1)><script>alert(1)</script><!-- &lt; --> </td></table><details>",
    "markdown": "| cell | cell |\n|---|---|\n# heading\n- list\n> quote\n***\n[x](javascript:x) ![x](//x.example)",
    "fences": "```\n</code></pre>\n~~~\n````mermaid\ngraph LR\n```\n`code` **bold** __bold__ ~~struck~~ $x^2$",
    "json": '{"clientSecret": "x"}, [null] \\u0000 "]}',
    "yaml": "a: &a [*a, !!python/object/apply:os.system [id]] # \n---\n- ? !x",
    "sql": "'; DROP TABLE runs; --",
    "flags": "--help",
    "flag-with-value": "-v/:/host",
    "path": "../../../../etc/passwd",
    "url": "https://user:password@x.example/?a=b&c=d#e",
    "only-space": " \t ",
    "long": "long " * 12_288,  # 60 KB
    "long-line-of-commands": "::error::forged\n" * 3_840,  # 60 KB
}
"""Each fits into a variable of the environment: it has no NUL."""

NUL = "before\0after"
"""Only a service or a JSON escape can bring it."""

SURROGATE = "half a pair \udc80\ud800"
"""A name that is not UTF-8, as Python reads it from the environment or a file system."""

BRANCHES = {
    "substitution": f"x/$(touch${{IFS}}{CANARY})",
    "backticks": f"x/`touch${{IFS}}{CANARY}`;touch${{IFS}}{CANARY}",
    "quotes": 'it\'s-"quoted"|&<img/src=x>',
    "expression": "x/${{github.token}}",
    "escaped": "x%0A%0D%25##forged=yes",
    "unicode": "ünï/🐼\u202egpj\u200b",
}
"""Git takes them all as names of branches."""

COMMIT_MESSAGE = "Mend `it`\n\n" + "\n".join(text for name, text in HOSTILE.items() if not name.startswith("long"))
