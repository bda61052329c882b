"""Tests of the checks, against real servers, files and processes."""
