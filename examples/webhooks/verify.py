"""How a receiver verifies a delivery of qrsd: the header QRSD-Signature is the argument, the body the standard input, the webhook's
secret lies in WEBHOOK_SECRET. Ends with 0 where the delivery is to be taken, and with 1 where not."""

import hashlib
import hmac
import os
import sys
import time


def verify(header: str, secret: str, body: bytes, now: float) -> bool:
    """One of the signatures in the header is that of the body with the secret, and no older than five minutes. The body is the bytes as
    they came: parse them afterwards."""
    parts = [part.partition("=") for part in header.split(",")]
    sent = next((value for name, _, value in parts if name == "t"), "")
    if not (sent.isascii() and sent.isdigit()) or abs(now - int(sent)) > 300:
        return False
    want = hmac.new(secret.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(name == "v1" and hmac.compare_digest(value.encode(), want.encode()) for name, _, value in parts)


if __name__ == "__main__":
    good = len(sys.argv) == 2 and verify(sys.argv[1], os.environ["WEBHOOK_SECRET"], sys.stdin.buffer.read(), time.time())
    print("good" if good else "refused")
    sys.exit(0 if good else 1)
