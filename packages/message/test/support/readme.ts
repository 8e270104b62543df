import * as Attachment from "@effect-mail/message/Attachment"
import * as Message from "@effect-mail/message/Message"
import * as Render from "@effect-mail/message/Render"
import * as Effect from "effect/Effect"

// A message is a value: what all of them have in common is written once.
const invoice = Message.make({
  from: "Ada Lovelace <ada@example.com>",
  subject: "Your invoice, with greetings from Zürich",
  text: "The invoice is attached.",
  html: '<p>The invoice is attached.</p><img src="cid:logo@example.com">',
  attachments: [{ content: "<svg/>", name: "logo.svg", cid: "logo@example.com" }]
})

// Each one is made of it by functions.
export const invoiceFor = (name: string, address: string) =>
  Effect.gen(function* () {
    const file = yield* Attachment.file("invoices/2030-01.pdf")
    return yield* invoice.pipe(
      Message.to({ name, address }),
      Message.attach(file),
      Message.envelope({ from: "bounces@example.com" }),
      Render.render
    )
  })
