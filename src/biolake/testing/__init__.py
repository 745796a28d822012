"""The synthetic hospital and the conformance suites: test tools that ship in the wheel."""
