/** Parcels, routes and servers in memory: a small world in which deliveries happen without a socket or a clock. */
import { Parcel } from "@effect-mail/message"
import { Address } from "@effect-mail/protocol"
import { Receipt, type Reply } from "@effect-mail/protocol"
import { Route } from "@effect-mail/dns"
import { Mailbox, MailServer, MemoryNetwork } from "@effect-mail/testing"
import { Effect, Layer, Result } from "effect"

type Recipients = readonly [string, ...ReadonlyArray<string>]

const encoder = new TextEncoder()

export const content = "From: Ada <ada@sender.example>\r\nMessage-ID: <1@sender.example>\r\n\r\n.Hello\r\n"

const forwardPath = (text: string): Address.ForwardPath => (text === "postmaster" ? text : Address.unsafe(text))

export const parcelTo = (...[first, ...others]: Recipients): Parcel.Parcel =>
  Result.getOrThrow(
    Parcel.fromBytes(encoder.encode(content), {
      reversePath: Address.unsafe("ada@sender.example"),
      recipients: [{ address: forwardPath(first) }, ...others.map((to) => ({ address: forwardPath(to) }))],
      options: {}
    })
  )

export const recipientsOf = (parcel: Parcel.Parcel): ReadonlyArray<string> =>
  parcel.envelope.recipients.map(({ address }) => address)

/** The route to one host per address, in this order: `mx1.<domain>` and so on. */
export const routeTo = (domain: string, first: string, ...others: ReadonlyArray<string>): Route.Route =>
  Route.make({
    domain,
    hosts: [
      { name: `mx1.${domain}`, addresses: [first] },
      ...others.map((address, index) => ({ name: `mx${index + 2}.${domain}`, addresses: [address] as const }))
    ]
  })

/** A server at an address, port 25. */
export const serverAt = (address: string, options?: MailServer.Options) =>
  MailServer.layerMemory({ address, port: 25 }, options)

/** Servers, the network they listen in and the mailbox they share. */
export const world = (...servers: ReadonlyArray<ReturnType<typeof serverAt>>) =>
  Layer.mergeAll(Layer.empty, ...servers).pipe(Layer.provideMerge(Layer.merge(MemoryNetwork.layer, Mailbox.layer)))

/** A server that answers every question of one kind with the same reply. */
export const answering =
  (tag: "Connect" | "Mail" | "Rcpt" | "Data" | "Message", reply: Reply.Reply): MailServer.Decide =>
  (question) =>
    Effect.succeed(question._tag === tag ? reply : undefined)

/** `recipient word status host`, for each outcome. */
export const summary = (outcomes: ReadonlyArray<Receipt.Outcome>): ReadonlyArray<string> =>
  outcomes.map((outcome) => {
    const { enhanced, host } = outcome._tag === "Delivered" ? outcome : outcome.failure
    return [outcome.recipient, Receipt.outcomeWord(outcome), enhanced, host]
      .filter((word) => word !== undefined)
      .join(" ")
  })
