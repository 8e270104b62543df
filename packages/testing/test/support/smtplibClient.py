"""A client that nobody here wrote: smtplibClient.py PORT CA-FILE PLAN prints what it was told, as JSON."""
import json
import smtplib
import socket
import ssl
import sys

port, ca, plan = int(sys.argv[1]), sys.argv[2], sys.argv[3]
message = "From: Alice <alice@example.com>\r\nSubject: From Python\r\n\r\n.\r\n..dots\r\nend\r\n"
bob, carol, nobody = "bob@example.com", "carol@example.com", "perm@example.com"


def context():
    return ssl.create_default_context(cafile=ca)


def lines(file, count):
    codes = []
    while len(codes) < count:
        line = file.readline().decode()
        if line[3:4] != "-":
            codes.append(int(line[:3]))
    return codes


def plain():
    with smtplib.SMTP("127.0.0.1", port, "client.example.com") as smtp:
        refused = smtp.sendmail("alice@example.com", [bob, nobody, carol], message)
        smtp.sendmail("alice@example.com", [carol], message)
        return {"refused": {to: code for to, (code, _) in refused.items()}, "size": smtp.esmtp_features["size"]}


def starttls():
    with smtplib.SMTP("127.0.0.1", port, "client.example.com") as smtp:
        smtp._host = "mail.example.com"
        smtp.starttls(context=context())
        offered = smtp.ehlo()[1].decode()
        smtp.sendmail("alice@example.com", [bob], message)
        return {"again": "STARTTLS" in offered}


def login():
    with smtplib.SMTP("127.0.0.1", port, "client.example.com") as smtp:
        smtp._host = "mail.example.com"
        smtp.starttls(context=context())
        try:
            smtp.login("alice", "wrong")
            code = 0
        except smtplib.SMTPAuthenticationError as error:
            code = error.smtp_code
        smtp.login("alice", "secret")
        smtp.sendmail("alice@example.com", [bob], message)
        return {"wrong": code}


def lmtp():
    with smtplib.LMTP("127.0.0.1", port, "client.example.com") as smtp:
        smtp.sendmail("alice@example.com", [bob], message)
        return {}


def implicit():
    raw = socket.create_connection(("127.0.0.1", port))
    with context().wrap_socket(raw, server_hostname="mail.example.com") as tls:
        with tls.makefile("rb") as file:
            greeting = lines(file, 1)
            tls.sendall(b"EHLO client.example.com\r\nQUIT\r\n")
            return {"codes": greeting + lines(file, 2)}


def pipelining():
    envelope = f"MAIL FROM:<alice@example.com>\r\nRCPT TO:<{bob}>\r\nRCPT TO:<{nobody}>\r\nDATA\r\n"
    stuffed = message.replace("\r\n.", "\r\n..")
    with socket.create_connection(("127.0.0.1", port)) as raw, raw.makefile("rb") as file:
        codes = lines(file, 1)
        raw.sendall(f"EHLO client.example.com\r\n{envelope}".encode())
        codes += lines(file, 5)
        raw.sendall(f"{stuffed}.\r\n{envelope}".encode())
        codes += lines(file, 5)
        raw.sendall(f"{stuffed}.\r\nQUIT\r\n".encode())
        codes += lines(file, 2)
        return {"codes": codes, "rest": file.read().decode()}


plans = {
    "plain": plain,
    "starttls": starttls,
    "login": login,
    "lmtp": lmtp,
    "implicit": implicit,
    "pipelining": pipelining,
}
print(json.dumps(plans[plan]()))
