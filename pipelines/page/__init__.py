"""The page to look at: one HTML file made from `sync_runs` and the marts, which needs no network to be read."""
