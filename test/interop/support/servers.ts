/**
 * The mail servers of the interop tests, each on loopback in a folder of its own, with the same rules: recipients that begin
 * with `perm` are refused for good, those that begin with `temp` for now, the others at inbox.example are delivered.
 */
import { Endpoint, TlsPolicy } from "@effect-mail/protocol"
import { TestCertificate } from "@effect-mail/testing"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Path from "node:path"
import { SMTPServer } from "smtp-server"
import * as Peers from "../../support/peers.ts"
import * as Jail from "./jail.ts"

/** A message as it was delivered, once for each recipient or once for several, with what was put in front of it. */
export interface Delivered {
  /** Octets in latin1, with the line ends of the place where it was kept. */
  readonly content: string
}

/** How to reach a server, and with what security. */
export interface Door {
  readonly name: "clear text" | "STARTTLS" | "TLS"
  readonly endpoint: Endpoint.Endpoint
  /** Whether it lets in only those who say who they are: `ada` with the password `secret`. */
  readonly auth: boolean
}

/** A server that runs. */
export interface Running {
  readonly doors: ReadonlyArray<Door>
  readonly delivered: () => ReadonlyArray<Delivered>
  /** The folder that it runs in, or the empty string. */
  readonly root: string
}

/** A server, and what is known of it. */
export interface Server {
  readonly name: string
  readonly missing: string | undefined
  readonly doors: ReadonlyArray<Door["name"]>
  /** The header fields that it puts in front of a message. */
  readonly adds: ReadonlyArray<string>
  /** How it keeps line ends. */
  readonly newline: "\n" | "\r\n"
  /** Extensions that it must offer, so that they are what is tested. */
  readonly offers: ReadonlyArray<string>
  readonly smtputf8: boolean
  readonly start: (certificate: TestCertificate.TestCertificate) => Effect.Effect<Running, never, Scope.Scope>
}

/** The name that is in the certificate. */
export const host = "mail.example.com"

const endpoint = (port: number, tls: TlsPolicy.TlsPolicy, implicitTls = false, protocol: "smtp" | "lmtp" = "smtp") =>
  Endpoint.make({ host, address: "127.0.0.1", port, tls, implicitTls, protocol })

const doors = (
  ports: { readonly clear?: number; readonly startTls?: number; readonly tls?: number },
  options: { readonly protocol?: "smtp" | "lmtp"; readonly auth?: ReadonlyArray<Door["name"]> } = {}
): ReadonlyArray<Door> => {
  const { auth = [], protocol } = options
  const all = [
    { name: "clear text", port: ports.clear, tls: TlsPolicy.none, implicit: false },
    { name: "STARTTLS", port: ports.startTls, tls: TlsPolicy.required, implicit: false },
    { name: "TLS", port: ports.tls, tls: TlsPolicy.required, implicit: true }
  ] as const
  return all.flatMap(({ implicit, name, port, tls }) =>
    port === undefined ? [] : [{ name, endpoint: endpoint(port, tls, implicit, protocol), auth: auth.includes(name) }]
  )
}

/** The keywords that a server offers to a client in clear text. */
export const keywords = ({ port, protocol }: Endpoint.Endpoint): Effect.Effect<ReadonlyArray<string>> =>
  Effect.callback((resume) => {
    const socket = Net.connect(port, "127.0.0.1")
    let said = ""
    socket.on("error", (error) => resume(Effect.die(error)))
    socket.on("data", (chunk) => {
      said += chunk.toString("latin1")
      if (/^220 .*\r\n$/.test(said)) socket.write(`${protocol === "lmtp" ? "LHLO" : "EHLO"} client.example\r\n`)
      if (!/^250 .*\r\n/m.test(said)) return
      socket.destroy()
      resume(Effect.succeed([...said.matchAll(/^250[ -]([A-Z0-9]+)/gm)].map((match) => match[1] ?? "")))
    })
  })

