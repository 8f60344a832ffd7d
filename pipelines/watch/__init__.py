"""What is said about runs: report, checks, history, notices."""
