/**
 * A template of React components: data that is checked, HTML from @react-email/render, and a plain text from html-to-text. Rendering
 * components takes a Promise, so the template is an Effect.
 */
import { Body, Button, Container, Heading, Html, Text } from "@react-email/components"
import { render } from "@react-email/render"
import { Console, Effect, Schema } from "effect"
import { Message, Render, Template } from "effect-mail"
import { convert } from "html-to-text"
import { createElement as h } from "react"

const Welcome = ({ link, name }: { readonly link: string; readonly name: string }) =>
  h(
    Html,
    { lang: "en" },
    h(
      Body,
      null,
      h(
        Container,
        null,
        h(Heading, null, `Welcome, ${name}!`),
        h(Text, null, "The engine is yours. One click, and it turns:"),
        h(Button, { href: link }, "Start it")
      )
    )
  )

class RenderError extends Schema.TaggedError<RenderError>()("RenderError", { cause: Schema.Defect() }) {}

const welcome = Template.make(
  Schema.Struct({ name: Schema.NonEmptyString, link: Schema.String.check(Schema.isPattern(/^https:\/\//)) }),
  (data) =>
    Effect.tryPromise({
      try: () => render(h(Welcome, data)),
      catch: (cause) => new RenderError({ cause })
    }).pipe(Effect.map((html) => ({ subject: `Welcome, ${data.name}`, html })))
)

const withText = Template.withText((html) => convert(html, { wordwrap: 76 }))(welcome)

const letter = Message.make({ from: "Ada Lovelace <ada@example.com>", to: "bob@example.net" })

const program = Effect.gen(function* () {
  const message = yield* letter.pipe(Template.fill(withText, { name: "Bob <b>", link: "https://example.com/start" }))
  yield* Console.log(message.subject)
  yield* Console.log(message.text)
  yield* Console.log(`the name is escaped: ${message.html?.includes("Bob &lt;b&gt;")}`)
  const { body } = yield* Render.render(message)
  yield* Console.log(`${body.size} octets, ${body.encoding}`)
  const refused = yield* Effect.flip(Template.fill(welcome, { name: "Bob", link: "javascript:alert(1)" })(letter))
  yield* Console.log(`another link: ${refused._tag}`)
})

await Effect.runPromise(program)