// What is in `new` is complete, so that a file is read but once.
const filesIn = (folder: string): (() => ReadonlyArray<Delivered>) => {
  const known = new Map<string, Delivered>()
  return () => {
    const entries = Fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    for (const entry of entries) {
      const path = Path.join(entry.parentPath, entry.name)
      if (!entry.isFile() || !entry.parentPath.endsWith("/new") || known.has(path)) continue
      known.set(path, { content: Fs.readFileSync(path, "latin1") })
    }
    return [...known.values()]
  }
}

/** A jail with a certificate, and what was delivered in it. */
export const jailed = Effect.fnUntraced(function* (certificate: TestCertificate.TestCertificate, keyMode = 0o600) {
  const jail = yield* Jail.make
  jail.write("/etc/tls/cert.pem", certificate.certificate)
  jail.write("/etc/tls/key.pem", certificate.key, keyMode)
  jail.own("vmail", "/var/mail")
  return { jail, root: jail.root, delivered: filesIn(Path.join(jail.root, "var/mail")) }
})

// The service that knows who ada is, for servers that ask Dovecot.
const dovecot = Effect.fnUntraced(function* (jail: Jail.Jail, settings: string, ports: ReadonlyArray<number>) {
  jail.write(
    "/etc/dovecot/dovecot.conf",
    `
listen = 127.0.0.1
base_dir = /run/dovecot
log_path = /dev/stderr
ssl = yes
ssl_cert = </etc/tls/cert.pem
ssl_key = </etc/tls/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
default_vsz_limit = 1G
mail_location = maildir:~/
first_valid_uid = 1
postmaster_address = postmaster@inbox.example
hostname = ${host}
passdb {
  driver = static
  args = password=secret
}
service stats {
  chroot =
}
${settings}`
  )
  jail.own("root", "/run/dovecot", "/var/lib/dovecot")
  yield* jail.start(["/usr/sbin/dovecot", "-F"], ports)
})

const postfixFolders = [
  "active",
  "bounce",
  "corrupt",
  "defer",
  "deferred",
  "flush",
  "hold",
  "incoming",
  "maildrop",
  "private",
  "public",
  "saved",
  "trace"
]

const smtpd = (port: number, ...options: ReadonlyArray<string>) =>
  `127.0.0.1:${port} inet n - n - - smtpd${options.map((option) => ` -o ${option}`).join("")}`

// What Postfix runs besides.
const postfixServices = `
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1000 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

/** Starts Postfix in a jail, with these network services. */
export const postfixIn = Effect.fnUntraced(function* (
  jail: Jail.Jail,
  services: ReadonlyArray<string>,
  ports: ReadonlyArray<number>,
  settings = ""
) {
  jail.own("root", "/var/spool/postfix", "/var/spool/postfix/pid", "/var/log")
  jail.own("postfix", "/var/lib/postfix", ...postfixFolders.map((name) => `/var/spool/postfix/${name}`))
  jail.write("/etc/postfix/verdicts", "/^perm/ 550 5.1.1 Nobody of this name\n/^temp/ 450 4.2.1 Come back later\n")
  jail.write("/etc/postfix/master.cf", `${services.join("\n")}\n${postfixServices}`)
  jail.write(
    "/etc/postfix/main.cf",
    `
