/**
 * One message for many readers: what they have in common is a value, what differs comes from a template with checked data,
 * and a large attachment is a stream that runs only while it is sent.
 */
import { Console, Effect, Schema, Stream } from "effect"
import { Attachment, Message, Render, Template } from "effect-mail"

const newsletter = Message.make({
  from: "Ada Lovelace <ada@example.com>",
  list: { id: "news.example.com", owner: "mailto:ada@example.com" },
  unsubscribe: { url: "https://example.com/u/1", mailto: "mailto:out@example.com" }
})

const letter = Template.make(Schema.Struct({ name: Schema.NonEmptyString }), ({ name }) => ({
  subject: `News for ${name}`,
  text: `Dear ${name},\n\nthe engine works.\n`,
  html: Template.html`<p>Dear ${name},</p><p>the engine works.</p>`.html
}))

const readings = Stream.range(1, 20_000).pipe(Stream.map((n) => new TextEncoder().encode(`${n},${n * n}\n`)))

const program = Effect.gen(function* () {
  for (const name of ["Zoë", "Bob <b>"]) {
    const message = yield* newsletter.pipe(
      Message.to({ name, address: "reader@example.net" }),
      Template.fill(letter, { name })
    )
    const { body } = yield* Render.render(
      Message.attach(message, Attachment.stream(readings, { name: "readings.csv" }))
    )
    const octets = yield* Stream.runFold(
      body.stream,
      () => 0,
      (sum, piece) => sum + piece.length
    )
    yield* Console.log(`${message.subject}: ${octets} octets, ${body.encoding}, in memory: ${body.bytes !== undefined}`)
    yield* Console.log(`  ${message.html}`)
  }
  const refused = yield* Effect.flip(Template.fill(letter, { name: "" })(newsletter))
  yield* Console.log(`without a name: ${refused._tag}`)
})

await Effect.runPromise(program)
