"""Runs the Breezeway source: command line, load, SQL after the load, checks, report."""