compatibility_level = 3.6
myhostname = ${host}
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
alias_maps =
local_recipient_maps =
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
maillog_file = /var/log/postfix.log
maillog_file_prefixes = /var/log
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 100
message_size_limit = 104857600
virtual_mailbox_limit = 0
virtual_mailbox_domains = inbox.example
virtual_mailbox_base = /var/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:906
virtual_gid_maps = static:906
smtpd_tls_cert_file = /etc/tls/cert.pem
smtpd_tls_key_file = /etc/tls/key.pem
smtpd_relay_restrictions = permit_sasl_authenticated reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access regexp:/etc/postfix/verdicts
${settings}`
  )
  yield* jail.start(["/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-s"], ports)
})

export const postfix: Server = {
  name: "Postfix",
  missing: Jail.missing,
  doors: ["clear text", "STARTTLS", "TLS"],
  adds: ["Return-Path", "X-Original-To", "Delivered-To", "Received"],
  newline: "\n",
  offers: ["PIPELINING", "DSN", "SMTPUTF8", "CHUNKING"],
  smtputf8: true,
  start: Effect.fnUntraced(function* (certificate) {
    const { jail, ...kept } = yield* jailed(certificate)
    const [clear, startTls, tls, sasl] = [
      yield* Peers.freePort,
      yield* Peers.freePort,
      yield* Peers.freePort,
      yield* Peers.freePort
    ]
    yield* dovecot(
      jail,
      `protocols =\nservice auth {\n  inet_listener {\n    address = 127.0.0.1\n    port = ${sasl}\n  }\n}\n`,
      [sasl]
    )
    const only = [
      "smtpd_sasl_auth_enable=yes",
      "smtpd_sasl_type=dovecot",
      `smtpd_sasl_path=inet:127.0.0.1:${sasl}`,
      "smtpd_sender_restrictions=permit_sasl_authenticated,reject"
    ]
    const services = [
      smtpd(clear),
      smtpd(startTls, "smtpd_tls_security_level=encrypt", "smtpd_tls_auth_only=yes", ...only),
      smtpd(tls, "smtpd_tls_wrappermode=yes", ...only)
    ]
    yield* postfixIn(jail, services, [clear, startTls, tls])
    return { doors: doors({ clear, startTls, tls }, { auth: ["STARTTLS", "TLS"] }), ...kept }
  })
}

export const exim: Server = {
  name: "Exim",
  missing: Jail.missing,
  doors: ["clear text", "STARTTLS", "TLS"],
  adds: ["Return-path", "Envelope-to", "Received"],
  newline: "\n",
  offers: ["PIPELINING", "PIPECONNECT", "CHUNKING", "SMTPUTF8"],
  smtputf8: true,
  start: Effect.fnUntraced(function* (certificate) {
    const { jail, ...kept } = yield* jailed(certificate, 0o644)
    const [clear, tls] = [yield* Peers.freePort, yield* Peers.freePort]
    jail.own("Debian-exim", "/var/spool/exim4", "/var/log/exim4")
    jail.write(
      "/etc/exim4/exim4.conf",
      `
primary_hostname = ${host}
local_interfaces = <; 127.0.0.1.${clear} ; 127.0.0.1.${tls}
tls_on_connect_ports = ${tls}
tls_certificate = /etc/tls/cert.pem
tls_privatekey = /etc/tls/key.pem
tls_advertise_hosts = *
chunking_advertise_hosts = *
pipelining_connect_advertise_hosts = *
smtputf8_advertise_hosts = *
message_size_limit = 100M
recipients_max = 200
smtp_accept_max = 100
host_lookup =
rfc1413_hosts =
never_users =
keep_environment =
domainlist ours = inbox.example
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
begin acl
rcpt:
  deny condition = \${if match{$local_part}{\\N^perm\\N}}
       message = 550 5.1.1 Nobody of this name
  defer condition = \${if match{$local_part}{\\N^temp\\N}}
       message = 450 4.2.1 Come back later
  accept domains = +ours
  deny message = 550 5.7.1 Not ours
begin routers
all:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  maildir_format
  directory = /var/mail/all
  create_directory
  user = vmail
  group = vmail
  batch_max = 200
  envelope_to_add
  return_path_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = \${if and{{eq{$auth2}{ada}}{eq{$auth3}{secret}}}}
  server_set_id = $auth2
