"""Who may do what: roles, tokens, and the caller of a request."""

import enum
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

LEAST_TOKEN_LENGTH = 16
"""Characters; `openssl rand -hex 32` gives 64. What is shorter can be guessed."""


class Role(enum.IntEnum):
    """What a caller may do; who may operate may view as well."""

    VIEW = 1
    OPERATE = 2

    @property
    def label(self) -> str:
        """The word in the configuration."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Token:
    """A token without the token: what is needed to know it again."""

    name: str
    role: Role
    digest: bytes = field(repr=False)
    """SHA-256: tokens are long and random, so nothing slower is needed."""
    session_key: bytes = field(repr=False)
    """Signs the cookies of those who logged in with it: with another token they end."""

    @classmethod
    def of(cls, name: str, role: Role, secret: str) -> Self:
        """From the token itself, which is not kept."""
        raw = secret.encode()
        # The key tells nothing of the digest nor the other way round: another message each.
        key = hmac.digest(raw, f"emberwatch session 1 {role.label} {name}".encode(), "sha256")
        return cls(name, role, hashlib.sha256(raw).digest(), key)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request."""

    name: str
    """As people see it beside what was done; empty for those who read without a token."""
    role: Role
    csrf: str = ""
    """What a form of this caller must carry; empty where no cookie says who it is."""

    @property
    def operates(self) -> bool:
        return self.role is Role.OPERATE


ANYBODY = Caller("", Role.VIEW)
"""Reads without a token, where that is allowed."""


def known(tokens: Iterable[Token], secret: str) -> Token | None:
    """The token that is this one; the time it takes tells nothing of any of them."""
    digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
    found = None
    for token in tokens:
        if hmac.compare_digest(token.digest, digest) and found is None:
            found = token
    return found
