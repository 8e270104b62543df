"""An aiosmtpd server that writes every message it takes into a folder: aiosmtpd-sink.py FOLDER.

The first two lines of a file are the sender and the recipients, the rest is the message, octet by octet.
"""
import asyncio
import os
import sys

from aiosmtpd.smtp import SMTP

folder = sys.argv[1]


class Sink:
    count = 0

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
    factory = lambda: SMTP(Sink(), enable_SMTPUTF8=True, hostname="sink.example", data_size_limit=64 << 20)
    server = await loop.create_server(factory, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
