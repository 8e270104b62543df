/** A letter of text and HTML, from its parts to its bytes. */
import { nodemailer, ours } from "../Peers.ts"
import type { Scenario, Work } from "../Scenario.ts"
import { work } from "../Scenario.ts"
import type { Letter } from "./letters.ts"
import { ascii, read, umlauts } from "./letters.ts"

const count = 100

const view = async (all: ReadonlyArray<Uint8Array>) => [all.length, await read(all[0] ?? new Uint8Array())]

// Each letter is new, as it is for somebody who writes to many.
const effectMail = async (letter: Letter): Promise<Work> => {
  const Encoding = await import("@effect-mail/message/Encoding")
  const Message = await import("@effect-mail/message/Message")
  const Render = await import("@effect-mail/message/Render")
  const Effect = await import("effect/Effect")
  const one = Effect.suspend(() => Render.render(Message.make(letter)))
  const all = Effect.forEach(Array.from({ length: count }), () =>
    Effect.map(one, ({ body }) => body.bytes ?? new Uint8Array())
  )
  // nodemailer composes in 7bit, whatever the server takes.
  const sevenBit = Effect.provideService(all, Encoding.CurrentWidest, "7bit")
  return work(() => Effect.runSync(sevenBit), view)
}

const mailComposer = async (letter: Letter): Promise<Work> => {
  const { default: MailComposer } = await import("nodemailer/lib/mail-composer")
  const one = () => new MailComposer({ ...letter }).compile().build()
  return work(async () => {
    const all: Array<Uint8Array> = []
    for (let i = 0; i < count; i++) all.push(await one())
    return all
  }, view)
}

const scenario = (name: string, title: string, letter: Letter): Scenario => ({
  name,
  title,
  unit: "messages",
  items: count,
  atLeast: [{ peer: nodemailer.name, of: "rate", ratio: 10 }],
  implementations: [
    { ...ours, prepare: () => effectMail(letter) },
    { ...nodemailer, prepare: () => mailComposer(letter) }
  ]
})

export const scenarios: ReadonlyArray<Scenario> = [
  scenario("compose/ascii", "text and HTML of 4.4 kB", ascii),
  scenario("compose/umlauts", "text and HTML of 4.4 kB, one word of each line not ASCII", umlauts)
]
