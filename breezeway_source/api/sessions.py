"""The HTTP sessions of this source."""

from __future__ import annotations

import os

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies

POOL_SIZE = 32


def new_session(base_url: str) -> requests.Session:
    """A session for many threads and one host; retries nothing by itself.

    Proxies and the certificate bundle are read from the environment once, here. With `trust_env` requests
    would do that for every request, and would replace our Authorization header by an entry of ~/.netrc.
    """
    session = requests.Session()
    session.trust_env = False
    session.proxies = get_environ_proxies(base_url)
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if bundle:
        session.verify = bundle
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=POOL_SIZE, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["Accept"] = "application/json"
    session.headers["User-Agent"] = "breezeway-source"
    return session
