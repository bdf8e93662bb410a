"""Metrics of the query service, beside those of `streaming`."""

from typing import Final

from streaming.metrics import Metric

REQUESTS: Final = Metric("framebus_query_requests_total", "counter", "Requests answered.", ("method", "status"))
SEARCH_SECONDS: Final = Metric(
    "framebus_query_search_seconds", "histogram", "Searches by step: encode, search, refine, total.", ("step",)
)
SEARCHES: Final = Metric("framebus_query_searches_total", "counter", "Searches by whether something was found.", ("found",))
METRICS: Final = (REQUESTS, SEARCH_SECONDS, SEARCHES)
