"""Extractors: one file each; an asset opened becomes findings, which become events."""
