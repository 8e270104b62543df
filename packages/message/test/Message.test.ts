import * as Message from "@effect-mail/message/Message"
import { assert, describe, it } from "@effect/vitest"

describe("Message", () => {
  it("is the same value whether it is made at once, in a pipe or step by step", () => {
    const date = new Date(0)
    const attachment = { content: "a", name: "a.txt" }
    const picture = { content: "b", name: "b.png", cid: "b@example.com" }
    const piped = Message.empty
      .pipe(
        Message.from("ada@example.com"),
        Message.sender("sec@example.com"),
        Message.replyTo("list@example.com"),
        Message.to("bob@example.com"),
        Message.to(["carol@example.com", { name: "Dan", address: "dan@example.com" }]),
        Message.cc("eve@example.com"),
        Message.bcc("frank@example.com"),
        Message.subject("Hi"),
        Message.text("text"),
        Message.html("<p>html"),
        Message.attach(attachment),
        Message.embed(picture),
        Message.header("X-A", "1"),
        Message.header("X-A", "2")
      )
      .pipe(
        Message.date(date),
        Message.messageId("1@example.com"),
        Message.inReplyTo("<0@example.com>"),
        Message.references("<-1@example.com>\r\n <0@example.com>"),
        Message.listUnsubscribe({ url: "https://example.com/u" }),
        Message.autoSubmitted("auto-generated"),
        Message.envelope({ from: "bounces@example.com" })
      )
    const made = Message.make({
      from: "ada@example.com",
      sender: "sec@example.com",
      replyTo: "list@example.com",
      to: ["bob@example.com", "carol@example.com", { name: "Dan", address: "dan@example.com" }],
      cc: "eve@example.com",
      bcc: ["frank@example.com"],
      subject: "Hi",
      text: "text",
      html: "<p>html",
      attachments: [attachment, { ...picture, disposition: "inline" }],
      headers: [
        ["X-A", "1"],
        ["X-A", "2"]
      ],
      date,
      messageId: "1@example.com",
      inReplyTo: "<0@example.com>",
      references: ["<-1@example.com>", "<0@example.com>"],
      unsubscribe: { url: "https://example.com/u" },
      autoSubmitted: "auto-generated",
      envelope: { from: "bounces@example.com" }
    })
    assert.deepStrictEqual({ ...piped }, { ...made })
    assert.deepStrictEqual({ ...Message.subject(Message.empty, "Hi") }, { ...Message.make({ subject: "Hi" }) })
    assert.deepStrictEqual(
      { ...Message.header(Message.empty, "X-A", "1") },
      { ...Message.make({ headers: { "X-A": "1" } }) }
    )
  })
  it("is never changed", () => {
    const before = { ...Message.empty }
    Message.empty.pipe(Message.to("a@example.com"), Message.attach({ content: "a" }), Message.header("A", "b"))
    assert.deepStrictEqual({ ...Message.empty }, before)
  })
  it("adds recipients and sets the rest", () => {
    const message = Message.make({ from: "a@example.com", to: "b@example.com" }).pipe(
      Message.from("c@example.com"),
      Message.to("d@example.com")
    )
    assert.deepStrictEqual(message.from, ["c@example.com"])
    assert.deepStrictEqual(message.to, ["b@example.com", "d@example.com"])
  })
  it("merges envelopes, of ready messages too", () => {
    const eml = Message.eml(new Uint8Array()).pipe(
      Message.envelope({ from: "" }),
      Message.envelope({ to: "a@example.com" })
    )
    assert.deepStrictEqual(eml.envelope, { from: "", to: "a@example.com" })
  })
  it("knows its own", () => {
    assert.isTrue(Message.isMessage(Message.empty.pipe(Message.text("a"))))
    assert.isTrue(Message.isMessage(Message.eml(new Uint8Array())))
    for (const other of [undefined, null, "a", {}, { _tag: "Composed" }]) assert.isFalse(Message.isMessage(other))
  })
})
