/** Other libraries of Node.js. */
import { inTurn } from "./inTurn.ts"
import { type Client, type Job, name, type Place } from "./Job.ts"
import * as jobs from "./Job.ts"

const letterOf = ({ message }: Job) => (message.kind === "signed" ? jobs.long : jobs.letter)

export const nodemailer = async (job: Job, place: Place): Promise<Client> => {
  const { ca, port } = place
  const { createTransport } = await import("nodemailer")
  const transport = createTransport({
    host: "localhost",
    port,
    secure: job.tls,
    ignoreTLS: !job.tls && job.login !== true,
    requireTLS: job.login === true,
    ...(job.login === true ? { auth: { user: jobs.user, pass: jobs.password } } : {}),
    name,
    tls: { ca },
    pool: !job.fresh,
    maxConnections: job.connections,
    maxMessages: Infinity,
    ...(job.message.kind === "signed"
      ? { dkim: { domainName: "example.com", keySelector: "bench", privateKey: (await import("./dkimKey.ts")).key } }
      : {})
  })
  const envelope = { from: jobs.sender, to: [...jobs.recipientsOf(job)] }
  const common = { from: `Ada Lovelace <${jobs.sender}>`, to: "Bob <bob0@example.net>", envelope }
  const file =
    job.message.kind !== "attachment"
      ? undefined
      : job.message.onDisk === true
        ? { path: jobs.fileOf(job, place) }
        : { content: jobs.attachment(job.message.size) }
  const message =
    job.message.kind === "ready"
      ? { envelope, raw: jobs.ready }
      : {
          ...common,
          ...letterOf(job),
          ...(file === undefined ? {} : { attachments: [{ filename: "file.bin", ...file }] })
        }
  const send = async () => {
    // Without a pool it would open a connection for every message at once.
    await transport.sendMail({ ...message })
  }
  return {
    sendAll: (count) => (job.fresh ? inTurn(count, job.connections, send) : together(count, send)),
    close: () => transport.close()
  }
}

/** Its pool alone, given an envelope and a stream of the ready message: the share of it that SMTP takes. */
export const nodemailerTransport = async (job: Job, { ca, port }: Place): Promise<Client> => {
  const { default: SmtpPool } = await import("nodemailer/lib/smtp-pool")
  const { PassThrough } = await import("node:stream")
  const pool = new SmtpPool({
    host: "localhost",
    port,
    secure: job.tls,
    ignoreTLS: !job.tls,
    name,
    tls: { ca },
    maxConnections: job.connections,
    maxMessages: Infinity
  })
  const to = [...jobs.recipientsOf(job)]
  const mail = {
    data: {},
    message: {
      getEnvelope: () => ({ from: jobs.sender, to: [...to] }),
      messageId: () => "<1@example.com>",
      getHeader: () => "<1@example.com>",
      createReadStream: () => new PassThrough().end(jobs.ready)
    }
  }
  const send = () =>
    new Promise<void>((resolve, reject) => {
      // The pool asks nothing else of a message.
      pool.send(mail as unknown as Parameters<typeof pool.send>[0], (error) => (error ? reject(error) : resolve()))
    })
  return { sendAll: (count) => together(count, send), close: () => pool.close() }
}

export const upyo = async (job: Job, place: Place): Promise<Client> => {
  const { ca, port } = place
  const { createMessage } = await import("@upyo/core")
  const { SmtpTransport } = await import("@upyo/smtp")
  const transport = new SmtpTransport({
    host: "localhost",
    port,
    secure: job.tls,
    localName: name,
    tls: { ca: [ca] },
    pool: !job.fresh,
    poolSize: job.connections,
    ...(job.message.kind === "signed"
      ? {
          dkim: {
            signatures: [
              {
                signingDomain: "example.com",
                selector: "bench",
                privateKey: (await import("./dkimKey.ts")).key,
                algorithm: "rsa-sha256" as const
              }
            ]
          }
        }
      : {})
  })
  const file =
    job.message.kind === "attachment"
      ? [new File([new Uint8Array(jobs.attachment(job.message.size))], "file.bin")]
      : undefined
  const message = createMessage({
    from: `Ada Lovelace <${jobs.sender}>`,
    to: "Bob <bob0@example.net>",
    subject: letterOf(job).subject,
    content:
      job.message.kind === "signed" ? { text: jobs.long.text } : { text: jobs.letter.text, html: jobs.letter.html },
    ...(file === undefined ? {} : { attachments: file })
  })
  const send = async () => {
    const receipt = await transport.send(message)
    if (!receipt.successful) throw new Error(receipt.errorMessages.join(" "))
  }
  return {
    // It opens a connection for each message that is given to it before one is free.
    sendAll: (count) => inTurn(count, job.connections, send),
    close: () => transport.closeAllConnections()
  }
}

export const emailjs = async (job: Job, place: Place): Promise<Client> => {
  const { port } = place
  const { SMTPClient } = await import("emailjs")
  const client = new SMTPClient({ host: "localhost", port, domain: name, timeout: 600_000 })
  const file =
    job.message.kind !== "attachment"
      ? undefined
      : job.message.onDisk === true
        ? { path: jobs.fileOf(job, place) }
        : { data: jobs.attachment(job.message.size).toString("base64"), encoded: true }
  const send = async () => {
    await client.sendAsync({
      from: `Ada Lovelace <${jobs.sender}>`,
      to: "Bob <bob0@example.net>",
      subject: jobs.letter.subject,
      text: jobs.letter.text,
      attachment: [
        { data: jobs.letter.html, alternative: true },
        ...(file === undefined ? [] : [{ ...file, type: "application/octet-stream", name: "file.bin" }])
      ]
    })
  }
  return { sendAll: (count) => together(count, send), close: () => client.smtp.close() }
}

const together = async (count: number, send: () => Promise<void>): Promise<void> => {
  await Promise.all(Array.from({ length: count }, send))
}
