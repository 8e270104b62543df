# smtplib at work: KIND RECIPIENTS CONNECTIONS FRESH TLS ITEMS PORT VERIFYPORT CAFILE; see Foreign in Scenario.ts. The message, or
# the parts of the letter, are read from the files that follow.
import resource, smtplib, ssl, sys, threading, time
from email.message import EmailMessage
from email.policy import SMTP

kind, recipients, connections, fresh, tls, items, port, verify, ca, *files = sys.argv[1:]
to = ["bob%d@example.net" % n for n in range(int(recipients))]
content = [open(name, "rb").read() for name in files]

def message():
    if kind == "ready":
        return content[0]
    letter = EmailMessage(policy=SMTP)
    letter["From"] = "Ada Lovelace <ada@example.com>"
    letter["To"] = "Bob <bob0@example.net>"
    letter["Subject"] = "Your order of today"
    letter.set_content(content[0].decode())
    letter.add_alternative(content[1].decode(), subtype="html")
    if kind == "attachment":
        letter.add_attachment(content[2], maintype="application", subtype="octet-stream", filename="file.bin")
    return letter.as_bytes()

def connect(port):
    if tls == "true":
        return smtplib.SMTP_SSL("localhost", port, "client.example", context=ssl.create_default_context(cafile=ca))
    return smtplib.SMTP("127.0.0.1", port, "client.example")

idle = []

def lane(port, count):
    client = None if fresh == "true" else (idle.pop() if idle else connect(port))
    for _ in range(count):
        if fresh == "true":
            client = connect(port)
        client.sendmail("ada@example.com", to, message())
        if fresh == "true":
            client.quit()
    if fresh != "true":
        idle.append(client)

def run(port, count):
    lanes = min(count, int(connections))
    shares = [count // lanes + (1 if n < count % lanes else 0) for n in range(lanes)]
    if lanes == 1:
        return lane(port, count)
    threads = [threading.Thread(target=lane, args=(port, share)) for share in shares]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return (used.ru_utime + used.ru_stime) * 1e6

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0

run(int(verify), 1)
for client in idle: client.quit()
idle.clear()
print("ready", flush=True)
for line in sys.stdin:
    limit, began, used, runs = float(line) / 1e3, time.perf_counter(), cpu(), 0
    while runs == 0 or time.perf_counter() - began < limit:
        run(int(port), int(items))
        runs += 1
    print(runs, round((time.perf_counter() - began) * 1e6), round(cpu() - used), peak(), flush=True)
