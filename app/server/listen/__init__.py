"""The listening side: sockets and limits, which endpoint answers, certificates, health.

Listener     aiohttp's low-level server under our router          (listener.py)
Connection   one client connection: llhttp only, our answer to what is not HTTP (connection.py)
Proxies      who calls, behind declared reverse proxies   (proxies.py)
Router       exact paths by dictionary, then patterns             (router.py)
Certificate  yours, or issued by a local authority; reloaded      (tls.py)
health       /livez, /readyz, /metrics                            (health.py)
"""
