"""The listening side: sockets and limits, which endpoint answers, certificates, health.

Listener     aiohttp's low-level server under our router          (listener.py)
Connection   one client connection: llhttp only, our answer to what is not HTTP (connection.py)
Shortcut     plain requests for short endpoints, read by ourselves; all others handed over (quick/);
             adapted.py is the long way to the same endpoints
Proxies      who calls, behind declared reverse proxies   (proxies.py)
Router       exact paths by dictionary, then patterns             (router.py)
Certificate  yours, or issued by a local authority; reloaded      (tls/)
failures     as answers                                       (failures.py)
health       /livez, /readyz, /metrics                            (health.py)
"""
