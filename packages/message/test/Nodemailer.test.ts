/**
 * nodemailer's composer and ours say the same with the same input, as postal-mime reads it, or the table says in what they differ
 * and why. An explanation that no longer holds fails as well.
 */
import * as EncodedWord from "@effect-mail/message/EncodedWord"
import * as Message from "@effect-mail/message/Message"
import type * as Parcel from "@effect-mail/message/Parcel"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import MailComposer from "nodemailer/lib/mail-composer"
import PostalMime from "postal-mime"
import { octets, render } from "./support/render.ts"

/** An attachment in words that both understand. */
interface File {
  readonly name?: string
  readonly content: string | Uint8Array
  readonly type?: string
  readonly cid?: string
  readonly disposition?: "attachment" | "inline"
}

interface Case {
  readonly name: string
  /** What both are given; by default a short text from Ada to Bob. */
  readonly given: Omit<Message.Options, "attachments" | "envelope" | "list" | "unsubscribe"> & {
    readonly files?: ReadonlyArray<File>
    readonly envelope?: { readonly from: string; readonly to: string }
  }
  readonly ours?: (message: Message.Composed) => Message.Composed
  readonly theirs?: object
  /** In what the two differ, and why; by default in nothing. */
  readonly differs?: Readonly<Record<string, string>>
  /** Why ours refuses it. */
  readonly refused?: string
}

const long = "A sentence of some length that has to be folded somewhere, ".repeat(12)
const date = new Date(1_893_456_000_000)
const svg = "<svg/>"
const invitation = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"

