"""Both services' HTTP APIs: connections, requests, and what a response means."""
