"""Radiomics of a region of a volume: first-order statistics, shape and texture.

Names and definitions are those of pyradiomics 3 (van Griethuysen et al., Cancer Res 2017;77:e104),
which follow the IBSI reference manual (Zwanenburg et al., Radiology 2020;295:328) but for the
places its documentation names: bins aligned to zero, kurtosis without −3, texture over 26
neighbours with its grey levels in the bins of the region.
"""
