"""What the uploads have shown, as figures."""

from __future__ import annotations

from soak.report import Figures, machine

from .uploads import CONNECTIONS, MOST_GROWTH, MOST_SECONDS, Outcome

HEADER = f"""# The service under damaged uploads

Written by `make soak`. Over {CONNECTIONS} connections a service of its own gets, one after the other as a seed draws
them: photos that are cut off, have bits turned over, or are pieced together anew; JPEG, PNG, GIF and WEBP files whose
parts contradict each other, with sizes up to 2^32 - 1, thousands of frames, scans, segments or texts, and contents that
unpack to a thousand times their size; other files, and such as are two things at once; forms with broken headers,
boundaries and charsets, in each other and of 10,000 fields; and requests that break the rules of HTTP.

Each has to be answered within {MOST_SECONDS:g} s, an error by the service's own body and never by a status from 500 on
other than 503. Only who leaves before the request is whole, or breaks HTTP itself, may be answered otherwise. After
every 50th a good photo has to be answered as ever. *Growth* is that of the service's resident memory (PSS) between the
second fifth of the time and the last; {MOST_GROWTH // 10**6} MB would be a mistake, as would be a process that is gone.
"""


def figures(outcome: Outcome, *, seed: int, seconds: float) -> Figures:
    """The figures, each with the prefix of the topic's part."""
    answers, samples, growth = outcome.answers, outcome.samples, outcome.growth()
    total = answers.total()
    found: Figures = {
        "sent": total,
        "seed": seed,
        "kinds": len(outcome.kinds),
        "mistakes": len(outcome.mistakes()),
        "errors_500": sum(number for status, number in answers.items() if status >= 500 and status != 503),  # noqa: PLR2004
        "workers_lost": outcome.workers_lost(),
        **{f"answered_{status}": answers[status] for status in sorted(answers) if status},
        "left_before_the_end": answers[0],
        "good_photos_between": outcome.good_answers,
        "slowest_seconds": round(outcome.slowest[0], 2),
        "slowest_kind": outcome.slowest[1],
        "pss_mb_first": round(samples[0].pss / 1e6, 1),
        "pss_mb_last": round(samples[-1].pss / 1e6, 1),
        "pss_mb_most": round(max(sample.pss for sample in samples) / 1e6, 1),
        **({} if growth is None else {"pss_growth_mb": round(growth / 1e6, 1)}),
        "threads_most": max(sample.threads for sample in samples),
        "threads_last": samples[-1].threads,
        "per_second": round(total / seconds, 1),
        "seconds": round(seconds, 1),
    }
    return {**{f"uploads_{name}": value for name, value in found.items()}, **machine()}
