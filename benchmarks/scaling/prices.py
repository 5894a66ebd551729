"""List prices of AWS in US East (N. Virginia), on demand, without tax: what the bill is made of."""

from dataclasses import dataclass

HOURS_PER_MONTH = 730.0

_FARGATE = "https://www.vantage.sh/blog/fargate-pricing"
_ENDPOINTS = "https://www.zacfukuda.com/blog/aws-nat-gateway-vs-vpc-endpoint"
_QUEUE = "https://cloudburn.io/blog/amazon-sqs-pricing"
_BALANCER = "https://cloud-horizons.com/blog/alb-the-line-item-nobody-watches/"
_WAF = "https://awsnegotiations.com/waf-pricing-strategy.html"
_MEMORY = "from memory"


@dataclass(frozen=True, slots=True)
class Price:
    """One price."""

    usd: float
    unit: str
    source: str
    #: When the page was published, or read; "not checked" for what was written from memory.
    date: str


PRICES = {
    "Fargate ARM, vCPU": Price(0.03238, "hour", _FARGATE, "read 2026-11-28"),
    "Fargate ARM, memory": Price(0.00356, "GB and hour", _FARGATE, "read 2026-11-28"),
    "interface endpoint": Price(0.01, "hour and zone", _ENDPOINTS, "1 June 2026"),
    "interface endpoint, data": Price(0.01, "GB", _ENDPOINTS, "1 June 2026"),
    "WAF, web ACL": Price(5.0, "month", _WAF, "2026"),
    "WAF, rule": Price(1.0, "month", _WAF, "2026"),
    "WAF, requests": Price(0.60, "million", _WAF, "2026"),
    "EKS, control plane": Price(0.10, "hour", "techoral.com, article on EKS", "2026"),
    "Lambda, requests": Price(0.20, "million", "awsnegotiations.com, article on Lambda", "May 2026"),
    "Lambda ARM, memory": Price(0.0000133334, "GB and second", _MEMORY, "not checked"),
    "Valkey cache.m7g.large": Price(0.1265, "node and hour", _MEMORY, "not checked"),
    "SQS, standard queue": Price(0.40, "million requests", _QUEUE, "March 2026"),
    "load balancer": Price(0.0225, "hour", _BALANCER, "8 May 2026"),
    "load balancer, capacity unit": Price(0.008, "hour", _BALANCER, "8 May 2026"),
    "public IPv4 address": Price(0.005, "hour", _MEMORY, "not checked"),
    "CloudWatch, alarm": Price(0.10, "month", _MEMORY, "not checked"),
    "CloudWatch, metric": Price(0.30, "month", _MEMORY, "not checked"),
    "CloudWatch, log": Price(0.50, "GB", _MEMORY, "not checked"),
    "S3, standard": Price(0.023, "GB and month", _MEMORY, "not checked"),
    "KMS, key": Price(1.0, "month", _MEMORY, "not checked"),
    "secret": Price(0.40, "month", _MEMORY, "not checked"),
    "traffic between zones": Price(0.02, "GB, both ends", _MEMORY, "not checked"),
}


def usd(name: str) -> float:
    """Return a price by its name."""
    return PRICES[name].usd


def price_table() -> str:
    """Return every price as a table of Markdown."""
    rows = [
        f"| {name} | {price.usd:g} | {price.unit} | {price.source} | {price.date} |" for name, price in PRICES.items()
    ]
    return "\n".join(["| what | USD | for each | source | date |", "|---|---|---|---|---|", *rows])
