/** Ours: a `Mailer` of `NodeMailer`, as people use it. */
import { type Client, type Job, name, type Place } from "./Job.ts"
import * as jobs from "./Job.ts"

const fileOf = async (job: Job, place: Place) => {
  const Attachment = await import("@effect-mail/message/Attachment")
  const NodeFileSystem = await import("@effect/platform-node/NodeFileSystem")
  const { provide, runPromise } = await import("effect/Effect")
  return runPromise(provide(Attachment.file(jobs.fileOf(job, place)), NodeFileSystem.layer))
}

const messageOf = async (job: Job, place: Place) => {
  const { Message } = await import("effect-mail")
  const to = jobs.recipientsOf(job)
  if (job.message.kind === "ready") return Message.eml(jobs.ready, { envelope: { from: jobs.sender, to } })
  const [first = ""] = to
  const common = { from: `Ada Lovelace <${jobs.sender}>`, to: [`Bob <${first}>`] }
  switch (job.message.kind) {
    case "letter":
      return Message.make({ ...common, ...jobs.letter })
    case "signed":
      return Message.make({ ...common, ...jobs.long })
    case "attachment": {
      const attachment =
        job.message.onDisk === true
          ? await fileOf(job, place)
          : { name: "file.bin", content: jobs.attachment(job.message.size) }
      return Message.make({ ...common, ...jobs.letter, attachments: [attachment] })
    }
  }
}

const signing = async (job: Job) => {
  const Layer = await import("effect/Layer")
  if (job.message.kind !== "signed") return Layer.empty
  const Signing = await import("@effect-mail/message/Signing")
  const NodeSha256 = await import("@effect-mail/node/NodeSha256")
  const Redacted = await import("effect/Redacted")
  const { key } = await import("./dkimKey.ts")
  const signers = [{ domain: "example.com", selector: "bench", key: Redacted.make(key) }]
  return Layer.merge(NodeSha256.layer, Signing.layer({ signers }))
}

const poolOf = ({ connections, fresh }: Job) => ({
  maxConnections: connections,
  maxMessages: fresh ? 1 : 1_000_000
})

/** The whole way: addresses, routes, policy, receipts. */
export const connect = async (job: Job, place: Place): Promise<Client> => {
  const { ca, port } = place
  const NodeMailer = await import("@effect-mail/node/NodeMailer")
  const { Mailer } = await import("effect-mail/Mailer")
  const Effect = await import("effect/Effect")
  const Layer = await import("effect/Layer")
  const ManagedRuntime = await import("effect/ManagedRuntime")
  const smtp = { name, pool: poolOf(job) }
  const login = job.login === true ? `${jobs.user}:${encodeURIComponent(jobs.password)}@` : ""
  const url = `${job.tls ? "smtps" : "smtp"}://${login}localhost:${port}`
  const mailer = NodeMailer.layerUrl(url, { smtp, dialer: ca === "" ? {} : { ca } })
  const runtime = ManagedRuntime.make(mailer.pipe(Layer.provide(await signing(job))))
  const message = await messageOf(job, place)
  const { send } = await runtime.runPromise(Mailer)
  return {
    sendAll: (count) =>
      runtime.runPromise(
        Effect.forEach(Array.from({ length: count }), () => send(message), { concurrency: "unbounded", discard: true })
      ),
    close: () => runtime.dispose()
  }
}

/** The transport alone, given a parcel that is parsed and looked at already: the share of it that SMTP takes. */
export const connectTransport = async (job: Job, { ca, port }: Place): Promise<Client> => {
  const NodeDialer = await import("@effect-mail/node/NodeDialer")
  const SmtpTransport = await import("@effect-mail/transport/SmtpTransport")
  const { Transport } = await import("@effect-mail/transport/Transport")
  const Parcel = await import("@effect-mail/message/Parcel")
  const Endpoint = await import("@effect-mail/protocol/Endpoint")
  const Envelope = await import("@effect-mail/protocol/Envelope")
  const Effect = await import("effect/Effect")
  const Layer = await import("effect/Layer")
  const ManagedRuntime = await import("effect/ManagedRuntime")
  const Result = await import("effect/Result")
  const endpoint = Endpoint.make({ host: "localhost", port, implicitTls: job.tls })
  const transport = SmtpTransport.layer([endpoint], { name, pool: poolOf(job) })
  const runtime = ManagedRuntime.make(Layer.provide(transport, NodeDialer.layer(ca === "" ? {} : { ca })))
  const envelope = Result.getOrThrow(Envelope.make({ from: jobs.sender, to: jobs.recipientsOf(job) }))
  const parcel = Result.getOrThrow(Parcel.fromBytes(jobs.ready, envelope))
  const { send } = await runtime.runPromise(Transport)
  return {
    sendAll: (count) =>
      runtime.runPromise(
        Effect.forEach(Array.from({ length: count }), () => send(parcel), { concurrency: "unbounded", discard: true })
      ),
    close: () => runtime.dispose()
  }
}
