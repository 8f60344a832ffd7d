"""The other side of `bench_road.py load`: the same lists through dlt's `rest_api` source, all defaults."""

from __future__ import annotations

import json
import os
import time

import dlt
import requests
from dlt.sources.helpers.rest_client.auth import APIKeyAuth
from dlt.sources.rest_api import rest_api_source

base_url = os.environ["SOURCES__BREEZEWAY__BASE_URL"]
prefix = "SOURCES__BREEZEWAY__REGIONS__SMOKY__"
pair = {"client_id": os.environ[f"{prefix}CLIENT_ID"], "client_secret": os.environ[f"{prefix}CLIENT_SECRET"]}
token = requests.post(f"{base_url}/public/auth/v1/", json=pair, timeout=60).json()["access_token"]

source = rest_api_source(
    {
        "client": {
            "base_url": f"{base_url}/public/inventory/v1/",
            "auth": APIKeyAuth(name="Authorization", api_key=f"JWT {token}"),
            "paginator": {"type": "page_number", "base_page": 1, "total_path": "total_pages"},
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "parallelized": True,
            "endpoint": {"data_selector": "results"},
        },
        "resources": [
            {"name": "properties", "endpoint": {"path": "property"}},
            {
                "name": "reservations",
                "endpoint": {
                    "path": "reservation",
                    "params": {"checkout_date_ge": "2024-01-01", "limit": 100},
                    "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
                },
            },
            {
                "name": "tasks",
                "endpoint": {"path": "task", "params": {"home_id": "{resources.properties.id}"}},
            },
        ],
    }
)
pipeline = dlt.pipeline(
    "plain", destination=dlt.destinations.duckdb("plain_rows.duckdb"), dataset_name="plain"
)
seconds = {}
for step, work in (
    ("extract", lambda: pipeline.extract(source)),
    ("normalize", pipeline.normalize),
    ("load", pipeline.load),
):
    start = time.monotonic()
    work()
    seconds[step] = round(time.monotonic() - start, 2)
with pipeline.sql_client() as client:
    rows = {
        name: client.execute_sql(f"select count(*) from {name}")[0][0]
        for name in ("properties", "reservations", "tasks")
    }
print(json.dumps({**seconds, "rows": rows}))
