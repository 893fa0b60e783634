"""Measured figures: each module measures one subject and prints JSON, medians and ratios of the same run."""
