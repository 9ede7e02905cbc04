"""The sizes of virtual machines that a compute may have.

https://learn.microsoft.com/azure/virtual-machines/sizes/overview; supported by Azure ML:
https://learn.microsoft.com/azure/machine-learning/concept-compute-target#supported-vm-series-and-sizes
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """A size: virtual CPUs, memory in GiB, GPUs, and the family whose quota it counts against."""

    name: str
    family: str
    cpus: int
    memory: float
    gpus: int = 0

    @property
    def premium(self) -> bool:
        """Whether it takes premium disks: so says an `s` in the name."""
        return "s" in self.name.removeprefix("Standard_").lower()


# A family, the form of its sizes' names, and its sizes: what stands for {} in the name, CPUs, GiB of memory, GPUs.
_Rows = tuple[tuple[str, int, float, int], ...]


def _by_cpus(*cpus: int, memory: float) -> _Rows:
    """Sizes that are named by their CPUs, with `memory` GiB for each."""
    return tuple((str(n), n, n * memory, 0) for n in cpus)


_DV2: _Rows = (
    ("1", 1, 3.5, 0),
    ("2", 2, 7, 0),
    ("3", 4, 14, 0),
    ("4", 8, 28, 0),
    ("5", 16, 56, 0),
    ("11", 2, 14, 0),
    ("12", 4, 28, 0),
    ("13", 8, 56, 0),
    ("14", 16, 112, 0),
    ("15", 20, 140, 0),
)
_GENERAL = _by_cpus(2, 4, 8, 16, 32, 48, 64, memory=4)
_GENERAL_96 = _by_cpus(2, 4, 8, 16, 32, 48, 64, 96, memory=4)
_MEMORY = _by_cpus(2, 4, 8, 16, 20, 32, 48, memory=8)
_FAMILIES: tuple[tuple[str, str, _Rows], ...] = (
    ("standardAv2Family", "Standard_A{}_v2", (("1", 1, 2, 0), ("2", 2, 4, 0), ("4", 4, 8, 0), ("8", 8, 16, 0))),
    ("standardDFamily", "Standard_D{}", (*_DV2[:4], *_DV2[5:9])),
    ("standardDv2Family", "Standard_D{}_v2", _DV2),
    ("standardDSv2Family", "Standard_DS{}_v2", _DV2),
    ("standardDv3Family", "Standard_D{}_v3", _GENERAL),
    ("standardDSv3Family", "Standard_D{}s_v3", _GENERAL),
    ("standardDASv4Family", "Standard_D{}as_v4", _GENERAL_96),
    ("standardDDSv4Family", "Standard_D{}ds_v4", _GENERAL),
    ("standardDSv4Family", "Standard_D{}s_v4", _GENERAL),
    ("standardDSv5Family", "Standard_D{}s_v5", _GENERAL_96),
    ("standardDDSv5Family", "Standard_D{}ds_v5", _GENERAL_96),
    ("standardDASv5Family", "Standard_D{}as_v5", _GENERAL_96),
    ("standardDADSv5Family", "Standard_D{}ads_v5", _GENERAL_96),
    ("standardEv3Family", "Standard_E{}_v3", (*_MEMORY, ("64", 64, 432, 0))),
    ("standardESv3Family", "Standard_E{}s_v3", (*_MEMORY, ("64", 64, 432, 0))),
    ("standardEASv4Family", "Standard_E{}as_v4", (*_MEMORY, ("64", 64, 512, 0), ("96", 96, 672, 0))),
    ("standardEDSv4Family", "Standard_E{}ds_v4", (*_MEMORY, ("64", 64, 504, 0))),
    ("standardESv5Family", "Standard_E{}s_v5", (*_MEMORY, ("64", 64, 512, 0), ("96", 96, 672, 0))),
    ("standardEDSv5Family", "Standard_E{}ds_v5", (*_MEMORY, ("64", 64, 512, 0), ("96", 96, 672, 0))),
    ("standardEADSv5Family", "Standard_E{}ads_v5", (*_MEMORY, ("64", 64, 512, 0), ("96", 96, 672, 0))),
    ("standardFSv2Family", "Standard_F{}s_v2", _by_cpus(2, 4, 8, 16, 32, 48, 64, 72, memory=2)),
    ("standardMSFamily", "Standard_M{}s", (("64", 64, 1024, 0), ("128", 128, 2048, 0))),
    ("standardNCFamily", "Standard_NC{}", (("6", 6, 56, 1), ("12", 12, 112, 2), ("24", 24, 224, 4))),
    ("standardNCFamily", "Standard_NC{}r", (("24", 24, 224, 4),)),
    ("standardNCSv2Family", "Standard_NC{}s_v2", (("6", 6, 112, 1), ("12", 12, 224, 2), ("24", 24, 448, 4))),
    ("standardNCSv3Family", "Standard_NC{}s_v3", (("6", 6, 112, 1), ("12", 12, 224, 2), ("24", 24, 448, 4))),
    ("standardNCSv3Family", "Standard_NC{}rs_v3", (("24", 24, 448, 4),)),
    (
        "Standard NCASv3_T4 Family",
        "Standard_NC{}as_T4_v3",
        (("4", 4, 28, 1), ("8", 8, 56, 1), ("16", 16, 110, 1), ("64", 64, 440, 4)),
    ),
    (
        "StandardNCADSA100v4Family",
        "Standard_NC{}ads_A100_v4",
        (("24", 24, 220, 1), ("48", 48, 440, 2), ("96", 96, 880, 4)),
    ),
    ("StandardNCadsH100v5Family", "Standard_NC{}ads_H100_v5", (("40", 40, 320, 1),)),
    ("StandardNCadsH100v5Family", "Standard_NC{}adis_H100_v5", (("80", 80, 640, 2),)),
    ("standardNDSFamily", "Standard_ND{}s", (("6", 6, 112, 1), ("12", 12, 224, 2), ("24", 24, 448, 4))),
    ("standardNDSv2Family", "Standard_ND{}rs_v2", (("40", 40, 672, 8),)),
    ("Standard NDASv4_A100 Family", "Standard_ND{}asr_v4", (("96", 96, 900, 8),)),
    ("Standard NDAMSv4_A100Family", "Standard_ND{}amsr_A100_v4", (("96", 96, 1900, 8),)),
    ("standardNDSH100v5Family", "Standard_ND{}isr_H100_v5", (("96", 96, 1900, 8),)),
    ("standardNVFamily", "Standard_NV{}", (("6", 6, 56, 1), ("12", 12, 112, 2), ("24", 24, 224, 4))),
    ("standardNVSv3Family", "Standard_NV{}s_v3", (("12", 12, 112, 1), ("24", 24, 224, 2), ("48", 48, 448, 4))),
    (
        "StandardNVADSA10v5Family",
        "Standard_NV{}ads_A10_v5",
        (("6", 6, 55, 1), ("12", 12, 110, 1), ("18", 18, 220, 1), ("36", 36, 440, 1), ("72", 72, 880, 2)),
    ),
)

SIZES = tuple(
    Size(form.format(label), family, cpus, memory, gpus)
    for family, form, rows in _FAMILIES
    for label, cpus, memory, gpus in rows
)
_BY_NAME = {size.name.lower(): size for size in SIZES}


def find(name: str) -> Size | None:
    """The size of this name, whatever its case, or None."""
    return _BY_NAME.get(name.lower())