const cases: ReadonlyArray<Case> = [
  { name: "plain text", given: {} },
  { name: "no text at all", given: { text: undefined } },
  { name: "an empty text", given: { text: "" } },
  {
    name: "an empty subject",
    given: { subject: "" }
  },
  { name: "HTML alone", given: { text: undefined, html: "<p>Hi</p>" } },
  { name: "text and HTML", given: { html: "<p>Hi</p>" } },
  { name: "umlauts in all", given: { subject: "Grüße", text: "Schöne Grüße\n", html: "<p>Grüße</p>\n" } },
  { name: "Japanese in all", given: { subject: "日本語の件名", text: "本文です。\n", html: "<p>本文</p>\n" } },
  { name: "emoji", given: { subject: "😀 smile", text: "😀\n" } },
  { name: "a long subject", given: { subject: `${long}end` } },
  { name: "a long subject in Japanese", given: { subject: "日本語の件名".repeat(20) } },
  {
    name: "a subject that looks encoded",
    given: { subject: "=?utf-8?q?x?=" },
    differs: { subject: "nodemailer lets it be read as an encoded-word; ours is read as it was given" }
  },
  { name: "a subject with two spaces", given: { subject: "a  b" } },
  { name: "bare line feeds", given: { text: "a\nb\n" } },
  { name: "carriage returns", given: { text: "a\rb\r\nc\n" } },
  { name: "a line of 2000 characters", given: { text: `${"x".repeat(2000)}\n` } },
  { name: "a long line of words", given: { text: `${long}\n` } },
  { name: "white space at the ends of lines", given: { text: "a \nb\t\n \n" } },
  { name: "dots and From at the beginning of lines", given: { text: ".\n..\nFrom me\n>From me\n" } },
  { name: "what looks like a boundary", given: { text: "--\n--=_x\n----\n", html: "<p>--</p>\n" } },
  { name: "what looks quoted", given: { text: "=3D =\né\n" } },
  { name: "a display name", given: { from: "Ada Lovelace <ada@example.com>" } },
  {
    name: "a name with special characters",
    given: { from: { name: 'Lovelace, "Ada" (Dr.)', address: "ada@example.com" } }
  },
  { name: "a name that is not ASCII", given: { from: { name: "Jürgen Größe", address: "j@example.com" } } },
  { name: "a long name that is not ASCII", given: { to: { name: "山田太郎".repeat(12), address: "y@example.com" } } },
  {
    name: "several recipients of all kinds",
    given: { to: ["a@example.com", "b@example.com"], cc: "c@example.com", bcc: "d@example.com" }
  },
  {
    name: "hidden recipients alone",
    given: { to: [], bcc: "d@example.com" },
    differs: { to: "ours says undisclosed-recipients:; (MSG-014), nodemailer nothing" }
  },
  { name: "a reply address", given: { replyTo: ["r@example.com", "Reply <s@example.com>"] } },
  {
    name: "a sender",
    given: { from: ["a@example.com", "b@example.com"], sender: "s@example.com" },
    differs: { envelope: "RFC 5321 has the sender as reverse-path (MSG-018); nodemailer takes the first author" }
  },
  {
    name: "a recipient twice",
    given: { to: ["a@example.com", "a@example.com"] }
  },
  {
    name: "an internationalized domain",
    given: { to: "bob@bücher.example" },
    differs: {
      envelope: "nodemailer writes A-labels at once; ours when a command is written for a server without SMTPUTF8"
    }
  },
  { name: "an envelope of its own", given: { envelope: { from: "bounces@example.com", to: "x@example.org" } } },
  {
    name: "a Message-ID, a date and a thread",
    given: {
      messageId: "<1@example.com>",
      date,
      inReplyTo: "<0@example.com>",
      references: ["<a@example.com>", "<0@example.com>"]
    }
  },
  {
    name: "a long thread",
    given: { references: Array.from({ length: 40 }, (_, i) => `<${i}.a.long.id@example.com>`) }
  },
  { name: "headers of one's own", given: { headers: { "X-One": "1", "X-Two": "zwei Wörter" } } },
  {
    name: "high priority",
    given: { priority: "high" },
    differs: { headers: "nodemailer adds X-MSMail-Priority, which nobody has read for decades" }
  },
  { name: "low priority", given: { priority: "low" }, differs: { headers: "nodemailer adds X-MSMail-Priority" } },
  {
    name: "a list",
    given: {},
    ours: Message.list({ id: "news.example.com", help: "mailto:help@example.com" }),
    // Its Mailer knows lists, its composer does not.
    theirs: { headers: { "List-Id": "<news.example.com>", "List-Help": "<mailto:help@example.com>" } }
  },
  {
    name: "unsubscribing by one click",
    given: {},
    ours: Message.listUnsubscribe({ url: "https://example.com/u", mailto: "mailto:out@example.com" }),
    theirs: {
      headers: {
        "List-Unsubscribe": "<https://example.com/u>, <mailto:out@example.com>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"
      }
    }
  },
  { name: "a text file", given: { files: [{ name: "a.txt", content: "one\ntwo\n" }] } },
  { name: "octets", given: { files: [{ name: "a.bin", content: new Uint8Array(500).map((_, i) => i) }] } },
  { name: "an empty file", given: { files: [{ name: "a.bin", content: "" }] } },
  { name: "a file alone", given: { text: undefined, files: [{ name: "a.pdf", content: "%PDF" }] } },
  {
    name: "a file without a name",
    given: { files: [{ content: "x", type: "application/pdf" }] },
    differs: { files: "nodemailer makes up the name attachment-1.pdf" }
  },
  { name: "a file name that is not ASCII", given: { files: [{ name: "naïve € file.pdf", content: "x" }] } },
  { name: "a long file name", given: { files: [{ name: `${"長い名前".repeat(12)}.pdf`, content: "x" }] } },
  { name: "a file name with quotes and more", given: { files: [{ name: "a\"b';c,d%41.pdf", content: "x" }] } },
  {
    name: "a file name with a path",
    given: { files: [{ name: "../etc/passwd.pdf", content: "x" }] },
    differs: { files: "nodemailer sends the path, ours its last segment (MIME-012)" }
  },
  {
    name: "a type with parameters",
    given: { files: [{ name: "a.csv", content: "a,b\n", type: "text/csv; header=present" }] }
  },
  {
    name: "two files",
    given: {
      html: "<p>Hi</p>",
      files: [
        { name: "a.pdf", content: "a" },
        { name: "b.png", content: "b" }
      ]
    }
  },
  {
    name: "a picture within the HTML",
    given: {
      html: '<img src="cid:a@example.com">',
      files: [{ name: "a.svg", content: svg, cid: "a@example.com", disposition: "inline" }]
    }
  },
  {
    name: "a picture and a file",
    given: {
      html: '<img src="cid:a@example.com">',
      files: [
        { name: "a.svg", content: svg, cid: "a@example.com", disposition: "inline" },
        { name: "b.pdf", content: "b" }
      ]
    }
  },
  {
    name: "a picture without HTML",
    given: { files: [{ name: "a.svg", content: svg, cid: "a@example.com", disposition: "inline" }] }
  },
  {
    name: "an invitation",
    given: { html: "<p>Hi</p>" },
    ours: Message.calendar({ method: "REQUEST", content: invitation }),
    theirs: { icalEvent: { method: "REQUEST", content: invitation, filename: false } },
    differs: {
      files: "nodemailer attaches the object a second time, with a name; calendars then offer it twice",
      tree: "as above"
    }
  },
  {
    name: "AMP",
    given: { html: "<p>Hi</p>\n" },
    ours: Message.alternative({ type: "text/x-amp-html", content: "<html amp4email></html>\n" }),
    theirs: { amp: "<html amp4email></html>\n" }
  },
  {
    name: "CR LF in a subject",
    given: { subject: "a\r\nBcc: eve@example.com" },
    refused: "nodemailer makes a space of it; ours says that something is wrong"
  },
  {
    name: "a list of addresses in one string",
    given: { to: "a@example.com, b@example.com" },
    refused: "recipients are smuggled in that way; ours wants it parsed on purpose"
  },
  { name: "half of a character", given: { text: "\ud83d\n" }, refused: "nodemailer sends a replacement character" }
]

