/** Mail over SMTP, from the call to the reply to the last dot. */
import { execFileSync } from "node:child_process"
import { existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { emailjs, nodemailer, ours, upyo, written } from "../Peers.ts"
import type { Facts, Foreign, Implementation, Scenario } from "../Scenario.ts"
import { stage, type Way } from "../servers/mail.ts"
import * as coldStart from "./coldStart.ts"
import { byHand } from "./byHand.ts"
import * as domains from "./domains.ts"
import * as effectMail from "./effectMail.ts"
import { type Connect, type Job, letter, prepare, ready, recipientsOf, sender, type Watch } from "./Job.ts"
import * as jobs from "./Job.ts"
import * as peers from "./peers.ts"

const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

// Programs read what they are to send from files.
const files = (job: Job, facts: Facts) => {
  const folder = String(facts["folder"])
  const write = (name: string, content: string | Uint8Array): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const attachment = job.message.kind === "attachment" ? [jobs.fileOf(job, { port: 0, ca: "", folder })] : []
  return {
    ca: write("ca.pem", String(facts["ca"])),
    content:
      job.message.kind === "ready"
        ? [write("ready.eml", ready)]
        : [write("letter.txt", letter.text), write("letter.html", letter.html), ...attachment]
  }
}

const noWorker = () => Promise.reject(new Error("this is a program of its own"))

const python = "/usr/bin/python3"
const perl = "/usr/bin/perl"
const smtpSource = "/usr/sbin/smtp-source"

const smtplib = (job: Job, facts: Facts): Foreign => {
  const { ca, content } = files(job, facts)
  const { connections, fresh, items, message, recipients, tls } = job
  const words = [message.kind, recipients, connections, fresh, tls, items, facts["port"], facts["verifyPort"], ca]
  return { file: python, args: [script("./smtplib-client.py"), ...words.map(String), ...content] }
}

const netSmtp = (job: Job, facts: Facts): Foreign => {
  const { fresh, items, recipients } = job
  const words = [recipients, fresh, items, facts["port"], facts["verifyPort"], ...files(job, facts).content]
  return { file: perl, args: [script("./net-smtp-client.pl"), ...words.map(String)] }
}

const postfix = (job: Job, facts: Facts): Foreign => {
  // It makes the line ends itself, and the last of them is its own.
  const file = join(String(facts["folder"]), "smtp-source.eml")
  writeFileSync(file, ready.toString().replaceAll("\r\n", "\n").slice(0, -1))
  const [first = ""] = recipientsOf(job)
  const to = job.recipients > 1 ? ["-r", String(job.recipients), "-t", "bob@example.net"] : ["-t", first]
  const args = ["-M", "client.example", "-F", file, "-f", sender, ...to, ...(job.fresh ? [] : ["-d"])]
  return {
    file: smtpSource,
    args,
    batch: (items) => [
      "-s",
      String(items === undefined ? 1 : job.connections),
      "-m",
      String(items ?? 1),
      `127.0.0.1:${facts[items === undefined ? "verifyPort" : "port"]}`
    ]
  }
}

const said = (file: string, args: ReadonlyArray<string>): string =>
  existsSync(file) ? execFileSync(file, args, { encoding: "utf8" }).trim() : "not installed"

const postfixVersion = (): string =>
  existsSync("/usr/sbin/postconf") ? said("/usr/sbin/postconf", ["-h", "mail_version"]) : "of this system"

const programs = (job: Job): ReadonlyArray<Implementation> => {
  const { connections, message, tls } = job
  const exact = message.kind === "ready"
  return [
    ...(existsSync(python) && message.kind !== "signed"
      ? [
          {
            name: "smtplib",
            version: said(python, ["-c", "import platform; print(platform.python_version())"]),
            command: (facts: Facts) => smtplib(job, facts),
            prepare: noWorker
          }
        ]
      : []),
    ...(existsSync(perl) && exact && connections === 1 && !tls
      ? [
          {
            name: "Net::SMTP",
            version: said(perl, ["-MNet::SMTP", "-e", "print $Net::SMTP::VERSION"]),
            command: (facts: Facts) => netSmtp(job, facts),
            prepare: noWorker
          }
        ]
      : []),
    ...(existsSync(smtpSource) && exact && !tls
      ? [
          {
            name: "smtp-source",
            version: postfixVersion(),
            command: (facts: Facts) => postfix(job, facts),
            prepare: noWorker
          }
        ]
      : [])
  ]
}

// What carries a ready message, without all that a mailer does before and behind it.
const transport = { ...ours, name: "effect-mail transport" }
const nodemailerTransport = { ...nodemailer, name: "nodemailer transport" }

const hasTransport = ({ login, message }: Job): boolean => message.kind === "ready" && login !== true

// What was promised of sending ready messages was promised of what carries them.
const promisedOf = (job: Job) => (hasTransport(job) ? transport : ours)

const libraries = (
  job: Job
): ReadonlyArray<readonly [{ readonly name: string; readonly version: string }, Connect]> => {
  const exact = job.message.kind === "ready"
  return [
    [ours, effectMail.connect],
    ...(hasTransport(job) ? [[transport, effectMail.connectTransport] as const] : []),
    [nodemailer, peers.nodemailer],
    ...(hasTransport(job) && !job.fresh ? [[nodemailerTransport, peers.nodemailerTransport] as const] : []),
    ...(exact ? [] : [[upyo, peers.upyo] as const]),
    ...(exact || job.message.kind === "signed" ? [] : [[emailjs, peers.emailjs] as const]),
    ...(exact ? Object.entries(byHand).map(([name, connect]) => [written(name), connect] as const) : [])
  ]
}

interface Options
  extends Partial<Omit<Job, "tls" | "login">>, Way, Watch, Pick<Scenario, "slow" | "rounds" | "atLeast"> {
  /** Whether programs of other languages do not take part. */
  readonly nodeOnly?: boolean
}

// So long it takes until all that so much code does has been compiled for good, as it is in a process that sends mail for hours.
const warmUp = 4000

const scenario = (name: string, title: string, options: Options): Scenario => {
  const job: Job = {
    message: options.message ?? { kind: "ready" },
    recipients: options.recipients ?? 1,
    connections: options.connections ?? 1,
    fresh: options.fresh ?? false,
    tls: options.tls ?? false,
    login: options.login ?? false,
    items: options.items ?? 50
  }
  return {
    name,
    title,
    unit: "messages",
    items: job.items,
    slow: options.slow,
    warmUp: options.slow === true || options.roundTrip !== undefined ? undefined : warmUp,
    rounds: options.rounds,
    atLeast: options.atLeast,
    stage: async () => {
      const staged = await stage({ ...options, exact: job.message.kind === "ready" })
      // Written here, it takes none of the memory of those who send it.
      if (job.message.kind === "attachment" && job.message.onDisk === true) files(job, staged.facts)
      return staged
    },
    implementations: [
      ...libraries(job).map(([who, connect]) => ({
        ...who,
        prepare: prepare(job, connect, options, who === promisedOf(job))
      })),
      ...(options.nodeOnly === true ? [] : programs(job))
    ]
  }
}

export const scenarios: ReadonlyArray<Scenario> = [
  scenario("ready/2kB", "a ready message of 2 kB, one connection that is kept", {}),
  scenario("ready/fresh", "the same, a connection for each message", { fresh: true, items: 20 }),
  scenario("ready/5-connections", "the same, 5 connections that are kept", {
    connections: 5,
    // Of what carries the messages, and of the whole mailer, too.
    atLeast: [transport.name, ours.name].flatMap((who) => [
      { who, peer: nodemailer.name, of: "rate", ratio: 5 },
      { who, peer: nodemailer.name, of: "cpu", ratio: 5 },
      { who, peer: "node:net, pipelined", of: "cpu", ratio: 0.5 }
    ])
  }),
  scenario("ready/50-connections", "the same, 50 connections that are kept", { connections: 50, items: 500 }),
  scenario("ready/50-recipients", "the same to 50 recipients at once, one connection", { recipients: 50, items: 50 }),
  scenario("ready/tls", "the same over TLS, one connection that is kept", { tls: true }),
  scenario("ready/tls-fresh", "the same over TLS, a connection for each message", {
    tls: true,
    fresh: true,
    items: 20
  }),
  scenario("ready/round-trip-20", "one connection over a way of 20 ms", {
    roundTrip: 20,
    items: 20,
    // The first of a run has nobody to ride behind.
    waits: 1.1,
    atLeast: [{ who: transport.name, peer: "node:net, pipelined across messages", of: "rate", ratio: 0.9 }]
  }),
  scenario("ready/round-trip-100", "one connection over a way of 100 ms", { roundTrip: 100, items: 5, slow: true }),
  scenario("waiting/10000", "10,000 ready messages of 2 kB at once, 5 connections that are kept", {
    connections: 5,
    items: 10_000,
    growth: 100,
    rounds: 1,
    nodeOnly: true,
    slow: true
  }),
  scenario("letter/4kB", "a letter of 4.4 kB with text and page, composed anew each time, one connection", {
    message: { kind: "letter" }
  }),
  scenario("letter/signed", "a letter of 10 kB with a DKIM signature (RSA, 2048 bits)", {
    message: { kind: "signed" },
    items: 50
  }),
  scenario("attachment/1MB", "a letter with an attachment of 1 MB", {
    message: { kind: "attachment", size: 1_000_000 },
    items: 5
  }),
  scenario("attachment/100MB", "a letter with a file of 100 MB", {
    message: { kind: "attachment", size: 100_000_000, onDisk: true },
    items: 1,
    growth: 32,
    rounds: 3,
    slow: true
  }),
  scenario(
    "cold/submission",
    "STARTTLS, a login and a ready message over a way of 20 ms, a connection for each message",
    {
      login: true,
      nodeOnly: true,
      fresh: true,
      roundTrip: 20,
      items: 1,
      // EHLO, STARTTLS, the handshake, EHLO behind its end, AUTH, the envelope, the message.
      waits: 7
    }
  ),
  ...domains.scenarios,
  ...coldStart.scenarios
]
