"""An aiosmtpd server that writes every message it takes into a folder: aiosmtpd-sink.py FOLDER [CERTIFICATE KEY HOW].

The first two lines of a file are the sender and the recipients, the rest is the message, octet by octet. HOW is "starttls"
or "tls". Recipients that begin with "perm" and "temp" are refused, for good and for now.
"""
import asyncio
import os
import ssl
import sys

from aiosmtpd.smtp import SMTP

folder = sys.argv[1]


class Sink:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("perm"):
            return "550 5.1.1 Nobody of this name"
        if address.startswith("temp"):
            return "450 4.2.1 Come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        Sink.count += 1
        name = os.path.join(folder, f"{Sink.count:04d}")
        with open(name + ".part", "wb") as file:
            file.write(f"{envelope.mail_from}\n{' '.join(envelope.rcpt_tos)}\n".encode())
            file.write(envelope.content)
        os.rename(name + ".part", name + ".eml")
        return "250 2.0.0 Written"


async def main():
    loop = asyncio.get_running_loop()
    tls = None
    if len(sys.argv) > 2:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(sys.argv[2], sys.argv[3])
    implicit = tls is not None and sys.argv[4] == "tls"
    options = {} if tls is None or implicit else {"tls_context": tls, "require_starttls": True}
    factory = lambda: SMTP(
        Sink(), enable_SMTPUTF8=True, hostname="sink.example", data_size_limit=64 << 20, **options
    )
    server = await loop.create_server(factory, "127.0.0.1", 0, ssl=tls if implicit else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