const plain: Message.Options = { from: "ada@example.com", to: "bob@example.net", subject: "Hello", text: "Hi\n" }

const named = [
  "x-one",
  "x-two",
  "importance",
  "x-priority",
  "x-msmail-priority",
  "list-id",
  "list-help",
  "list-unsubscribe",
  "list-unsubscribe-post"
]

const hex = (content: ArrayBuffer | Uint8Array | string) =>
  (typeof content === "string" ? Buffer.from(content) : Buffer.from(new Uint8Array(content))).toString("hex")

const lines = (text: string | undefined) => (text ?? "").replace(/\r\n?|\n/g, "\n").replace(/\n*$/, "")

// What a reader sees, and the tree of types.
const facts = async (message: Uint8Array, envelope: { readonly from: string; readonly to: ReadonlyArray<string> }) => {
  const email = await PostalMime.parse(message)
  const types = Buffer.from(message)
    .toString("latin1")
    .matchAll(/^content-type: ?([^;\s]+)/gim)
  return {
    subject: email.subject,
    from: email.from,
    sender: email.sender,
    replyTo: email.replyTo,
    to: email.to,
    cc: email.cc,
    bcc: email.bcc,
    thread: [email.inReplyTo, email.references?.split(/\s+/)],
    headers: email.headers
      .filter(({ key }) => named.includes(key))
      .map(({ key, value }) => `${key}: ${EncodedWord.decode(value)}`)
      .toSorted(),
    text: lines(email.text),
    html: lines(email.html),
    files: email.attachments.map(({ content, contentId, disposition, filename, mimeType }) => [
      filename,
      mimeType,
      disposition,
      contentId,
      hex(content)
    ]),
    tree: Array.from(types, ([, type]) => type?.toLowerCase()),
    envelope: [envelope.from, envelope.to]
  }
}

const byUs = ({ given, ours = (message) => message }: Case) => {
  const { files = [], ...options } = given
  return render(ours(Message.make({ ...plain, ...options, attachments: files })))
}

const addresses = ({ envelope }: Parcel.Parcel) => ({
  from: String(envelope.reversePath),
  to: envelope.recipients.map(({ address }) => String(address))
})

const byNodemailer = async ({ given, theirs }: Case) => {
  const { files = [], ...options } = given
  const attachments = files.map(({ cid, content, disposition, name, type }) => ({
    filename: name,
    content: typeof content === "string" ? content : Buffer.from(content),
    contentType: type,
    contentDisposition: disposition,
    cid
  }))
  // Its options are the same, but for those that are given in `theirs`.
  const mail = new MailComposer({ ...plain, ...options, attachments, ...theirs } as ConstructorParameters<
    typeof MailComposer
  >[0]).compile()
  const { from, to } = mail.getEnvelope()
  return facts(await mail.build(), { from: from === false ? "" : from, to })
}

describe(`nodemailer's composer and ours in ${cases.length} cases`, () => {
  it("are at least fifty, each with a name of its own", () => {
    assert.isAtLeast(cases.length, 50)
    assert.strictEqual(new Set(cases.map(({ name }) => name)).size, cases.length)
  })

  it.effect.each(cases)("$name", (one) =>
    Effect.gen(function* () {
      const theirs = yield* Effect.promise(() => byNodemailer(one))
      const rendered = yield* Effect.result(byUs(one))
      if (Result.isFailure(rendered)) {
        assert.isDefined(one.refused, rendered.failure.message)
        return
      }
      assert.isUndefined(one.refused)
      const message = yield* octets(rendered.success)
      const ours = yield* Effect.promise(() => facts(message, addresses(rendered.success)))
      for (const name of Object.keys(ours) as ReadonlyArray<keyof typeof ours>) {
        if (one.differs?.[name] === undefined) assert.deepStrictEqual(ours[name], theirs[name], name)
        else assert.notDeepEqual(ours[name], theirs[name], `${name}: the explanation no longer holds`)
      }
    })
  )
})
