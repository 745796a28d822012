"""The features' names and units, by family."""

from __future__ import annotations

_EMPHASES = (
    "GrayLevelNonUniformity",
    "GrayLevelVariance",
    "{small}Emphasis",
    "{large}Emphasis",
    "Low{level}Emphasis",
    "High{level}Emphasis",
    "{small}LowGrayLevelEmphasis",
    "{small}HighGrayLevelEmphasis",
    "{large}LowGrayLevelEmphasis",
    "{large}HighGrayLevelEmphasis",
    "{sizes}NonUniformity",
    "{sizes}NonUniformityNormalized",
    "{kind}Variance",
    "{kind}Entropy",
)
_RUNS_AND_ZONES = ("GrayLevelNonUniformityNormalized", "{kind}Percentage")


def _family(more: tuple[str, ...] = (), **words: str) -> tuple[str, ...]:
    return tuple(name.format(**words) for name in (*_EMPHASES, *more))


def _words(names: str) -> tuple[str, ...]:
    return tuple(names.split())


FAMILIES: dict[str, tuple[str, ...]] = {
    "firstorder": _words(
        "10Percentile 90Percentile Energy Entropy InterquartileRange Kurtosis Maximum"
        " MeanAbsoluteDeviation Mean Median Minimum Range RobustMeanAbsoluteDeviation"
        " RootMeanSquared Skewness TotalEnergy Uniformity Variance"
    ),
    "shape": _words(
        "Elongation Flatness LeastAxisLength MajorAxisLength Maximum2DDiameterColumn"
        " Maximum2DDiameterRow Maximum2DDiameterSlice Maximum3DDiameter MeshVolume"
        " MinorAxisLength Sphericity SurfaceArea SurfaceVolumeRatio VoxelVolume"
    ),
    "glcm": _words(
        "Autocorrelation ClusterProminence ClusterShade ClusterTendency Contrast Correlation"
        " DifferenceAverage DifferenceEntropy DifferenceVariance Id Idm Idmn Idn Imc1 Imc2"
        " InverseVariance JointAverage JointEnergy JointEntropy MCC MaximumProbability SumAverage"
        " SumEntropy SumSquares"
    ),
    "gldm": _family(
        small="SmallDependence",
        large="LargeDependence",
        level="GrayLevel",
        sizes="Dependence",
        kind="Dependence",
    ),
    "glrlm": _family(
        _RUNS_AND_ZONES,
        small="ShortRun",
        large="LongRun",
        level="GrayLevelRun",
        sizes="RunLength",
        kind="Run",
    ),
    "glszm": _family(
        _RUNS_AND_ZONES,
        small="SmallArea",
        large="LargeArea",
        level="GrayLevelZone",
        sizes="SizeZone",
        kind="Zone",
    ),
    "ngtdm": ("Busyness", "Coarseness", "Complexity", "Contrast", "Strength"),
}

NAMES: tuple[str, ...] = tuple(
    f"original_{family}_{name}" for family, names in FAMILIES.items() for name in names
)

# Names whose value is an intensity, and so carries the volume's unit.
INTENSITIES = frozenset(
    f"original_firstorder_{name}"
    for name in _words(
        "10Percentile 90Percentile InterquartileRange Maximum MeanAbsoluteDeviation Mean"
        " Median Minimum Range RobustMeanAbsoluteDeviation RootMeanSquared"
    )
)


def unit(name: str, intensity: str) -> str:
    """Return a feature's UCUM unit; `intensity` is the volume's."""
    if name in INTENSITIES:
        return intensity
    short = name.rpartition("_")[2]
    if short.endswith("Volume"):
        return "mm3"
    if short == "SurfaceArea":
        return "mm2"
    if short == "SurfaceVolumeRatio":
        return "/mm"
    if "Diameter" in short or short.endswith("AxisLength"):
        return "mm"
    return "1"
