"""What waiting and calling cost, beside the peers, against the sandbox: ``python -m benchmarks``."""

OURS, HTTP, DBT = "ImageJobTrigger", "HttpEventTrigger", "DbtCloudRunJobTrigger"
BARE, IDLE = "bare aiohttp", "idle trigger"
