"""Pictures of a training for people: its curves, the confusion matrix, and the worst mistakes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from dataset import Dataset
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

Matrix = list[list[int]]
Probabilities = npt.NDArray[np.float32]

MOST_MISTAKES = 24
COLUMNS = 6

SHOWN = 0.35
"""Share of a row's images from which on a cell is so dark that its text has to be white."""

_NAMES = {"": "training", "val_": "validation"}


def draw(
    folder: Path, *, history: dict[str, list[float]], tested: Dataset, probabilities: Probabilities, confusion: Matrix
) -> list[Path]:
    """Write all of them into the folder, as PNGs.

    `probabilities` are the answers to the tested images, [N, labels]; `confusion` is made of them, as `evaluate` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = {
        "curves": curves(history),
        "confusion_matrix": confusion_matrix(tested.labels, confusion),
        "worst_mistakes": mistakes(tested, probabilities),
    }
    paths = [folder / f"{name}.png" for name in figures]
    for path, figure in zip(paths, figures.values(), strict=True):
        figure.savefig(path, dpi=110)
    return paths


def curves(history: dict[str, list[float]]) -> Figure:
    """Loss and accuracy of each epoch, of the training photos and of those to validate on."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    figure.suptitle("How the training went")
    for axes, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for prefix, name in _NAMES.items():
            if values := history.get(f"{prefix}{quantity}"):
                axes.plot(range(1, len(values) + 1), values, marker="o", markersize=3, label=name)
        axes.set(title=quantity.capitalize(), xlabel="epoch", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(bottom=0, top=1.02 if quantity == "accuracy" else None)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def confusion_matrix(labels: list[str], rows: Matrix) -> Figure:
    """How many images of each label, a row, were given which label, a column."""
    count, matrix = len(labels), np.array(rows)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 2.5 + 0.9 * count
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{matrix[row, column]}\n{share:.0%}"
        axes.text(column, row, text, ha="center", va="center", color="white" if share > SHOWN else "black")
    right = int(np.trace(matrix))
    axes.set(xlabel="answered", ylabel="expected", title=f"{right} of {matrix.sum()} test photos right")
    axes.set_xticks(range(count), labels, rotation=30, ha="right")
    axes.set_yticks(range(count), labels)
    figure.colorbar(shown, label="share of the expected label", shrink=0.8)
    return figure


def mistakes(tested: Dataset, probabilities: Probabilities) -> Figure:
    """The images with a wrong answer, those first of which the network was the most sure."""
    answered, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(answered != tested.classes)
    if not len(wrong):
        figure = Figure(figsize=(6, 1.2))
        figure.suptitle(f"No mistake in {len(tested.images)} test photos", y=0.6)
        return figure
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:MOST_MISTAKES]
    rows = math.ceil(len(worst) / COLUMNS)
    figure = Figure(figsize=(1.9 * COLUMNS, 2.5 * rows + 0.6), layout="constrained")
    figure.suptitle(f"The worst {len(worst)} of {len(wrong)} mistakes in {len(tested.images)} test photos")
    for place, axes in enumerate(figure.subplots(rows, COLUMNS, squeeze=False).flat):
        axes.axis("off")
        if place < len(worst):
            _photo(axes, tested, int(worst[place]), probabilities)
    return figure


def _photo(axes: Axes, tested: Dataset, number: int, probabilities: Probabilities) -> None:
    expected, answered = int(tested.classes[number]), int(probabilities[number].argmax())
    axes.imshow(tested.images[number])
    axes.set_title(
        f"expected {tested.labels[expected]}: {probabilities[number, expected]:.0%}\n"
        f"answered {tested.labels[answered]}: {probabilities[number, answered]:.0%}",
        fontsize=8,
    )
