/** A picture within the HTML: it is attached under a content id, to which the HTML refers. Nothing is fetched by a URL. */
import { Console, Effect } from "effect"
import { Message, Render } from "effect-mail"

const logo = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="5" cy="5" r="4"/></svg>'

const message = Message.make({
  from: "ada@example.com",
  to: "bob@example.net",
  subject: "A round thing",
  text: "There is a picture in this message.\n",
  html: '<p>Look: <img src="cid:logo@example.com" alt="a circle"></p>'
}).pipe(Message.embed({ content: logo, name: "logo.svg", cid: "logo@example.com" }))

const program = Effect.gen(function* () {
  const { body } = yield* Render.render(message)
  const lines = new TextDecoder().decode(body.bytes).split("\r\n")
  for (const line of lines) if (/^Content-(?:Type|ID)/.test(line)) yield* Console.log(line)
})

await Effect.runPromise(program)
