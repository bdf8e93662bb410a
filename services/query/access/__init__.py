"""Who may do what: API keys, browser sessions and signed media links."""

from services.query.access.gate import Gate, require, require_or_link
from services.query.access.keys import Grant, KeyRing, Role
from services.query.access.links import Signer

__all__ = ["Gate", "Grant", "KeyRing", "Role", "Signer", "require", "require_or_link"]