`
    )
    yield* jail.start(["/usr/sbin/exim4", "-bdf"], [clear, tls])
    return { doors: doors({ clear, startTls: clear, tls }), ...kept }
  })
}

/**
 * Version 6.8, which Debian 12 has, offers STARTTLS and then fails every handshake: its private keys are lost between it and
 * OpenSSL 3. That is a test, too.
 */
export const opensmtpd: Server = {
  name: "OpenSMTPD",
  missing: Jail.missing,
  doors: ["clear text"],
  adds: ["Return-Path", "Delivered-To", "Received"],
  newline: "\n",
  offers: ["8BITMIME", "DSN"],
  smtputf8: false,
  start: Effect.fnUntraced(function* (certificate) {
    const { jail, ...kept } = yield* jailed(certificate)
    const clear = yield* Peers.freePort
    jail.own("root", "/var/spool/smtpd", "/var/lib/opensmtpd/empty")
    jail.write(
      "/etc/smtpd.conf",
      `
pki ${host} cert "/etc/tls/cert.pem"
pki ${host} key "/etc/tls/key.pem"
table people { "@inbox.example" = "vmail" }
smtp max-message-size 100M
smtp limit max-rcpt 200
filter perm phase rcpt-to match rcpt-to regex { "^<?perm" } reject "550 5.1.1 Nobody of this name"
filter temp phase rcpt-to match rcpt-to regex { "^<?temp" } reject "450 4.2.1 Come back later"
filter verdicts chain { perm, temp }
listen on 127.0.0.1 port ${clear} tls pki ${host} hostname ${host} filter verdicts
action keep maildir "/var/mail/all" virtual <people>
match from any for domain "inbox.example" action keep
`,
      0o600
    )
    yield* jail.start(["/usr/sbin/smtpd", "-d"], [clear])
    return { doors: doors({ clear }), ...kept }
  })
}

export const dovecotLmtp: Server = {
  name: "Dovecot, LMTP",
  missing: Jail.missing,
  doors: ["clear text", "STARTTLS", "TLS"],
  adds: ["Return-Path", "Delivered-To", "Received"],
  newline: "\r\n",
  offers: ["CHUNKING"],
  smtputf8: false,
  start: Effect.fnUntraced(function* (certificate) {
    const { jail, ...kept } = yield* jailed(certificate)
    const [clear, tls] = [yield* Peers.freePort, yield* Peers.freePort]
    const names = ["bob", ...Array.from({ length: 60 }, (_, i) => `user${i}`)]
    const lines = names.map((name) => `${name}@inbox.example:::::/var/mail/${name}::`)
    // A mailbox that is full says so behind the message, for its owner alone.
    const full = Array.from(
      { length: 60 },
      (_, i) => `temp${i}@inbox.example:::::/var/mail/temp${i}::userdb_quota_rule=*:bytes=1`
    )
    jail.write("/etc/dovecot/users", `${[...lines, ...full].join("\n")}\n`)
    yield* dovecot(
      jail,
      `
protocols = lmtp
mail_save_crlf = yes
quota_full_tempfail = yes
mail_uid = 906
mail_gid = 906
plugin {
  quota = maildir:User quota
}
userdb {
  driver = passwd-file
  args = username_format=%u /etc/dovecot/users
  default_fields = uid=906 gid=906
}
protocol lmtp {
  mail_plugins = quota
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${clear}
  }
  inet_listener lmtps {
    address = 127.0.0.1
    port = ${tls}
    ssl = yes
  }
}
`,
      [clear, tls]
    )
    return { doors: doors({ clear, startTls: clear, tls }, { protocol: "lmtp" }), ...kept }
  })
}

export const dovecotSubmission: Server = {
  name: "Dovecot, submission in front of Postfix",
  missing: Jail.missing,
  doors: ["clear text", "STARTTLS", "TLS"],
  adds: ["Return-Path", "X-Original-To", "Delivered-To", "Received"],
  newline: "\n",
  offers: ["PIPELINING", "CHUNKING"],
  smtputf8: false,
  start: Effect.fnUntraced(function* (certificate) {
    const { jail, ...kept } = yield* jailed(certificate)
    const [relay, clear, tls] = [yield* Peers.freePort, yield* Peers.freePort, yield* Peers.freePort]
    yield* postfixIn(jail, [smtpd(relay)], [relay])
    yield* dovecot(
      jail,
      `
