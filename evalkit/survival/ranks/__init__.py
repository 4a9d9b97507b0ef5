"""Tests of whether exits come alike in several groups.

Not a measure of how different the groups are.
"""
