# Verifies every DKIM signature of messages with dkimpy. Input: JSON {"records": {name: text}, "messages": [base64]};
# output: JSON, for each message a list of verdicts.
import base64
import dkim
import json
import sys

given = json.load(sys.stdin)


def text_of(name, timeout=5):
    return given["records"].get(name.decode().rstrip("."), "").encode()


def verdicts(message):
    count = sum(1 for line in message.split(b"\r\n") if line.lower().startswith(b"dkim-signature:"))
    verifier = dkim.DKIM(message)
    return [verifier.verify(idx=i, dnsfunc=text_of) for i in range(count)]


print(json.dumps([verdicts(base64.b64decode(m)) for m in given["messages"]]))