protocols = submission
submission_relay_host = 127.0.0.1
submission_relay_port = ${relay}
submission_max_mail_size = 100M
userdb {
  driver = static
  args = uid=906 gid=906 home=/var/mail/home
}
service submission-login {
  inet_listener submission {
    address = 127.0.0.1
    port = ${clear}
  }
  inet_listener submissions {
    address = 127.0.0.1
    port = ${tls}
    ssl = yes
  }
}
`,
      [clear, tls]
    )
    const all = doors({ clear, startTls: clear, tls }, { auth: ["clear text", "STARTTLS", "TLS"] })
    return { doors: all, ...kept }
  })
}

export const aiosmtpd: Server = {
  name: "aiosmtpd",
  missing: Peers.missing.aiosmtpd,
  doors: ["clear text", "STARTTLS", "TLS"],
  adds: [],
  newline: "\r\n",
  offers: ["8BITMIME", "SMTPUTF8"],
  smtputf8: true,
  start: Effect.fnUntraced(function* (certificate) {
    const folder = yield* Peers.folder
    const files = { cert: Path.join(folder, "cert"), key: Path.join(folder, "key") }
    Fs.writeFileSync(files.cert, certificate.certificate)
    Fs.writeFileSync(files.key, certificate.key)
    const clear = yield* Peers.aiosmtpdWith()
    const startTls = yield* Peers.aiosmtpdWith(files.cert, files.key, "starttls")
    const tls = yield* Peers.aiosmtpdWith(files.cert, files.key, "tls")
    return {
      doors: doors({ clear: clear.port, startTls: startTls.port, tls: tls.port }),
      root: "",
      delivered: () => [...clear.received(), ...startTls.received(), ...tls.received()]
    }
  })
}

// A server in this process, on a port of its own choice.
const smtpServer = (options: ConstructorParameters<typeof SMTPServer>[0], into: Array<Delivered>) =>
  Effect.acquireRelease(
    Effect.callback<SMTPServer>((resume) => {
      const refuse = (responseCode: number, text: string) => Object.assign(new Error(text), { responseCode })
      const server = new SMTPServer({
        disabledCommands: ["AUTH"],
        authOptional: true,
        size: 104_857_600,
        logger: false,
        disableReverseLookup: true,
        onRcptTo: ({ address }, _session, done) => {
          if (address.startsWith("perm")) return done(refuse(550, "5.1.1 Nobody of this name"))
          if (address.startsWith("temp")) return done(refuse(450, "4.2.1 Come back later"))
          done()
        },
        onData: (stream, _session, done) => {
          const chunks: Array<Buffer> = []
          stream.on("data", (chunk: Buffer) => chunks.push(chunk))
          stream.on("end", () => {
            into.push({ content: Buffer.concat(chunks).toString("latin1") })
            done()
          })
        },
        ...options
      })
      server.on("error", () => undefined)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.callback<void>((resume) => server.close(() => resume(Effect.void)))
  ).pipe(
    Effect.map(({ server }) => {
      const address = server.address()
      return typeof address === "object" && address !== null ? address.port : 0
    })
  )

export const npm: Server = {
  name: "smtp-server of npm",
  missing: undefined,
  doors: ["clear text", "STARTTLS", "TLS"],
  adds: [],
  newline: "\r\n",
  offers: ["PIPELINING", "8BITMIME", "SMTPUTF8"],
  smtputf8: true,
  start: Effect.fnUntraced(function* ({ certificate: cert, key }) {
    const all: Array<Delivered> = []
    const clear = yield* smtpServer({ hideSTARTTLS: true }, all)
    const startTls = yield* smtpServer({ key, cert, needsUpgrade: false }, all)
    const tls = yield* smtpServer({ key, cert, secure: true }, all)
    return { doors: doors({ clear, startTls, tls }), root: "", delivered: () => all }
  })
}

/** All of them. */
export const servers: ReadonlyArray<Server> = [postfix, exim, opensmtpd, dovecotLmtp, dovecotSubmission, aiosmtpd, npm]
