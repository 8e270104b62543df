/**
 * A `Resolver` over an exchange that answers as a name server does, from a table: by name the records, or the response
 * code of every question. A name that is not in the table does not exist.
 */
import * as Resolver from "@effect-mail/dns/Resolver"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Wire from "./wire.ts"

/** The records of a name, made by `Wire`, or a response code. */
export type Zone = Readonly<Record<string, ReadonlyArray<Uint8Array> | number>>

// Of a record that `Wire` made: its type stands behind its owner's name.
const typeOf = (record: Uint8Array): number => {
  let at = 0
  while (record[at] !== 0) at += (record[at] ?? 0) + 1
  return (record[at + 1] ?? 0) * 256 + (record[at + 2] ?? 0)
}

// The name that an alias stands for, which is all of its data.
const targetOf = (alias: Uint8Array): string => Wire.nameAt(alias, alias.indexOf(0) + 11)

const answer = (zone: Zone, query: Uint8Array): Uint8Array => {
  const { name, type } = Wire.questionOf(query)
  const authority = [Wire.soa("invalid", 60, 60)]
  const aliases: Array<Uint8Array> = []
  let known = zone[name.toLowerCase()]
  while (typeof known === "object" && type !== Wire.types.CNAME && aliases.length < 20) {
    const alias = known.find((record) => typeOf(record) === Wire.types.CNAME)
    if (alias === undefined) break
    aliases.push(alias)
    known = zone[targetOf(alias)]
  }
  if (known === undefined) return Wire.reply(query, { rcode: 3, answers: aliases, authority })
  if (typeof known === "number") return Wire.reply(query, { rcode: known })
  const found = known.filter((record) => typeOf(record) === type)
  return Wire.reply(query, { answers: [...aliases, ...found], authority: found.length > 0 ? [] : authority })
}

export const layer = (zone: Zone): Layer.Layer<Resolver.Resolver> => {
  const reply: Resolver.Exchange["udp"] = (_, query) => Effect.sync(() => answer(zone, query))
  return Layer.effect(
    Resolver.Resolver,
    Effect.orDie(Effect.fromResult(Resolver.make({ udp: reply, tcp: reply }, { servers: ["127.0.0.1"] })))
  )
}
