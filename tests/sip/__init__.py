"""A small SIP user agent for tests: it calls, it is called, and it keeps every message with its instant."""

from tests.sip.behaviour import Behaviour, answers, ignores, refuses, rings, table
from tests.sip.dialog import IncomingCall, OutgoingCall
from tests.sip.journal import Direction, Entry
from tests.sip.message import Message
from tests.sip.peer import SipPeer

__all__ = [
    "Behaviour",
    "Direction",
    "Entry",
    "IncomingCall",
    "Message",
    "OutgoingCall",
    "SipPeer",
    "answers",
    "ignores",
    "refuses",
    "rings",
    "table",
]
