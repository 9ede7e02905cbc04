"""Counts what became of the mini batches and their items, and tells when too many have failed."""

from __future__ import annotations

from .settings import Settings


class Tally:
    """The counts of a run against its thresholds.

    Failed items are those of a mini batch that failed, and the difference between what `run` got and what it returned.
    A mini batch fails if `run` raises, runs out of time or ends its process in all its attempts, or returns fewer
    elements than it got (reference "CLI (v2) parallel job YAML schema", mini_batch_error_threshold). If the input is
    split by keys, `run` may return one element for all of its partition: then only the items are counted.
    """

    def __init__(self, settings: Settings, total: int) -> None:
        self._settings = settings
        self.total = total
        self.done = self.failed = self.items = self.failed_items = self.retried = 0

    def succeeded(self, items: int, returned: int) -> bool:
        """A mini batch whose `run` returned; the answer is whether that counts as a success."""
        missing = max(items - returned, 0)
        short = missing > 0 and (not self._settings.partition_keys or returned == 0)
        self.done += 1
        self.items += items
        self.failed_items += missing
        self.failed += short
        return not short

    def gave_up(self, items: int) -> None:
        """A mini batch that failed in all its attempts."""
        self.done += 1
        self.failed += 1
        self.items += items
        self.failed_items += items

    def excess(self) -> str | None:
        """Why the run fails by now, or None if it does not."""
        settings = self._settings
        if 0 <= settings.error_threshold < self.failed_items:
            return f"{self.failed_items} items failed, more than the error_threshold {settings.error_threshold}"
        if 0 <= settings.mini_batch_error_threshold < self.failed:
            return (
                f"{self.failed} mini batches failed, more than the mini_batch_error_threshold "
                f"{settings.mini_batch_error_threshold}"
            )
        percent = 100 * self.failed / self.total if self.total else 0
        if percent > settings.allowed_failed_percent:
            return (
                f"{self.failed} of {self.total} mini batches failed, more than the allowed_failed_percent "
                f"{settings.allowed_failed_percent:g}"
            )
        return None

    def summary(self) -> str:
        """The counts in one line."""
        return (
            f"{self.done} of {self.total} mini batches done, {self.failed} failed, {self.retried} retries; "
            f"{self.items} items, {self.failed_items} failed"
        )
