"""The declared destinations as others enforce and watch them: packet filters and units made from the profile.

Place     a destination with the addresses that are known for it   (place.py)
tcpdump   what must stay silent, as pcap-filter(7)                 (tcpdump.py)
nftables  a table that drops everything else, as nft(8)            (nftables.py)
systemd   a fragment for the service's unit, as systemd.resource-control(5) (systemd.py)

All are pure: the same places give the same text.
"""

from app.egress.rules.nftables import Whose, nftables
from app.egress.rules.place import Place, nameless, places
from app.egress.rules.systemd import systemd
from app.egress.rules.tcpdump import tcpdump

__all__ = ["Place", "Whose", "nameless", "nftables", "places", "systemd", "tcpdump"]
